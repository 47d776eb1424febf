//! Issuing links.
//!
//! What is in force is read, and links are written, for all who wait at that moment (`gather`): many small calls at once
//! share statements and commits. Each is answered from what was read after it came, and after the commit of its links.
//!
//! No lock is held: what is read may be deleted before the links are written. Then the links are dead from their first
//! use, because they name the attachment rows and the generation that were read, which never come back.

mod insert;
pub(super) mod read;
pub(super) mod write;

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Store, StoreError};
use crate::domain::attachment::Attachment;
use crate::domain::ids::{AttachmentId, CommentPath, Recipient, RequestId};
use crate::domain::link::LinkKind;
use crate::domain::security::{Mode, SiteSettings};
use crate::domain::token::{LinkId, SecretHash};
use write::{LINKS_PER_TRANSACTION, Part};

/// What a call wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The request that the customer reads about; remembered for the portal's address on the page of a dead link.
    pub request: Option<&'a RequestId>,
    /// The attachments, in this order; all of the comment's in the order of their registration when `None`.
    pub attachments: Option<&'a [AttachmentId]>,
}

/// What is in force when links are issued.
#[derive(Debug, Clone)]
pub struct IssueContext {
    /// The site's settings.
    pub settings: SiteSettings,
    /// The project's mode.
    pub mode: Mode,
    /// Whether customers log in at this service to download: the site has a login provider.
    pub has_login: bool,
    /// The attachments wanted, in the order wanted.
    pub attachments: Vec<Attachment>,
}

/// A link to be written.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// Its public name, made at the time of the call.
    pub id: LinkId,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// What it opens: an index into [`IssueContext::attachments`].
    pub attachment: usize,
    /// Whom it is for.
    pub recipient: Option<Recipient>,
}

/// What became of a call for links.
#[derive(Debug)]
pub enum Issued<T, E> {
    /// There is no such site.
    SiteNotFound,
    /// The comment was deleted.
    CommentDeleted,
    /// The comment has no such attachment.
    AttachmentNotFound(AttachmentId),
    /// The caller's rules refused.
    Refused(E),
    /// The links are written, and work.
    Done(T),
}

/// The attachments wanted, in the order wanted, or the first that there is not.
fn choose(all: Vec<Attachment>, wanted: Option<&[AttachmentId]>) -> Result<Vec<Attachment>, AttachmentId> {
    let Some(wanted) = wanted else { return Ok(all) };
    let by_id: std::collections::HashMap<_, _> = all.iter().map(|attachment| (&attachment.id, attachment)).collect();
    wanted.iter().map(|id| by_id.get(id).map(|found| (*found).clone()).ok_or_else(|| id.clone())).collect()
}

/// Ids and rows of what links open.
fn opened(attachments: &[Attachment]) -> Arc<[(AttachmentId, i64)]> {
    attachments.iter().map(|attachment| (attachment.id.clone(), attachment.row)).collect()
}

impl Store {
    /// Reads what is in force, lets `build` apply the rules and make links for emails, and writes those. They expire 28
    /// days after `now`. Where there is nothing to write, no lock is waited for.
    ///
    /// # Errors
    /// When the database does not answer; no link may be handed out then.
    pub async fn issue<T, E>(
        &self,
        path: &CommentPath,
        wanted: Wanted<'_>,
        now: OffsetDateTime,
        build: impl FnOnce(&IssueContext) -> Result<(T, Vec<NewLink>), E>,
    ) -> Result<Issued<T, E>, StoreError> {
        self.issue_for(LinkKind::Email, path, wanted, now, build).await
    }

    /// As [`Store::issue`], for whatever kind of link.
    ///
    /// # Errors
    /// As [`Store::issue`].
    pub async fn issue_for<T, E>(
        &self,
        kind: LinkKind,
        path: &CommentPath,
        wanted: Wanted<'_>,
        now: OffsetDateTime,
        build: impl FnOnce(&IssueContext) -> Result<(T, Vec<NewLink>), E>,
    ) -> Result<Issued<T, E>, StoreError> {
        self.must_not_be_restored()?;
        let Some(known) = self.gathered.in_force.ask(path.clone(), 1).await? else { return Ok(Issued::SiteNotFound) };
        if known.deleted {
            return Ok(Issued::CommentDeleted);
        }
        let (project, generation, had_request) = (known.project, known.generation(kind), known.request.is_some());
        let request = wanted.request.filter(|request| !known.is_of(request)).cloned();
        let known = Arc::unwrap_or_clone(known);
        let attachments = match choose(known.attachments, wanted.attachments) {
            Ok(attachments) => attachments,
            Err(missing) => return Ok(Issued::AttachmentNotFound(missing)),
        };
        let (settings, mode, has_login) = (known.settings, known.mode, known.has_login);
        let context = IssueContext { settings, mode, has_login, attachments };
        let (answer, links) = match build(&context) {
            Ok(done) => done,
            Err(refused) => return Ok(Issued::Refused(refused)),
        };
        let attachments = opened(&context.attachments);
        let expires_at = (now + kind.lifetime()).unix_timestamp();
        let path = path.clone();
        self.write(Part { path, request, had_request, project, attachments, generation, expires_at, links }).await?;
        self.must_not_be_restored()?;
        Ok(Issued::Done(answer))
    }

    /// Writes the links, and the request where it is another than before. Links that are written when a later part
    /// fails were never handed out, and nobody can know their secrets.
    async fn write(&self, mut part: Part) -> Result<(), StoreError> {
        if part.links.iter().any(|link| link.attachment >= part.attachments.len()) {
            return Err(StoreError::Corrupt("a link for an attachment that was not asked for"));
        }
        while part.request.is_some() || !part.links.is_empty() {
            let later = part.without_links();
            let later = Part { links: part.links.split_off(LINKS_PER_TRANSACTION.min(part.links.len())), ..later };
            let weight = part.weight();
            self.gathered.links.ask(part, weight).await?;
            part = later;
        }
        Ok(())
    }
}

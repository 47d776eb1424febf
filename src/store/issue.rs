//! Issuing links.
//!
//! No lock is held: what is read may be deleted before the links are written. Then the links are dead from their first
//! use, because they name the attachment rows and the generation that were read, which never come back.

use time::OffsetDateTime;

use super::attachments::OF_COMMENT;
use super::db::{Sql, execute, fetch_all, fetch_optional, retried, sql};
use super::rows::{AttachmentRow, id};
use super::sites::SiteRow;
use super::{Store, StoreError};
use crate::domain::attachment::Attachment;
use crate::domain::ids::{AttachmentId, CommentPath, Recipient, RequestId};
use crate::domain::link::LinkKind;
use crate::domain::security::{Mode, SiteSettings};
use crate::domain::token::{LinkId, SecretHash};

const CONTEXT: Sql = sql(
    "SELECT s.plan, s.safe_notifications, s.portal_url, s.object_prefix, p.mode, p.generation, p.portal_generation, \
     c.deleted_at, c.request, (lp.site IS NOT NULL) AS has_login FROM sites AS s \
     LEFT JOIN login_providers AS lp ON lp.site = s.site \
     LEFT JOIN projects AS p ON p.site = s.site AND p.project = $2 \
     LEFT JOIN comments AS c ON c.site = s.site AND c.project = $2 AND c.comment = $3 WHERE s.site = $1",
);
const REMEMBER_REQUEST: Sql = sql("INSERT INTO comments (site, project, comment, request, changes) \
     VALUES ($1, $2, $3, $4, 0) ON CONFLICT (site, project, comment) DO UPDATE SET request = excluded.request, \
     idle_since = NULL");
/// All links of a call in one statement: a JSON array of arrays, octets as hex. Nothing in it can be a NUL, which
/// PostgreSQL's texts cannot hold.
const INSERT_LINKS: Sql = Sql {
    sqlite: "INSERT INTO links (link_id, secret_hash, attachment, attachment_id, recipient, expires_at, site, project, \
         comment, generation) \
         SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, $2, \
         $3, $4, $5, $6 FROM json_each($1)",
    postgres: "INSERT INTO links (link_id, secret_hash, attachment, attachment_id, recipient, expires_at, site, project, \
         comment, generation) \
         SELECT decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex'), value ->> 2, CAST(value ->> 3 AS BIGINT), \
         value ->> 4, $2, $3, $4, $5, $6 FROM json_array_elements(CAST($1 AS JSON)) AS rows (value)",
};

/// A call for more links is written in several transactions: the embedded database takes one writer at a time, and
/// behind no more than this many a revocation waits.
const LINKS_PER_TRANSACTION: usize = 1000;

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

#[derive(sqlx::FromRow)]
struct ContextRow {
    #[sqlx(flatten)]
    site: SiteRow,
    mode: Option<String>,
    generation: Option<i64>,
    portal_generation: Option<i64>,
    deleted_at: Option<i64>,
    request: Option<String>,
    has_login: bool,
}

/// What links are written under.
struct InForce<'a> {
    context: &'a IssueContext,
    generation: Option<i64>,
    kind: LinkKind,
    /// Whether the comment was known to belong to a request.
    had_request: bool,
    now: OffsetDateTime,
}

/// The attachments wanted, in the order wanted, or the first that there is not.
fn choose(all: Vec<Attachment>, wanted: Option<&[AttachmentId]>) -> Result<Vec<Attachment>, AttachmentId> {
    let Some(wanted) = wanted else { return Ok(all) };
    let by_id: std::collections::HashMap<_, _> = all.iter().map(|attachment| (&attachment.id, attachment)).collect();
    wanted.iter().map(|id| by_id.get(id).map(|found| (*found).clone()).ok_or_else(|| id.clone())).collect()
}

/// A link as the statement reads it. `None` when it is for an attachment that was not asked for.
fn row<'a>(link: &'a NewLink, attachments: &'a [Attachment]) -> Option<impl serde::Serialize + use<'a>> {
    let attachment = attachments.get(link.attachment)?;
    let recipient = link.recipient.as_ref().map(Recipient::as_str);
    Some((hex(link.id.octets()), hex(link.hash.octets()), attachment.id.as_str(), attachment.row, recipient))
}

fn rows(links: &[NewLink], attachments: &[Attachment]) -> Result<String, StoreError> {
    let rows: Option<Vec<_>> = links.iter().map(|link| row(link, attachments)).collect();
    let rows = rows.ok_or(StoreError::Corrupt("a link for an attachment that was not asked for"))?;
    serde_json::to_string(&rows).map_err(|_| StoreError::Corrupt("links that cannot be written as JSON"))
}

/// Octets as lower-case hex.
pub(super) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 0xf])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
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
        let (site, project, comment) = path.texts();
        // In this order: a comment deleted in between is then seen to be deleted, and not to have no attachments.
        let attachments = fetch_all!(self.db.read(), AttachmentRow, OF_COMMENT, site, project, comment)?;
        let Some(row) = fetch_optional!(self.db.read(), ContextRow, CONTEXT, site, project, comment)? else {
            return Ok(Issued::SiteNotFound);
        };
        if row.deleted_at.is_some() {
            return Ok(Issued::CommentDeleted);
        }
        let attachments = attachments.into_iter().map(AttachmentRow::read).collect::<Result<_, _>>()?;
        let attachments = match choose(attachments, wanted.attachments) {
            Ok(attachments) => attachments,
            Err(missing) => return Ok(Issued::AttachmentNotFound(missing)),
        };
        let mode = row.mode.map(|name| Mode::from_name(&name).ok_or(StoreError::Corrupt("a project's mode")));
        let mode = mode.transpose()?.unwrap_or_default();
        let context = IssueContext { settings: row.site.read()?, mode, has_login: row.has_login, attachments };
        let (answer, links) = match build(&context) {
            Ok(done) => done,
            Err(refused) => return Ok(Issued::Refused(refused)),
        };
        let known = row.request.as_deref().map(id::<RequestId>).transpose()?;
        let request = wanted.request.filter(|request| known.as_ref() != Some(request));
        let generation = match kind {
            LinkKind::Email => row.generation,
            LinkKind::Portal => row.portal_generation,
        };
        let had_request = known.is_some();
        if request.is_some() || !links.is_empty() {
            self.write_issued(
                path,
                request,
                &links,
                &InForce { context: &context, generation, kind, had_request, now },
            )
            .await?;
        }
        self.must_not_be_restored()?;
        Ok(Issued::Done(answer))
    }

    /// Writes the links, and the request where it is another than before. Links that are written when a later part
    /// fails were never handed out, and nobody can know their secrets.
    async fn write_issued(
        &self,
        path: &CommentPath,
        mut request: Option<&RequestId>,
        links: &[NewLink],
        in_force: &InForce<'_>,
    ) -> Result<(), StoreError> {
        let mut parts = links.chunks(LINKS_PER_TRANSACTION);
        let mut part = parts.next().unwrap_or_default();
        loop {
            let rows = rows(part, &in_force.context.attachments)?;
            self.write_part(path, request.take(), &rows, in_force).await?;
            let Some(next) = parts.next() else { return Ok(()) };
            part = next;
        }
    }

    async fn write_part(
        &self,
        path: &CommentPath,
        request: Option<&RequestId>,
        rows: &str,
        in_force: &InForce<'_>,
    ) -> Result<(), StoreError> {
        let (site, project, comment) = path.texts();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if let Some(request) = request {
                execute!(tx.on(), REMEMBER_REQUEST, site, project, comment, request.as_str())?;
            }
            // Without a generation there is no project, so there are no attachments and no links.
            if let Some(generation) = in_force.generation {
                let expires_at = (in_force.now + in_force.kind.lifetime()).unix_timestamp();
                execute!(tx.on(), INSERT_LINKS, rows, expires_at, site, project, comment, generation)?;
            }
            // Who was on the other request, and is not on this one, can no longer download.
            if in_force.had_request && request.is_some() { tx.commit_revocation().await } else { tx.commit().await }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_as_hex() {
        assert_eq!(hex(&[]), "");
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}

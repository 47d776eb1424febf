//! What follows a committed revocation: running downloads are cut, and it is counted and put on record.

use crate::app::App;
use crate::audit::{self, Revoked};
use crate::domain::access::ApiKey;
use crate::domain::ids::{AttachmentPath, CommentPath, ProjectId, SiteId};
use crate::domain::token::LinkId;
use crate::metrics::RevocationReason;

/// What was revoked, with everything under it.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    site: &'a SiteId,
    what: Revoked<'a>,
}

impl<'a> Under<'a> {
    /// A whole site.
    pub(super) fn site(site: &'a SiteId) -> Self {
        Self { site, what: Revoked::default() }
    }

    /// A project.
    pub(super) fn project(site: &'a SiteId, project: &'a ProjectId) -> Self {
        Self { site, what: Revoked { project: Some(project), ..Revoked::default() } }
    }

    /// A comment.
    pub(super) fn comment(path: &'a CommentPath) -> Self {
        let Self { site, what } = Self::project(&path.site, &path.project);
        Self { site, what: Revoked { comment: Some(path.comment.as_str()), ..what } }
    }

    /// An attachment.
    pub(super) fn attachment(path: &'a AttachmentPath) -> Self {
        let Self { site, what } = Self::comment(&path.comment);
        Self { site, what: Revoked { attachment: Some(path.attachment.as_str()), ..what } }
    }

    /// One link.
    pub(super) fn link(site: &'a SiteId, link: LinkId) -> Self {
        Self { site, what: Revoked { link: Some(link), ..Revoked::default() } }
    }
}

/// Cuts what runs under it at once, and records it. To be called after the commit.
pub(super) fn record(app: &App, key: &ApiKey, reason: RevocationReason, under: Under<'_>) {
    app.downloads.sweep_soon();
    app.metrics.revoked(reason);
    audit::revoked(Some(key.id), reason, under.site, under.what);
}

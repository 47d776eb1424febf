//! Killing links and nothing else: what the operator's `revoke` does.

use time::OffsetDateTime;

use super::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use super::sites::SITE_EXISTS;
use super::{Store, StoreError, row_ids};
use crate::domain::ids::{AttachmentPath, CommentPath, ProjectId, SiteId};

// The old generation with the bits of one random number flipped: random again, and no two projects share it.
const RENEW_SITE: Sql = sql("UPDATE projects SET generation = (generation | $2) - (generation & $2), \
     portal_generation = $3 WHERE site = $1");
const RENEW_PROJECT: Sql =
    sql("UPDATE projects SET generation = $3, portal_generation = $4 WHERE site = $1 AND project = $2");
const ROWS_OF_COMMENT: Sql = sql("SELECT a.attachment, a.attachment_id FROM projects AS p \
     JOIN attachments AS a ON a.project_id = p.project_id AND a.comment = $3 WHERE p.site = $1 AND p.project = $2");
const RENEW_ATTACHMENT: Sql = sql("UPDATE attachments SET attachment_id = $2 WHERE attachment_id = $1");

/// Whose links are to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokeTarget {
    /// All of a site's.
    Site(SiteId),
    /// All of a project's.
    Project(SiteId, ProjectId),
    /// All of a comment's.
    Comment(CommentPath),
    /// All of an attachment's.
    Attachment(AttachmentPath),
}

impl RevokeTarget {
    /// The site that it lies in.
    #[must_use]
    pub fn site(&self) -> &SiteId {
        match self {
            Self::Site(site) | Self::Project(site, _) => site,
            Self::Comment(path) => &path.site,
            Self::Attachment(path) => &path.comment.site,
        }
    }
}

/// Gives attachments new rows, so that links to the old ones find nothing. The order of registration is kept.
async fn renew_attachments(
    store: &Store,
    tx: &mut Tx,
    path: &CommentPath,
    only: Option<&str>,
    now: OffsetDateTime,
) -> Result<u64, StoreError> {
    let (site, project, comment) = path.texts();
    let rows = fetch_all!(tx.on(), (String, i64), ROWS_OF_COMMENT, site, project, comment)?;
    let mut renewed = 0;
    for (attachment, old) in rows {
        if only.is_none_or(|only| only == attachment) {
            let given = execute!(tx.on(), RENEW_ATTACHMENT, old, store.attachment_rows.next(now));
            renewed += given.map_err(StoreError::of_drawn_number)?;
        }
    }
    Ok(renewed)
}

impl Store {
    /// Kills the links issued so far under a target; attachments, modes and settings stay. `None`: no such site; else
    /// in how many projects (for a site or project) or for how many attachments (for a comment or attachment).
    ///
    /// # Errors
    /// When the database does not answer; whether they were killed is open then.
    pub async fn revoke_under(&self, target: &RevokeTarget, now: OffsetDateTime) -> Result<Option<u64>, StoreError> {
        let site = target.site().as_str();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site)?.is_none() {
                return Ok(None);
            }
            let renewed = match target {
                RevokeTarget::Site(_) => execute!(tx.on(), RENEW_SITE, site, row_ids::random(), row_ids::random())?,
                RevokeTarget::Project(_, project) => {
                    execute!(tx.on(), RENEW_PROJECT, site, project.as_str(), row_ids::random(), row_ids::random())?
                }
                RevokeTarget::Comment(path) => renew_attachments(self, &mut tx, path, None, now).await?,
                RevokeTarget::Attachment(path) => {
                    renew_attachments(self, &mut tx, &path.comment, Some(path.attachment.as_str()), now).await?
                }
            };
            tx.commit_revocation().await?;
            Ok(Some(renewed))
        })
    }
}

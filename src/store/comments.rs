//! Comments and their tombstones.

use time::OffsetDateTime;

use super::db::{Sql, execute, fetch_optional, retried, sql};
use super::objects::doom_uploads;
use super::sites::SITE_EXISTS;
use super::{Store, StoreError, portal};
use crate::domain::ids::CommentPath;

const STATE: Sql = sql("SELECT c.deleted_at FROM sites AS s \
     LEFT JOIN comments AS c ON c.site = s.site AND c.project = $2 AND c.comment = $3 WHERE s.site = $1");
// `changes` makes a repeated deletion a change, which its commit brings to the disk: see `Tx::commit_revocation`.
const BURY: Sql = sql("INSERT INTO comments (site, project, comment, deleted_at, changes) VALUES ($1, $2, $3, $4, 1) \
     ON CONFLICT (site, project, comment) DO UPDATE SET \
     deleted_at = coalesce(comments.deleted_at, excluded.deleted_at), changes = comments.changes + 1");

/// The attachments of a comment in the project's row of today.
macro_rules! of_comment {
    () => {
        "project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2) AND comment = $3"
    };
}
const DOOM: Sql = sql(doom_uploads!(of_comment!(), "$4"));
const DELETE_ATTACHMENTS: Sql = sql(concat!("DELETE FROM attachments WHERE ", of_comment!()));

/// Whether something may be registered or sent under a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentState {
    /// There is no such site.
    SiteNotFound,
    /// It was deleted. This is for ever.
    Deleted,
    /// It may, as far as is known.
    Open,
}

impl Store {
    /// The state of a comment: an early answer before an upload streams. [`Store::register`] decides.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn comment_state(&self, path: &CommentPath) -> Result<CommentState, StoreError> {
        let (site, project, comment) = path.texts();
        let row = fetch_optional!(self.db.read(), (Option<i64>,), STATE, site, project, comment)?;
        Ok(match row {
            None => CommentState::SiteNotFound,
            Some((Some(_),)) => CommentState::Deleted,
            Some((None,)) => CommentState::Open,
        })
    }

    /// Deletes a comment, known or not: kills its links, forgets its attachments, dooms what was uploaded for them, and
    /// leaves the tombstone. `None`: no such site; else how many attachments died. A repeated deletion commits again.
    ///
    /// # Errors
    /// When the database does not answer; whether it was deleted is open then.
    pub async fn delete_comment(&self, path: &CommentPath, now: OffsetDateTime) -> Result<Option<u64>, StoreError> {
        let (site, project, comment) = path.texts();
        let at = now.unix_timestamp();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site)?.is_none() {
                return Ok(None);
            }
            execute!(tx.on(), BURY, site, project, comment, at)?;
            execute!(tx.on(), DOOM, site, project, comment, at)?;
            portal::clear::delete_comment(&mut tx, path).await?;
            let died = execute!(tx.on(), DELETE_ATTACHMENTS, site, project, comment)?;
            tx.commit_revocation().await?;
            Ok(Some(died))
        })
    }
}

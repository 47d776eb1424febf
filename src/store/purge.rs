//! Clearing away, in small batches, what can no longer matter. Tombstones stay.

use time::OffsetDateTime;

use super::db::{Sql, execute, fetch_optional, retried, sql, sql_that_locks};
use super::objects::doom_uploads;
use super::rows::bigint;
use super::{Store, StoreError};
use crate::domain::link::{KEPT_AFTER_EXPIRY, LINK_LIFETIME};
use crate::domain::token::LinkId;

// Ids are ordered by the time of issue: the oldest rows are one range at the start of the table.
const OLD_LINK: Sql = sql("SELECT expires_at FROM links WHERE link_id < $1 LIMIT 1");
const DELETE_OLD_LINKS: Sql = sql("DELETE FROM links WHERE link_id IN \
     (SELECT link_id FROM links WHERE link_id < $1 ORDER BY link_id LIMIT $2)");
const QUEUED: Sql = sql("SELECT project_id, deleted_at FROM deleted_projects ORDER BY project_id LIMIT 1");
// Of several replicas that purge, one clears a project, and the others leave it alone.
const HOLD: Sql = sql_that_locks!(
    "SELECT project_id, deleted_at FROM deleted_projects WHERE project_id = $1",
    "FOR UPDATE SKIP LOCKED"
);
const DONE: Sql = sql("DELETE FROM deleted_projects WHERE project_id = $1");

/// A batch of what is left of a deleted project.
macro_rules! batch_of_project {
    () => {
        "attachment_id IN (SELECT attachment_id FROM attachments WHERE project_id = $1 \
         ORDER BY comment, attachment LIMIT $2)"
    };
}
const DOOM: Sql = sql(doom_uploads!(batch_of_project!(), "$3"));
const DELETE_ATTACHMENTS: Sql = sql(concat!("DELETE FROM attachments WHERE ", batch_of_project!()));

impl Store {
    /// Forgets at most `batch` links that have been expired so long that their tokens are refused without a look-up.
    /// Says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_links(&self, now: OffsetDateTime, batch: u64) -> Result<u64, StoreError> {
        let first_kept = LinkId::first_of(now - LINK_LIFETIME - KEPT_AFTER_EXPIRY);
        let first_kept = first_kept.as_slice();
        // Asked first, so that a purge with nothing to do keeps no writer waiting.
        if fetch_optional!(self.db.read(), (i64,), OLD_LINK, first_kept)?.is_none() {
            return Ok(0);
        }
        retried!(async {
            let mut tx = self.db.begin().await?;
            let deleted = execute!(tx.on(), DELETE_OLD_LINKS, first_kept, bigint(batch)?)?;
            tx.commit().await?;
            Ok(deleted)
        })
    }

    /// Forgets at most `batch` attachments of one deleted project, and dooms what was uploaded for them. Says how many
    /// rows were cleared away; 0 when nothing is left of any deleted project.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_deleted_projects(&self, batch: u64) -> Result<u64, StoreError> {
        let Some((project_id, deleted_at)) = fetch_optional!(self.db.read(), (i64, i64), QUEUED)? else {
            return Ok(0);
        };
        let limit = bigint(batch)?;
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64, i64), HOLD, project_id)?.is_none() {
                return Ok(0);
            }
            execute!(tx.on(), DOOM, project_id, limit, deleted_at)?;
            let mut cleared = execute!(tx.on(), DELETE_ATTACHMENTS, project_id, limit)?;
            if cleared < batch {
                cleared += execute!(tx.on(), DONE, project_id)?;
            }
            tx.commit().await?;
            Ok(cleared)
        })
    }
}

//! Clearing away, in small batches, what can no longer matter. Tombstones stay.

use time::{Duration, OffsetDateTime};

use super::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql, sql_that_locks};
use super::objects::doom_uploads;
use super::rows::bigint;
use super::{Store, StoreError, portal};
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

// Along the primary key, whatever the rows say: comments with attachments may be most of them, and stay for years.
const COMMENTS_AFTER: Sql = sql("SELECT c.site, c.project, c.comment, c.changes, c.idle_since, c.deleted_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM projects AS p JOIN attachments AS a ON a.project_id = p.project_id \
     AND a.comment = c.comment WHERE p.site = c.site AND p.project = c.project) AS idle FROM comments AS c \
     WHERE (c.site, c.project, c.comment) > ($1, $2, $3) ORDER BY c.site, c.project, c.comment LIMIT $4");
// A row that was used since it was read has other `changes`, or is idle no longer: it is left alone.
const SET_IDLE: Sql = sql("UPDATE comments SET idle_since = $5 \
     WHERE site = $1 AND project = $2 AND comment = $3 AND changes = $4 AND deleted_at IS NULL");
const FORGET_COMMENT: Sql = sql("DELETE FROM comments WHERE site = $1 AND project = $2 AND comment = $3 \
     AND changes = $4 AND idle_since = $5 AND deleted_at IS NULL");

/// How long a comment without attachments is remembered: links to what it had tell their readers about its request for
/// so long. One was issued at most moments after the attachments were seen to be gone.
const IDLE_COMMENTS_KEPT: Duration = LINK_LIFETIME.saturating_add(KEPT_AFTER_EXPIRY).saturating_add(Duration::DAY);

/// How far a walk along the comments has come. The default is its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommentsSeen {
    site: String,
    project: String,
    comment: String,
}

/// What a step of that walk did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentsPurged {
    /// How many comments were forgotten.
    pub purged: u64,
    /// Where to go on; the beginning after the last comment.
    pub seen: CommentsSeen,
}

#[derive(sqlx::FromRow)]
struct CommentRow {
    site: String,
    project: String,
    comment: String,
    changes: i64,
    idle_since: Option<i64>,
    /// Whether it has neither attachments nor a tombstone.
    idle: bool,
}

/// What becomes of a comment's row.
enum Fate {
    /// Nothing.
    Stays,
    /// It is noted that it is idle since a time, or not idle.
    Noted(Option<i64>),
    /// It goes, being idle since this time.
    Goes(i64),
}

impl CommentRow {
    fn fate(&self, now: OffsetDateTime) -> Fate {
        match (self.idle, self.idle_since) {
            (true, Some(since)) if since < (now - IDLE_COMMENTS_KEPT).unix_timestamp() => Fate::Goes(since),
            (true, None) => Fate::Noted(Some(now.unix_timestamp())),
            // A replica of a version that does not know of idle comments has registered something.
            (false, Some(_)) => Fate::Noted(None),
            (true, Some(_)) | (false, None) => Fate::Stays,
        }
    }

    async fn meet(&self, fate: &Fate, tx: &mut Tx) -> Result<u64, StoreError> {
        let (site, project, comment) = (self.site.as_str(), self.project.as_str(), self.comment.as_str());
        match *fate {
            Fate::Stays => Ok(0),
            Fate::Noted(since) => execute!(tx.on(), SET_IDLE, site, project, comment, self.changes, since).map(|_| 0),
            Fate::Goes(since) => execute!(tx.on(), FORGET_COMMENT, site, project, comment, self.changes, since),
        }
    }
}

impl Store {
    /// Looks at the next `batch` comments, and forgets those that have had neither attachments nor a tombstone for
    /// longer than any link to them is remembered.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_comments(
        &self,
        now: OffsetDateTime,
        after: &CommentsSeen,
        batch: u64,
    ) -> Result<CommentsPurged, StoreError> {
        let CommentsSeen { site, project, comment } = after;
        let limit = bigint(batch)?;
        let on = self.db.read();
        let rows =
            fetch_all!(on, CommentRow, COMMENTS_AFTER, site.as_str(), project.as_str(), comment.as_str(), limit)?;
        let fates: Vec<_> = rows.iter().map(|row| (row, row.fate(now))).collect();
        let purged = if fates.iter().all(|(_, fate)| matches!(fate, Fate::Stays)) {
            0
        } else {
            retried!(async {
                let mut tx = self.db.begin().await?;
                let mut purged = 0;
                for (row, fate) in &fates {
                    purged += row.meet(fate, &mut tx).await?;
                }
                tx.commit().await?;
                Ok(purged)
            })?
        };
        let more = rows.len() as u64 == batch;
        let seen = rows.into_iter().next_back().filter(|_| more).map(|row| {
            let CommentRow { site, project, comment, .. } = row;
            CommentsSeen { site, project, comment }
        });
        Ok(CommentsPurged { purged, seen: seen.unwrap_or_default() })
    }

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

    /// Forgets at most `batch` rows of one deleted project, and dooms what was uploaded for its attachments. Says how many
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
                cleared += portal::clear::clear_project(&mut tx, project_id, batch - cleared).await?;
            }
            if cleared < batch {
                cleared += execute!(tx.on(), DONE, project_id)?;
            }
            tx.commit().await?;
            Ok(cleared)
        })
    }
}

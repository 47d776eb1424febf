//! Customers who are logged in.

use time::OffsetDateTime;

use crate::domain::portal::{SESSION_KEPT, SessionId};
use crate::store::db::{Sql, Tx, execute, fetch_optional, retried, sql};
use crate::store::rows::bigint;
use crate::store::{Store, StoreError};

const BEGIN: Sql = sql("INSERT INTO login_sessions (session_id, over_at) VALUES ($1, $2)");
const END: Sql = sql("DELETE FROM login_sessions WHERE session_id = $1");
const END_ALL: Sql = sql("DELETE FROM login_sessions");
const OLD: Sql = sql("SELECT over_at FROM login_sessions WHERE over_at < $1 LIMIT 1");
const DELETE_OLD: Sql = sql("DELETE FROM login_sessions WHERE session_id IN \
     (SELECT session_id FROM login_sessions WHERE over_at < $1 ORDER BY over_at, session_id LIMIT $2)");

/// The database was restored: whoever logged out after the backup must not be logged in again.
pub(in crate::store) async fn end_all(tx: &mut Tx) -> Result<(), StoreError> {
    execute!(tx.on(), END_ALL,)?;
    Ok(())
}

impl Store {
    /// Remembers that somebody logged in.
    ///
    /// # Errors
    /// When the database does not answer; the session may not be handed out then.
    pub async fn begin_session(&self, session: &SessionId, over_at: i64) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            execute!(tx.on(), BEGIN, session.as_str(), over_at)?;
            tx.commit().await
        })
    }

    /// Ends a session, wherever its cookie is. Repeated, it commits again.
    ///
    /// # Errors
    /// When the database does not answer; whether it ended is open then.
    pub async fn end_session(&self, session: &SessionId) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            execute!(tx.on(), END, session.as_str())?;
            tx.commit_revocation().await
        })
    }

    /// Forgets at most `batch` sessions that were over long ago. Says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_sessions(&self, now: OffsetDateTime, batch: u64) -> Result<u64, StoreError> {
        let first_kept = (now - SESSION_KEPT).unix_timestamp();
        if fetch_optional!(self.db.read(), (i64,), OLD, first_kept)?.is_none() {
            return Ok(0);
        }
        retried!(async {
            let mut tx = self.db.begin().await?;
            let deleted = execute!(tx.on(), DELETE_OLD, first_kept, bigint(batch)?)?;
            tx.commit().await?;
            Ok(deleted)
        })
    }
}

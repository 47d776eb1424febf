//! The marks of revocations, and what a restored database may not do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use super::portal::{sessions, sign_up};
use super::rows::{bigint, count};
use super::{Store, StoreError, changes, row_ids};
use crate::domain::mark::Mark;

/// Numbers are handed out under the lock of one row, which is held to the commit: the order of numbers is the order of
/// commits, so a database that holds a mark holds every revocation before it.
const NUMBER: Sql = sql("UPDATE recommits SET count = count + 1 WHERE one = 1 RETURNING count");
const LEAVE: Sql = sql("INSERT INTO revocation_marks (number, random) VALUES ($1, $2)");
const NEWEST: Sql = sql("SELECT number, random FROM revocation_marks ORDER BY number DESC LIMIT 1");
const HOLDS: Sql = sql("SELECT number FROM revocation_marks WHERE number = $1 AND random = $2");
const FORGET: Sql = sql("DELETE FROM revocation_marks WHERE number < $1");
const CATCH_UP: Sql = sql("UPDATE recommits SET count = $1 WHERE one = 1 AND count < $1");
// Site by site: the triggers give a site another number once for all of its projects that come one after the other.
const PROJECTS: Sql = sql("SELECT project_id FROM projects ORDER BY site, project");
const RENEW: Sql = sql("UPDATE projects SET generation = $2, portal_generation = $3 WHERE project_id = $1");

/// Whether this process has found that its database was restored from a backup. Shared by the clones of a store.
#[derive(Clone, Default)]
pub(super) struct Restored(Arc<AtomicBool>);

impl Restored {
    fn is_known(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Says what was found out.
    pub(super) fn set(&self, restored: bool) {
        self.0.store(restored, Ordering::SeqCst);
    }
}

/// Leaves the mark of a revocation, as the last statement before its commit: the lock on the number is short.
pub(super) async fn leave(tx: &mut Tx) -> Result<Mark, StoreError> {
    let number = fetch_optional!(tx.on(), (i64,), NUMBER)?.ok_or(StoreError::Corrupt("the count of revocations"))?.0;
    let random = row_ids::random_octets();
    execute!(tx.on(), LEAVE, number, random.as_slice())?;
    Ok(Mark { number: count(number)?, random })
}

impl Store {
    /// Refuses to answer for a database that was restored from a backup.
    pub(super) fn must_not_be_restored(&self) -> Result<(), StoreError> {
        if !self.is_restored() {
            return Ok(());
        }
        // Then that is why.
        self.db.must_be_in_place()?;
        Err(StoreError::Restored)
    }

    /// Whether the database is known to be restored from a backup: then it serves and issues no link.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restored.is_known()
    }

    /// Says what was found out.
    pub fn set_restored(&self, restored: bool) {
        self.restored.set(restored);
    }

    /// The mark of the newest revocation; `None` before the first.
    ///
    /// # Errors
    /// When the database does not answer; [`StoreError::Replaced`] where it is not the one that others find.
    pub async fn newest_mark(&self) -> Result<Option<Mark>, StoreError> {
        self.db.must_be_in_place()?;
        let row = fetch_optional!(self.db.read(), (i64, Vec<u8>), NEWEST)?;
        let Some((number, random)) = row else { return Ok(None) };
        let random = random.try_into().map_err(|_| StoreError::Corrupt("a mark"))?;
        let mark = Mark { number: count(number)?, random };
        self.db.remember(mark);
        Ok(Some(mark))
    }

    /// Whether the database holds this mark, and so every revocation up to it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn holds_mark(&self, mark: &Mark) -> Result<bool, StoreError> {
        let number = bigint(mark.number)?;
        let held = fetch_optional!(self.db.read(), (i64,), HOLDS, number, mark.random.as_slice())?;
        Ok(held.is_some())
    }

    /// Forgets the marks before a number.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_marks_before(&self, number: u64) -> Result<(), StoreError> {
        let number = bigint(number)?;
        retried!(async {
            let mut tx = self.db.begin().await?;
            if execute!(tx.on(), FORGET, number)? > 0 {
                tx.commit().await?;
            }
            Ok(())
        })
    }

    /// Makes a restored database fit to serve again: every project gets a new generation, which kills every link that
    /// the backup knew, every site a new change number, sessions end and sign-up tokens are forgotten, and there is a
    /// mark after `newest`, which no other history holds. Says how many projects there are.
    ///
    /// # Errors
    /// When the database does not answer; whether it was done is open then, and it may be repeated.
    pub async fn recover(&self, newest: &Mark) -> Result<(u64, Mark), StoreError> {
        let number = bigint(newest.number)?;
        retried!(async {
            let mut tx = self.db.begin().await?;
            let projects = fetch_all!(tx.on(), (i64,), PROJECTS)?;
            for (project,) in &projects {
                execute!(tx.on(), RENEW, *project, row_ids::random(), row_ids::random())?;
            }
            sessions::end_all(&mut tx).await?;
            sign_up::forget_all(&mut tx).await?;
            execute!(tx.on(), CATCH_UP, number)?;
            let mark = leave(&mut tx).await?;
            // After the mark, as the triggers of other revocations: whoever holds one waits for no other.
            changes::replace_all(&mut tx).await?;
            tx.commit().await?;
            Ok((projects.len() as u64, mark))
        })
    }
}

//! Revocations survive a restore: a database that was restored from a backup is found out, and opens nothing.
//!
//! Each revocation commits a mark, a number and 16 random octets. The newest one is kept as an object in the store too,
//! named by both. A database that does not hold a mark that the store knows has lost revocations: it was restored. It
//! then serves and issues no link, in any process and across restarts, until the operator says `attachlink recover`.
//!
//! A mark reaches the store within a second of its commit, mostly a quarter of one, and before a service ends that is told
//! to. A revocation of that last moment is what a restore can lose without being found out; restoring the database and the store together cannot be found out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::mark::Mark;
use crate::logging::causes;
use crate::metrics::Metrics;
use crate::objects::{ObjectError, ObjectStore};
use crate::store::{Store, StoreError};

/// How often the newest mark is looked for, and kept if it is new.
const INTERVAL: Duration = Duration::from_millis(250);
/// How often the store's marks are compared although there is nothing new.
const COMPARED_EVERY: Duration = Duration::from_secs(10);
/// Marks before the kept one that stay in the database, for a process that looks at an older list of the store's.
const MARKS_KEPT: u64 = 10_000;

/// How long the last round may take, when the service ends.
const LAST_ROUND: Duration = Duration::from_secs(2);
const NOT_KEPT: &str = "the newest revocation is not kept in the object store before the next start";

/// Why the comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CannotCompare {
    /// The database does not answer.
    #[error("the database does not answer")]
    Database(#[from] StoreError),
    /// The object store does not answer.
    #[error("the object store does not answer")]
    Objects(#[from] ObjectError),
}

/// Compares the store's marks with the database's, and says in `store` what comes of it. Gives the store's newest mark.
///
/// # Errors
/// [`CannotCompare`]; what was found out before stays.
pub async fn compare(store: &Store, objects: &ObjectStore) -> Result<Option<Mark>, CannotCompare> {
    let (newest, restored) = look(store, objects).await?;
    if restored && !store.is_restored() {
        tracing::error!(
            "the database does not hold the newest revocation that the object store knows: it was restored from a \
             backup. No link is served or issued until `attachlink recover` is run"
        );
    } else if !restored && store.is_restored() {
        tracing::info!("the database holds the newest revocation: links are served again");
    }
    store.set_restored(restored);
    Ok(newest)
}

/// The store's newest mark, where the database does not hold it: then the database was restored.
///
/// # Errors
/// [`CannotCompare`].
pub async fn lost_mark(store: &Store, objects: &ObjectStore) -> Result<Option<Mark>, CannotCompare> {
    let (newest, restored) = look(store, objects).await?;
    Ok(newest.filter(|_| restored))
}

/// The store's newest mark, and whether the database lacks it.
async fn look(store: &Store, objects: &ObjectStore) -> Result<(Option<Mark>, bool), CannotCompare> {
    // The store first: what it knows was committed before.
    let newest = objects.marks().await?.into_iter().max();
    let restored = match &newest {
        Some(mark) => !store.holds_mark(mark).await?,
        None => false,
    };
    Ok((newest, restored))
}

/// Brings the newest mark to the object store, unless the database turns out to be restored. Gives the one that is there.
///
/// # Errors
/// [`CannotCompare`]. The mark may be there all the same.
pub async fn bring(store: &Store, objects: &ObjectStore) -> Result<Option<Mark>, CannotCompare> {
    let newest = store.newest_mark().await?;
    // Nothing is kept before the store's marks were compared: the mark of a restored database must not hide the newer one
    // of the history that was lost.
    let in_store = compare(store, objects).await?;
    let Some(newest) = newest.filter(|_| !store.is_restored()) else { return Ok(None) };
    if in_store.is_none_or(|mark| mark.number < newest.number) {
        keep(objects, newest).await?;
        store.forget_marks_before(newest.number.saturating_sub(MARKS_KEPT)).await?;
    }
    Ok(Some(newest))
}

/// Keeps the newest mark in the object store, and compares, until `stop`, and once more then: what was revoked last must
/// not wait for the next start, before which a backup may be put in the database's place.
pub async fn keep_until(stop: CancellationToken, app: Arc<App>) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keeper = Keeper { kept: None, compared: None, behind_since: None, fails: false };
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        // One that is given up is like one of a process that was killed.
        let round = tokio::select! {
            () = stop.cancelled() => break,
            round = keeper.round(&app) => round,
        };
        keeper.tell(round.as_ref().err());
        keeper.report(&app.metrics);
    }
    match timeout(LAST_ROUND, keeper.round(&app)).await {
        Ok(Err(error)) if keeper.may_be_behind() => tracing::warn!(error = %causes(&error), "{NOT_KEPT}"),
        Err(_) if keeper.may_be_behind() => tracing::warn!("{NOT_KEPT}: it does not answer"),
        _ => {}
    }
}

struct Keeper {
    kept: Option<Mark>,
    compared: Option<Instant>,
    /// Since when the database has a mark that the store has not.
    behind_since: Option<Instant>,
    /// Whether the last round failed. Only a change is logged: rounds are many, and one is tried again at once.
    fails: bool,
}

impl Keeper {
    /// Whether the database has a mark that the store has not, or did not say.
    fn may_be_behind(&self) -> bool {
        self.behind_since.is_some() || self.kept.is_none()
    }

    fn tell(&mut self, failed: Option<&CannotCompare>) {
        match failed {
            Some(error) if !self.fails => {
                tracing::warn!(error = %causes(error), "the newest revocation cannot be kept in the object store; it is tried again");
            }
            None if self.fails => tracing::info!("the newest revocation is kept in the object store again"),
            _ => {}
        }
        self.fails = failed.is_some();
    }

    async fn round(&mut self, app: &App) -> Result<(), CannotCompare> {
        let newest = app.store.newest_mark().await;
        if matches!(newest, Err(StoreError::Replaced)) {
            // Others write and revoke in another file: nothing that this one says counts any more.
            app.store.set_restored(true);
        }
        let is_new = newest.as_ref().is_ok_and(|newest| newest.is_some() && *newest != self.kept);
        if is_new {
            self.behind_since.get_or_insert_with(Instant::now);
        }
        // While it is restored, so that links are served again as soon as they may be.
        let due = app.store.is_restored() || self.compared.is_none_or(|at| at.elapsed() >= COMPARED_EVERY);
        if !is_new && !due {
            return newest.map(|_| ()).map_err(CannotCompare::from);
        }
        let kept = bring(&app.store, &app.objects).await?;
        self.compared = Some(Instant::now());
        if kept.is_some() {
            self.kept = kept;
            self.behind_since = None;
        }
        Ok(())
    }

    fn report(&self, metrics: &Metrics) {
        metrics.history_lag_seconds.set(self.behind_since.map_or(0.0, |since| since.elapsed().as_secs_f64()));
    }
}

/// Puts a mark into the store, and removes the ones before it.
///
/// # Errors
/// When the store does not answer. The mark may be there all the same.
pub async fn keep(objects: &ObjectStore, mark: Mark) -> Result<(), ObjectError> {
    objects.leave_mark(mark).await?;
    for older in objects.marks().await?.into_iter().filter(|other| other.number < mark.number) {
        objects.remove_mark(older).await?;
    }
    Ok(())
}

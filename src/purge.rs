//! The purge: removes what can no longer matter, in small batches, off the hot path.
//!
//! Links 60 days past their expiry; objects that were replaced or deleted; what deleted projects and sites left behind;
//! comments that have had no attachment for as long; sign-up tokens of 90 days ago; sessions
//! that were over 60 days ago. Tombstones of comments stay for ever (product, rule 7).

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::logging::causes;
use crate::metrics::Purged;
use crate::store::{CommentsSeen, StoreError};

/// Between two rounds.
const INTERVAL: Duration = Duration::from_secs(10);
/// Rows in one statement: short enough that no revocation waits for it.
const BATCH: u64 = 200;
/// Batches of comments that a round looks at: all of ten million within some days, and little work for the database.
const COMMENT_BATCHES: usize = 5;
/// Between two batches of a round, for others to write.
const BREATH: Duration = Duration::from_millis(20);

/// Purges until `stop`.
pub async fn purge_until(stop: CancellationToken, app: Arc<App>) {
    let mut purge = Purge::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // It has said what failed.
            _ = purge.round(&app) => {}
        }
    }
}

/// The purge, and how far it has come where a round does not look at everything.
#[derive(Debug, Default)]
pub struct Purge {
    comments: CommentsSeen,
}

impl Purge {
    /// One round: everything that is due now, and some of the comments.
    ///
    /// # Errors
    /// The first, when the database does not answer. What was purged so far stays purged.
    pub async fn round(&mut self, app: &App) -> Result<(), StoreError> {
        let mut round = Round(Ok(()));
        round.step("deleted projects", until_none(move || app.store.purge_deleted_projects(BATCH)).await);
        round.step("deleted sites", until_none(move || app.store.purge_deleted_portals(BATCH)).await);
        round.step("links", until_none(move || links(app)).await);
        round.step("sign-ups", until_none(move || app.store.purge_sign_ups(app.clock.now(), BATCH)).await);
        round.step("sessions", until_none(move || app.store.purge_sessions(app.clock.now(), BATCH)).await);
        round.step("comments", self.comments(app).await);
        round.step("objects", objects(app).await);
        round.0
    }

    async fn comments(&mut self, app: &App) -> Result<(), StoreError> {
        for _ in 0..COMMENT_BATCHES {
            let step = app.store.purge_comments(app.clock.now(), &self.comments, BATCH).await?;
            app.metrics.purged(Purged::Comments, step.purged);
            self.comments = step.seen;
            if self.comments == CommentsSeen::default() {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }
}

/// Each step gets its turn, whatever became of those before it.
struct Round(Result<(), StoreError>);

impl Round {
    fn step(&mut self, what: &'static str, purged: Result<(), StoreError>) {
        let Err(error) = purged else { return };
        tracing::warn!(what, error = %causes(&error), "the purge stopped early; it goes on in the next round");
        if self.0.is_ok() {
            self.0 = Err(error);
        }
    }
}

/// Purges batch by batch.
async fn until_none<F>(batch: impl Fn() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    while batch().await? > 0 {
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

async fn links(app: &App) -> Result<u64, StoreError> {
    let links = app.store.purge_links(app.clock.now(), BATCH).await?;
    app.metrics.purged(Purged::Links, links);
    Ok(links)
}

/// Deletes what is due. A restored database may take for left over what a later one registered: none of its objects is
/// touched before it is recovered.
async fn objects(app: &App) -> Result<(), StoreError> {
    while !app.store.is_restored() {
        let doomed = app.store.doomed_objects(app.clock.now(), BATCH).await?;
        if doomed.is_empty() {
            return Ok(());
        }
        let mut gone = 0;
        for key in doomed {
            if app.store.is_restored() {
                break;
            }
            match crate::http::timed(&app.metrics, "delete", app.objects.delete(&key)).await {
                Ok(()) => {
                    app.store.forget_object(&key).await?;
                    gone += 1;
                }
                Err(error) => {
                    tracing::warn!(
                        error = %causes(&error),
                        "an object could not be deleted; it is tried again later"
                    );
                    app.store.postpone_object(&key, app.clock.now()).await?;
                }
            }
        }
        app.metrics.purged(Purged::Objects, gone);
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

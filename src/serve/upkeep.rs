//! What is tidied up every few seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::public::{Guesses, ObjectCache};
use crate::metrics::Metrics;

/// How often deleted files are closed, the cache's size is reported, and old guesses are forgotten.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often histograms are folded: until then each time that was measured keeps 16 octets.
const FOLD_INTERVAL: Duration = Duration::from_secs(1);

/// Closes files that were deleted, and reports what is kept.
pub(super) async fn files_until(stop: CancellationToken, app: Arc<App>, cache: ObjectCache) {
    let App { metrics, objects, .. } = &*app;
    while tokio::time::timeout(UPKEEP_INTERVAL, stop.cancelled()).await.is_err() {
        cache.forget_deleted();
        cache.report(metrics);
        objects.upkeep();
    }
}

pub(super) async fn histograms_until(stop: CancellationToken, metrics: Arc<Metrics>) {
    let handle = metrics.handle();
    while tokio::time::timeout(FOLD_INTERVAL, stop.cancelled()).await.is_err() {
        handle.run_upkeep();
    }
}

pub(super) async fn guesses_until(stop: CancellationToken, guesses: Arc<Guesses>) {
    while tokio::time::timeout(UPKEEP_INTERVAL, stop.cancelled()).await.is_err() {
        guesses.forget_old();
    }
}

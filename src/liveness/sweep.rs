//! The sweep: one statement for all that is running under links, and one for all that is running under logins.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Capability, CutReason, Downloads, Entry, PortalAnswer, PortalQuery, Query, SWEEP_INTERVAL, WRITE_WINDOW};
use crate::domain::token::LinkId;
use crate::logging::causes;
use crate::store::LivenessRow;

/// What a sweep asks.
#[derive(Clone)]
pub struct Questions {
    /// Which links are alive.
    pub links: Query<LinkId, LivenessRow>,
    /// Which logins still allow what is downloaded under them.
    pub logins: PortalQuery,
}

/// Sweeps the running downloads until `stop`: every [`SWEEP_INTERVAL`], and at once when a revocation asks for it.
pub async fn sweep_until(stop: CancellationToken, downloads: Arc<Downloads>, questions: Questions) {
    let mut tick = tokio::time::interval(SWEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
            () = downloads.wanted.notified() => {}
        }
        sweep(&downloads, &questions).await;
    }
}

/// One sweep. An answer that comes later than [`WRITE_WINDOW`] allows no byte, so nobody waits longer for it.
async fn sweep(downloads: &Arc<Downloads>, questions: &Questions) {
    let running = downloads.snapshot();
    let (mut links, mut logins) = (Vec::new(), Vec::new());
    for entry in &running {
        match entry.capability() {
            Capability::Link(link) => links.push((entry, *link)),
            Capability::Customer(login) => logins.push((entry, (**login).clone())),
        }
    }
    tokio::join!(
        ask(downloads, &questions.links, &links, |_, row| !row.withdrawn),
        ask(downloads, &questions.logins, &logins, |entry, row: &PortalAnswer| row.grants(entry.registration())),
    );
    let now = Instant::now();
    for entry in running.iter().filter(|entry| entry.overdue(now)) {
        entry.cut(CutReason::Unverified);
    }
}

/// Asks about one kind of capability. What has no row is dead.
async fn ask<K: Clone + Eq + Hash, R>(
    downloads: &Downloads,
    query: &Query<K, R>,
    running: &[(&Arc<Entry>, K)],
    still_holds: impl Fn(&Entry, &R) -> bool,
) {
    if running.is_empty() {
        return;
    }
    let keys: HashSet<K> = running.iter().map(|(_, key)| key.clone()).collect();
    let sent = Instant::now();
    let answer = tokio::time::timeout(WRITE_WINDOW, query(keys.into_iter().collect())).await;
    downloads.metrics.sweep_seconds.record(sent.elapsed());
    match answer {
        Ok(Ok(rows)) => {
            downloads.metrics.sweeps_answered.increment(1);
            let rows: HashMap<K, Arc<R>> = rows.into_iter().collect();
            for (entry, key) in running {
                judge(entry, rows.get(key).map(Arc::as_ref), &still_holds, sent);
            }
        }
        Ok(Err(error)) => {
            downloads.metrics.sweeps_failed.increment(1);
            tracing::warn!(
                error = %causes(&error),
                running = running.len(),
                "the sweep got no answer: running downloads pause"
            );
        }
        Err(_) => {
            downloads.metrics.sweeps_failed.increment(1);
            tracing::warn!(running = running.len(), "the database was silent: running downloads pause");
        }
    }
}

fn judge<R>(entry: &Entry, row: Option<&R>, still_holds: impl Fn(&Entry, &R) -> bool, sent: Instant) {
    // Looked at before what it serves, which is known once it has begun.
    let has_begun = entry.has_begun();
    if !row.is_some_and(|row| still_holds(entry, row)) {
        entry.cut(CutReason::Revoked);
    } else if has_begun {
        entry.prove(sent);
    }
}

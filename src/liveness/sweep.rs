//! The sweep: one statement for all that is running.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{CutReason, Downloads, Entry, LivenessQuery, SWEEP_INTERVAL, WRITE_WINDOW};
use crate::domain::token::LinkId;

/// Sweeps the running downloads until `stop`: every [`SWEEP_INTERVAL`], and at once when a revocation asks for it.
pub async fn sweep_until(stop: CancellationToken, downloads: Arc<Downloads>, query: LivenessQuery) {
    let mut tick = tokio::time::interval(SWEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
            () = downloads.wanted.notified() => {}
        }
        sweep(&downloads, &query).await;
    }
}

/// One sweep. An answer that comes later than [`WRITE_WINDOW`] allows no byte, so nobody waits longer for it.
async fn sweep(downloads: &Arc<Downloads>, query: &LivenessQuery) {
    let running = downloads.snapshot();
    if running.is_empty() {
        return;
    }
    let mut links: Vec<LinkId> = running.iter().map(|entry| entry.link()).collect();
    links.sort_unstable();
    links.dedup();

    let sent = Instant::now();
    let answer = tokio::time::timeout(WRITE_WINDOW, query(links)).await;
    downloads.metrics.sweep_seconds.record(sent.elapsed());
    match answer {
        Ok(Ok(rows)) => {
            downloads.metrics.sweeps_answered.increment(1);
            let alive: HashSet<LinkId> = rows.iter().filter(|row| !row.withdrawn).map(|row| row.id).collect();
            judge(&running, &alive, sent);
        }
        Ok(Err(error)) => {
            downloads.metrics.sweeps_failed.increment(1);
            tracing::warn!(%error, running = running.len(), "the sweep got no answer: running downloads pause");
        }
        Err(_) => {
            downloads.metrics.sweeps_failed.increment(1);
            tracing::warn!(running = running.len(), "the database was silent: running downloads pause");
        }
    }
    let now = Instant::now();
    for entry in running.iter().filter(|entry| entry.overdue(now)) {
        entry.cut(CutReason::Unverified);
    }
}

fn judge(running: &[Arc<Entry>], alive: &HashSet<LinkId>, sent: Instant) {
    for entry in running {
        if alive.contains(&entry.link()) {
            entry.prove_if_begun(sent);
        } else {
            entry.cut(CutReason::Revoked);
        }
    }
}

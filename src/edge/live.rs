//! The connections that an accept loop has, and who of their clients takes too long.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use metrics::Gauge;
use parking_lot::Mutex;
use slab::Slab;
use tokio::time::{Instant, MissedTickBehavior};

use super::Watch;
use super::serve::{Accepted, Edge};
use crate::liveness::Gate;

/// Connections that are looked at without a break.
const LOOKED_AT_ONCE: usize = 1024;

/// The connections of an accept loop: it tells each of them when it has to end.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<Slab<One>>>);

/// How one is told, and what it waits for.
type One = (Arc<Gate>, Arc<Watch>);

impl Live {
    /// Enters a connection, and counts it for as long.
    pub(super) fn enter(&self, accepted: &Accepted, count: Gauge) -> Known {
        let one = (Arc::clone(&accepted.gate), Arc::clone(&accepted.watch));
        count.increment(1.0);
        Known { live: self.clone(), key: self.0.lock().insert(one), count }
    }

    pub(super) fn each(&self, tell: impl Fn(&Gate)) {
        self.0.lock().iter().for_each(|(_, (gate, _))| tell(gate));
    }

    /// Ends those whose clients take too long. One timer looks at all of them: one for each connection has to be looked at
    /// each time that the connection is polled.
    pub(super) async fn look_for_ever(&self, edge: &Edge) -> Infallible {
        let interval = edge.patience.look_interval();
        let mut looks = tokio::time::interval(interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let mut keys = 0..LOOKED_AT_ONCE;
            while self.look(&keys, edge) {
                keys = keys.end..keys.end + LOOKED_AT_ONCE;
                // Others want their turn: there may be a million.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Looks at those with these keys, and says whether there may be more.
    fn look(&self, keys: &Range<usize>, edge: &Edge) -> bool {
        let (live, now) = (self.0.lock(), Instant::now());
        for (gate, watch) in keys.clone().filter_map(|key| live.get(key)).filter(|(gate, _)| !gate.is_over()) {
            let Some(why) = watch.ran_out(now) else { continue };
            edge.metrics.ran_out(why);
            tracing::debug!(why = why.name(), "a client took too long");
            if why.is_in_response() {
                gate.cut();
            } else {
                gate.end();
            }
        }
        keys.end < live.capacity()
    }
}

/// A connection that is told; dropped with it, however it ends.
pub(super) struct Known {
    live: Live,
    key: usize,
    count: Gauge,
}

impl Drop for Known {
    fn drop(&mut self) {
        self.live.0.lock().try_remove(self.key);
        self.count.decrement(1.0);
    }
}

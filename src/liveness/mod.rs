//! Alive means: the database said so after the request arrived.
//!
//! [`Batcher`] asks for links that are about to be downloaded, [`Downloads`] knows the downloads that are running and
//! sweeps them. Neither takes an earlier answer for one of now: there is no cache of authority, so there is no lease, no
//! clock and no invalidation that could be wrong ([`Kept`] says why its rows are none). The proof is one sentence each:
//!
//! - A request is answered only from what the database said *after it arrived*, in a statement or by the state of its log
//!   ([`Kept`]); a revocation answers only after its commit. So a request that arrives after an answered revocation reads it.
//! - A running download writes only within [`WRITE_WINDOW`] of the moment at which the last statement that said yes was
//!   *sent*. A statement sent after the commit says no. So nothing is written later than that after the answer.

mod batch;
mod capability;
mod downloads;
mod gate;
mod kept;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use smallvec::{SmallVec, smallvec};

pub use batch::{Answer, Batcher, Unknown};
pub use capability::{Capability, PortalAnswer};
pub use downloads::{CutReason, Downloads, Ended, Entry, Outcome};
pub use gate::Gate;
pub use kept::Kept;
pub use sweep::{Questions, sweep_until};

use crate::domain::portal::PortalDownload;
use crate::domain::token::LinkId;
use crate::store::{LivenessRow, StoreError};

/// How long after a "yes" was asked for a download may go on writing (product, rule 10: one second, less the time that
/// a write and the scheduler may take).
pub const WRITE_WINDOW: Duration = Duration::from_millis(750);

/// How often the running downloads are asked about.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// How long a download may be paused before it is cut (product, rule 10).
pub const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// What belongs together in one batch. With the standard library's hasher one of 32 that ask at once takes 4,196
/// instructions, with this one 3,680. It need not stand up to chosen keys: a batch is small, and of the moment.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// As [`Map`].
type Set<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// Reads from the database what it knows about the given keys. What it does not know has no row.
pub type Query<K, R> = Arc<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<Vec<(K, Arc<R>)>, StoreError>> + Send + Sync>;

/// The query about links, whose rows say which they are.
pub type LivenessQuery = Arc<dyn Fn(Asked) -> BoxFuture<'static, Result<LivenessRows, StoreError>> + Send + Sync>;

/// Rows about links: most often about one.
pub type LivenessRows = SmallVec<[Arc<LivenessRow>; 1]>;

/// What is asked about links.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Each of them once.
    pub links: SmallVec<[LinkId; 1]>,
    /// Who asks.
    pub by: AskedBy,
}

/// Who asks about links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// A request, before it waits for a batch: what can be told without waiting, which may be nothing.
    Request,
    /// A batcher, many thousand times a second: rows that are [`Kept`] will do.
    Batcher,
    /// The sweep, a few times a second: every row is read.
    Sweep,
}

/// The query about links, as one of those who ask it.
#[must_use]
pub fn by_link(query: &LivenessQuery, by: AskedBy) -> Query<LinkId, LivenessRow> {
    let query = Arc::clone(query);
    Arc::new(move |links| {
        let rows = query(Asked { links: links.into(), by });
        Box::pin(async move { Ok(rows.await?.into_iter().map(|row| (row.id, row)).collect()) })
    })
}

/// What can be told about a key without waiting: nothing, or what the database would say now.
pub type AtOnce<K, R> = Arc<dyn Fn(&K) -> Option<Arc<R>> + Send + Sync>;

/// What the query can tell a request about its link without waiting.
#[must_use]
pub fn link_at_once(query: &LivenessQuery) -> AtOnce<LinkId, LivenessRow> {
    let query = Arc::clone(query);
    Arc::new(move |link| {
        let asked = Asked { links: smallvec![*link], by: AskedBy::Request };
        query(asked).now_or_never()?.ok()?.into_iter().next()
    })
}

/// The query about customers who are logged in and what they download.
pub type PortalQuery = Query<PortalDownload, PortalAnswer>;

#[cfg(test)]
mod tests;

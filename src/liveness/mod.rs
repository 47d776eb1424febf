//! Alive means: the database said so after the request arrived.
//!
//! [`Batcher`] asks for links that are about to be downloaded, [`Downloads`] knows the downloads that are running and
//! sweeps them. Neither keeps an answer: there is no cache of authority, so there is no lease, no clock and no
//! invalidation that could be wrong. The proof is one sentence each:
//!
//! - A request is answered only from a statement that was *sent after it arrived*; a revocation answers only after its
//!   commit. So a request that arrives after an answered revocation reads it.
//! - A running download writes only within [`WRITE_WINDOW`] of the moment at which the last statement that said yes was
//!   *sent*. A statement sent after the commit says no. So nothing is written later than that after the answer.

mod batch;
mod capability;
mod downloads;
mod gate;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use batch::{Answer, Batcher, Unknown};
pub use capability::{Capability, PortalAnswer};
pub use downloads::{CutReason, Downloads, Ended, Entry, Outcome};
pub use gate::Gate;
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

/// One statement that reads from the database what it knows about the given keys. What it does not know has no row.
pub type Query<K, R> = Arc<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<Vec<(K, R)>, StoreError>> + Send + Sync>;

/// The query about links, whose rows say which they are.
pub type LivenessQuery =
    Arc<dyn Fn(Vec<LinkId>) -> BoxFuture<'static, Result<Vec<LivenessRow>, StoreError>> + Send + Sync>;

/// The query about links, as batchers and sweeps ask it.
#[must_use]
pub fn by_link(query: LivenessQuery) -> Query<LinkId, LivenessRow> {
    Arc::new(move |links| {
        let rows = query(links);
        Box::pin(async move { Ok(rows.await?.into_iter().map(|row| (row.id, row)).collect()) })
    })
}

/// The query about customers who are logged in and what they download.
pub type PortalQuery = Query<PortalDownload, PortalAnswer>;

#[cfg(test)]
mod tests;

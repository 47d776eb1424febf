//! The liveness modules at their edges, on a clock that stands until it is moved.

mod batch;
mod downloads;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, advance, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::ids::SiteId;
use crate::domain::token::mint;
use crate::metrics::Metrics;
use crate::store::{LivenessRow, SiteChange};

const DEADLINE: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(1);

/// A database that the test steers: what it knows, and when it answers.
struct Database {
    withdrawn: Mutex<Vec<LinkId>>,
    /// Batches, as they were received.
    received: Mutex<Vec<Vec<LinkId>>>,
    /// While false, a statement that has read its rows does not answer.
    answers: watch::Sender<bool>,
    read: Notify,
    failing: AtomicUsize,
}

impl Database {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            withdrawn: Mutex::default(),
            received: Mutex::default(),
            answers: watch::Sender::new(true),
            read: Notify::new(),
            failing: AtomicUsize::new(0),
        })
    }

    fn questions(self: &Arc<Self>) -> Questions {
        Questions { links: self.query(), logins: Arc::new(|_| Box::pin(async { Ok(Vec::new()) })) }
    }

    fn silence(&self) {
        self.answers.send_replace(false);
    }

    fn speak(&self) {
        self.answers.send_replace(true);
    }

    fn withdraw(&self, link: LinkId) {
        self.withdrawn.lock().push(link);
    }

    fn query(self: &Arc<Self>) -> Query<LinkId, LivenessRow> {
        let database = Arc::clone(self);
        Arc::new(move |links| {
            let database = Arc::clone(&database);
            Box::pin(async move {
                // The rows are read here; the answer may come much later.
                let withdrawn = database.withdrawn.lock().clone();
                database.received.lock().push(links.clone());
                database.read.notify_waiters();
                if database.failing.load(Ordering::SeqCst) > 0 {
                    return Err(crate::store::StoreError::Corrupt("a test's failure"));
                }
                let mut answers = database.answers.subscribe();
                answers.wait_for(|answers| *answers).await.expect("the test holds the sender");
                Ok(links.into_iter().map(|id| (id, Arc::new(row(id, withdrawn.contains(&id))))).collect())
            })
        })
    }
}

fn row(id: LinkId, withdrawn: bool) -> LivenessRow {
    let site: SiteId = "acme".parse().unwrap();
    LivenessRow {
        id,
        hash: [0; 32],
        expires_at: time::OffsetDateTime::UNIX_EPOCH,
        withdrawn,
        site,
        recipient: None,
        served: None,
        change: SiteChange::default(),
    }
}

fn link() -> LinkId {
    mint("al1_", time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)).id
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(&[]).unwrap())
}

fn batcher(database: &Arc<Database>) -> Batcher<LinkId, LivenessRow> {
    Batcher::start(database.query(), DEADLINE, metrics())
}

fn may_write(gate: &Gate) -> bool {
    gate.poll_write_allowed(&Context::from_waker(Waker::noop())) == Poll::Ready(())
}

/// Lets every task that can run, run.
async fn settle() {
    sleep(MOMENT).await;
}

//! One statement for all the requests that wait.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::{AtOnce, Map, Query, Set};
use crate::logging::causes;
use crate::metrics::Metrics;

/// Statements under way at once for one batcher: one that reads while the next one gathers.
const STATEMENTS_IN_FLIGHT: usize = 2;

/// Keys in one statement. More wait for the next; a bound keeps each statement short.
const KEYS_PER_STATEMENT: usize = 512;

/// The database did not say whether the link is alive: refuse (product, rule 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database did not say whether the link is alive")]
pub struct Unknown;

/// What the database said about one key.
#[derive(Debug)]
pub struct Answer<R> {
    /// Its row; `None` when there is no such thing.
    pub row: Option<Arc<R>>,
    /// When the database was asked: what it says was true at some time after this.
    pub sent: Instant,
}

struct Ask<K, R> {
    key: K,
    reply: oneshot::Sender<Result<Answer<R>, Unknown>>,
}

/// Gathers the requests that arrive while statements are under way, and asks for all of them in the next one.
///
/// There is one for each runtime thread, so that batches and not requests cross threads. It ends when it is dropped.
pub struct Batcher<K, R> {
    asks: mpsc::UnboundedSender<Ask<K, R>>,
    /// Asked before a request waits for a batch.
    at_once: Option<AtOnce<K, R>>,
    deadline: Duration,
    metrics: Arc<Metrics>,
}

impl<K, R> Clone for Batcher<K, R> {
    fn clone(&self) -> Self {
        let at_once = self.at_once.clone();
        Self { asks: self.asks.clone(), at_once, deadline: self.deadline, metrics: Arc::clone(&self.metrics) }
    }
}

impl<K, R> Batcher<K, R>
where
    K: Clone + Eq + Hash + Send + 'static,
    R: Send + Sync + 'static,
{
    /// Starts a batcher on the runtime of this thread. A request that has waited for `deadline` is refused.
    #[must_use]
    pub fn start(query: Query<K, R>, deadline: Duration, metrics: Arc<Metrics>) -> Self {
        let (asks, waiting) = mpsc::unbounded_channel();
        tokio::spawn(gather(waiting, query, deadline, Arc::clone(&metrics)));
        Self { asks, at_once: None, deadline, metrics }
    }

    /// Has `at_once` asked first.
    #[must_use]
    pub fn after(self, at_once: AtOnce<K, R>) -> Self {
        Self { at_once: Some(at_once), ..self }
    }

    /// What can be told without waiting. With the statement that it sends, waiting for a batch took 4 of the 20 µs of CPU
    /// that a small download cost.
    fn ask_at_once(&self, key: &K, now: Instant) -> Option<Answer<R>> {
        debug_assert!(now <= Instant::now(), "nothing is known before it is asked about");
        let at_once = self.at_once.as_ref()?;
        Some(Answer { row: Some(at_once(key)?), sent: now })
    }

    /// Asks the database about a key, after this call: by a statement for all that wait, or at once where that can be.
    ///
    /// # Errors
    /// [`Unknown`] when the database fails, or stays silent past the deadline.
    pub async fn ask(&self, key: K) -> Result<Answer<R>, Unknown> {
        self.ask_at(key, Instant::now()).await
    }

    /// As [`ask`](Self::ask), for who has just read the clock: what is answered at once counts from `now` on, which is the
    /// safe side.
    ///
    /// # Errors
    /// As there.
    pub async fn ask_at(&self, key: K, now: Instant) -> Result<Answer<R>, Unknown> {
        if let Some(answer) = self.ask_at_once(&key, now) {
            return Ok(answer);
        }
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask { key, reply }).map_err(|_| Unknown)?;
        let _waiting = Waiting::count(&self.metrics);
        let answer = tokio::time::timeout(self.deadline, answer).await;
        answer.map_err(|_| Unknown)?.map_err(|_| Unknown)?
    }
}

/// One request that waits. Its client may leave at any time.
struct Waiting<'a>(&'a Metrics);

impl<'a> Waiting<'a> {
    fn count(metrics: &'a Metrics) -> Self {
        metrics.liveness_waiting.increment(1.0);
        Self(metrics)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.liveness_waiting.decrement(1.0);
    }
}

async fn gather<K, R>(
    mut waiting: mpsc::UnboundedReceiver<Ask<K, R>>,
    query: Query<K, R>,
    deadline: Duration,
    metrics: Arc<Metrics>,
) where
    K: Clone + Eq + Hash + Send + 'static,
    R: Send + Sync + 'static,
{
    let in_flight = Arc::new(Semaphore::new(STATEMENTS_IN_FLIGHT));
    loop {
        // The place first, the batch after it: who arrives while all places are taken joins the next batch.
        let Ok(place) = Arc::clone(&in_flight).acquire_owned().await else { return };
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, KEYS_PER_STATEMENT).await == 0 {
            return;
        }
        tokio::spawn(answer(batch, Arc::clone(&query), deadline, Arc::clone(&metrics), place));
    }
}

async fn answer<K: Clone + Eq + Hash, R>(
    mut batch: Vec<Ask<K, R>>,
    query: Query<K, R>,
    deadline: Duration,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
) {
    // Who gave up waiting needs no answer.
    batch.retain(|ask| !ask.reply.is_closed());
    if batch.is_empty() {
        return;
    }
    let keys: Set<K> = batch.iter().map(|ask| ask.key.clone()).collect();
    let keys: Vec<K> = keys.into_iter().collect();
    metrics.liveness_batch_size.record(u32::try_from(keys.len()).unwrap_or(u32::MAX));

    let sent = Instant::now();
    let rows = tokio::time::timeout(deadline, query(keys)).await;
    metrics.liveness_query_seconds.record(sent.elapsed());
    let rows = match rows {
        Ok(Ok(rows)) => rows,
        failed => {
            metrics.liveness_failures.increment(1);
            if let Ok(Err(error)) = failed {
                tracing::warn!(
                    error = %causes(&error),
                    "the database did not answer whether downloads may begin"
                );
            } else {
                tracing::warn!("the database was silent past the deadline");
            }
            for ask in batch {
                // A closed reply means that the caller has gone: nobody is left to tell.
                let _ = ask.reply.send(Err(Unknown));
            }
            return;
        }
    };
    let rows: Map<K, Arc<R>> = rows.into_iter().collect();
    for ask in batch {
        let _ = ask.reply.send(Ok(Answer { row: rows.get(&ask.key).cloned(), sent }));
    }
}

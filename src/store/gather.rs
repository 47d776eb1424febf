//! Doing in one go what was asked for while the goes before it were under way.
//!
//! Alone nobody waits; under load the database sees a bounded number of statements, and one commit serves all who wait
//! for it. Nothing is kept: what is asked for is done in a go that begins after it was asked for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::StoreError;

/// How many may stand in line; who comes then waits for a place in it.
const LINE: usize = 1024;

/// What is done in one go: an answer for each, in the order in which they were given.
type Go<I, O> = Arc<dyn Fn(Vec<I>) -> BoxFuture<'static, Vec<Result<O, StoreError>>> + Send + Sync>;

/// How much a go takes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Goes under way at once.
    pub(super) goes: usize,
    /// What all that one go takes may weigh together. What weighs more goes alone.
    pub(super) weight: usize,
    /// So long a go waits for those that are under way before it begins beside them; who comes meanwhile goes along. Few
    /// goes, each for many, cost the least, and one that hangs keeps the others for no longer than this.
    pub(super) company: Duration,
}

struct Asked<I, O> {
    item: I,
    weight: usize,
    reply: oneshot::Sender<Result<O, StoreError>>,
}

/// A line of those who wait, and a task that takes from it. The task ends when this is dropped.
pub(super) struct Gatherer<I, O> {
    line: mpsc::Sender<Asked<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Gatherer<I, O> {
    /// Starts the task on this runtime.
    pub(super) fn start<F>(limits: Limits, go: impl Fn(Vec<I>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<Result<O, StoreError>>> + Send + 'static,
    {
        let (line, waiting) = mpsc::channel(LINE);
        tokio::spawn(gather(waiting, limits, Arc::new(move |items| Box::pin(go(items)))));
        Self { line }
    }

    /// Has it done, and waits for the answer. A caller who stops waiting before a go has taken it, has nothing done.
    ///
    /// # Errors
    /// What the go says, or that there will be none.
    pub(super) async fn ask(&self, item: I, weight: usize) -> Result<O, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.line.send(Asked { item, weight, reply }).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn closed() -> StoreError {
    sqlx::Error::PoolClosed.into()
}

async fn gather<I: Send + 'static, O: Send + 'static>(
    mut line: mpsc::Receiver<Asked<I, O>>,
    limits: Limits,
    go: Go<I, O>,
) {
    let places = Arc::new(Semaphore::new(limits.goes));
    let others = u32::try_from(limits.goes.saturating_sub(1)).unwrap_or(u32::MAX);
    // The first of the next go, where it did not fit into the one before.
    let mut left = None;
    loop {
        // The place first, who goes after it: who arrives while all places are taken joins those who wait.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let first = match left.take() {
            Some(first) => first,
            None => match line.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        // No go is under way, or they take too long.
        let _ = timeout(limits.company, places.acquire_many(others)).await;
        let mut together = vec![first];
        left = take_more(&mut together, &mut line, limits.weight);
        tokio::spawn(answer(together, Arc::clone(&go), place));
    }
}

/// Adds to the first those who go together with it. Who does not fit in is given back.
fn take_more<I, O>(
    together: &mut Vec<Asked<I, O>>,
    line: &mut mpsc::Receiver<Asked<I, O>>,
    most: usize,
) -> Option<Asked<I, O>> {
    let mut weight = together.iter().map(|asked| asked.weight).fold(0, usize::saturating_add);
    while let Ok(next) = line.try_recv() {
        weight = weight.saturating_add(next.weight);
        if weight > most {
            return Some(next);
        }
        together.push(next);
    }
    None
}

async fn answer<I, O>(mut together: Vec<Asked<I, O>>, go: Go<I, O>, _place: OwnedSemaphorePermit) {
    // Who gave up waiting has nothing done.
    together.retain(|asked| !asked.reply.is_closed());
    if together.is_empty() {
        return;
    }
    let (items, replies): (Vec<I>, Vec<_>) = together.into_iter().map(|asked| (asked.item, asked.reply)).unzip();
    for (reply, answer) in replies.into_iter().zip(go(items).await) {
        // A closed reply means that the caller has gone: nobody is left to tell.
        let _ = reply.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use parking_lot::Mutex;
    use tokio::task::JoinHandle;

    use super::*;

    /// What each go was given.
    type Goes = Arc<Mutex<Vec<Vec<u32>>>>;

    const COMPANY: Duration = Duration::from_millis(2);

    /// Answers with what was asked, once it may; fails for 13.
    fn gatherer(goes: usize, gate: Arc<Semaphore>) -> (Gatherer<u32, u32>, Goes) {
        let seen = Goes::default();
        let record = Arc::clone(&seen);
        let go = move |items: Vec<u32>| {
            record.lock().push(items.clone());
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                items.into_iter().map(|item| if item == 13 { Err(StoreError::Full) } else { Ok(item) }).collect()
            }
        };
        (Gatherer::start(Limits { goes, weight: 4, company: COMPANY }, go), seen)
    }

    /// Somebody who asks, and may leave.
    fn asked(gatherer: &Arc<Gatherer<u32, u32>>, item: u32) -> JoinHandle<Result<u32, StoreError>> {
        let gatherer = Arc::clone(gatherer);
        tokio::spawn(async move { gatherer.ask(item, 1).await })
    }

    async fn settled() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_waits_goes_together_and_each_gets_its_own_answer() {
        let gate = Arc::new(Semaphore::new(0));
        let (gatherer, goes) = gatherer(1, Arc::clone(&gate));
        let first = gatherer.ask(1, 1);
        let others = async {
            settled().await;
            assert_eq!(*goes.lock(), [vec![1]], "alone nobody waits for others");
            join_all([2, 13, 3, 4, 5].map(|item| gatherer.ask(item, 1))).await
        };
        let (first, others, ()) = tokio::join!(first, others, async {
            settled().await;
            settled().await;
            gate.add_permits(1);
            settled().await;
            assert_eq!(goes.lock().len(), 2, "one at a time");
            gate.add_permits(2);
        });
        let answers: Vec<Option<u32>> = others.into_iter().map(Result::ok).collect();
        assert_eq!(first.unwrap(), 1);
        assert_eq!(answers, [Some(2), None, Some(3), Some(4), Some(5)]);
        assert_eq!(*goes.lock(), [vec![1], vec![2, 13, 3, 4], vec![5]], "in turn, and no more than it may weigh");
    }

    #[tokio::test(start_paused = true)]
    async fn a_go_begins_beside_another_only_when_that_takes_long() {
        let gate = Arc::new(Semaphore::new(0));
        let (gatherer, goes) = gatherer(2, Arc::clone(&gate));
        let gatherer = Arc::new(gatherer);
        let ask = |item| asked(&gatherer, item);
        let mut asked = vec![ask(1)];
        settled().await;
        asked.extend([ask(2), ask(3)]);
        settled().await;
        assert_eq!(*goes.lock(), [vec![1]]);
        gate.add_permits(1);
        settled().await;
        assert_eq!(*goes.lock(), [vec![1], vec![2, 3]], "once the other one is done");
        asked.push(ask(4));
        tokio::time::sleep(COMPANY / 2).await;
        asked.push(ask(5));
        assert_eq!(goes.lock().len(), 2);
        tokio::time::sleep(COMPANY).await;
        assert_eq!(goes.lock()[2..], [vec![4, 5]], "beside one that hangs");
        gate.add_permits(2);
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn what_weighs_too_much_goes_alone_and_in_its_turn() {
        let gate = Arc::new(Semaphore::new(9));
        let (gatherer, goes) = gatherer(1, gate);
        join_all([(1, 1), (2, 3), (3, 9), (4, 1), (5, 1)].map(|(item, weight)| gatherer.ask(item, weight))).await;
        assert_eq!(*goes.lock(), [vec![1, 2], vec![3], vec![4, 5]]);
    }

    #[tokio::test]
    async fn who_leaves_early_has_nothing_done_and_holds_nobody_up() {
        let gate = Arc::new(Semaphore::new(0));
        let (gatherer, goes) = gatherer(1, Arc::clone(&gate));
        let gatherer = Arc::new(gatherer);
        let ask = |item| asked(&gatherer, item);
        let running = ask(1);
        settled().await;
        let (leaving, staying) = (ask(2), ask(3));
        settled().await;
        running.abort();
        leaving.abort();
        settled().await;
        gate.add_permits(2);
        assert_eq!(staying.await.unwrap().unwrap(), 3);
        assert_eq!(*goes.lock(), [vec![1], vec![3]]);
    }

    #[tokio::test]
    async fn a_go_that_panics_fails_its_own_and_no_other() {
        let tries = AtomicUsize::new(0);
        let gatherer =
            Gatherer::start(Limits { goes: 1, weight: 1, company: Duration::ZERO }, move |items: Vec<u32>| {
                let first = tries.fetch_add(1, Ordering::SeqCst) == 0;
                async move {
                    assert!(!first, "a planted fault");
                    items.into_iter().map(Ok).collect()
                }
            });
        assert!(gatherer.ask(1, 1).await.is_err());
        assert_eq!(gatherer.ask(2, 1).await.unwrap(), 2);
    }
}

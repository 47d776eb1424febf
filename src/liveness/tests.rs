//! The liveness modules at their edges, on a clock that stands until it is moved.

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

#[tokio::test(start_paused = true)]
async fn one_statement_answers_for_all_that_wait() {
    let database = Database::new();
    let batcher = batcher(&database);
    let links: Vec<LinkId> = (0..100).map(|_| link()).collect();
    database.silence();
    let asks: Vec<_> = links
        .iter()
        .map(|link| {
            let (batcher, link) = (batcher.clone(), *link);
            tokio::spawn(async move { batcher.ask(link).await })
        })
        .collect();
    settle().await;
    database.speak();
    for ask in asks {
        assert!(ask.await.unwrap().unwrap().row.is_some());
    }
    let received = database.received.lock();
    assert!(received.len() <= 3, "{} statements for 100 requests", received.len());
    assert_eq!(received.iter().map(Vec::len).sum::<usize>(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_while_statements_are_in_flight_is_answered_by_a_later_one() {
    let database = Database::new();
    let batcher = batcher(&database);
    let link = link();
    database.silence();
    let ask = || {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.ask(link).await.unwrap() })
    };
    // All places are taken by statements that have read the link as alive, and do not answer yet.
    let first = ask();
    settle().await;
    let second = ask();
    settle().await;
    assert_eq!(database.received.lock().len(), 2);

    database.withdraw(link);
    let revoked_at = Instant::now();
    let late = ask();
    settle().await;
    assert_eq!(database.received.lock().len(), 2, "the late request waits for a place");
    database.speak();

    assert!(!first.await.unwrap().row.unwrap().withdrawn, "it arrived before the revocation");
    assert!(!second.await.unwrap().row.unwrap().withdrawn, "it arrived before the revocation");
    let late = late.await.unwrap();
    assert!(late.row.unwrap().withdrawn, "it arrived after the revocation");
    assert!(late.sent >= revoked_at);
}

#[tokio::test(start_paused = true)]
async fn unknown_links_have_no_row_and_equal_links_are_asked_once() {
    let database = Database::new();
    let query: Query<LinkId, LivenessRow> = Arc::new(|_| Box::pin(async { Ok(Vec::new()) }));
    let empty = Batcher::start(query, DEADLINE, metrics());
    assert!(empty.ask(link()).await.unwrap().row.is_none());

    let batcher = batcher(&database);
    let link = link();
    database.silence();
    let asks: Vec<_> = (0..10)
        .map(|_| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.ask(link).await })
        })
        .collect();
    settle().await;
    database.speak();
    for ask in asks {
        assert!(ask.await.unwrap().unwrap().row.is_some());
    }
    assert!(database.received.lock().iter().all(|links| links.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn silence_of_half_a_second_is_waited_for_and_longer_is_refused() {
    for (silence, answered) in [(500, true), (1900, true), (5_000, false), (60_000, false)] {
        let database = Database::new();
        let batcher = batcher(&database);
        database.silence();
        let started = Instant::now();
        let ask = tokio::spawn({
            let batcher = batcher.clone();
            async move { (batcher.ask(link()).await, Instant::now()) }
        });
        sleep(Duration::from_millis(silence)).await;
        database.speak();
        let (answer, at) = ask.await.unwrap();
        assert_eq!(answer.is_ok(), answered, "{silence} ms of silence");
        assert!(at - started <= DEADLINE + MOMENT, "{silence} ms of silence: refused in time");
        // Once the database speaks again, so does the batcher.
        assert!(batcher.ask(link()).await.is_ok(), "after {silence} ms of silence");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_statement_refuses_and_the_next_one_is_asked() {
    let database = Database::new();
    let batcher = batcher(&database);
    database.failing.store(1, Ordering::SeqCst);
    assert_eq!(batcher.ask(link()).await.unwrap_err(), Unknown);
    database.failing.store(0, Ordering::SeqCst);
    assert!(batcher.ask(link()).await.is_ok());
}

/// A download that runs, with the sweep beside it.
struct Running {
    database: Arc<Database>,
    downloads: Arc<Downloads>,
    gate: Arc<Gate>,
    entry: Arc<Entry>,
    link: LinkId,
    ended: Arc<Mutex<Option<Ended>>>,
    stop: CancellationToken,
}

impl Running {
    fn start() -> Self {
        let database = Database::new();
        let downloads = Downloads::new(metrics());
        let stop = CancellationToken::new();
        tokio::spawn(sweep_until(stop.clone(), Arc::clone(&downloads), database.questions()));
        let gate = Gate::new();
        let link = link();
        let entry = downloads.enter(link, &gate);
        let ended = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&ended);
        assert!(entry.begin(Instant::now(), move |end| *seen.lock() = Some(end)));
        Self { database, downloads, gate, entry, link, ended, stop }
    }

    async fn cut_within(&self, limit: Duration) -> Duration {
        let started = Instant::now();
        let cut = std::future::poll_fn(|cx| {
            self.gate.has_task(cx);
            if self.gate.is_cut() { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::time::timeout(limit, cut).await.expect("the download is cut in time");
        started.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_download_goes_on_and_leaves_when_its_last_byte_is_written() {
    let running = Running::start();
    for _ in 0..100 {
        advance(Duration::from_millis(50)).await;
        settle().await;
        assert!(may_write(&running.gate));
    }
    running.entry.took(17);
    running.gate.flushed();
    assert_eq!(running.downloads.count(), 1, "its body is not at its end");
    running.entry.body_over(true);
    assert_eq!(running.downloads.count(), 1, "its last bytes are still in the connection's buffers");
    running.gate.flushed();
    assert_eq!(running.downloads.count(), 0);
    let ended = running.ended.lock().unwrap();
    assert_eq!((ended.outcome, ended.octets), (Outcome::Complete, 17));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_elsewhere_cuts_within_one_sweep_and_one_here_at_once() {
    let running = Running::start();
    settle().await;
    running.database.withdraw(running.link);
    let took = running.cut_within(Duration::from_secs(1)).await;
    assert!(took <= SWEEP_INTERVAL + MOMENT * 2, "{took:?}");
    assert!(!may_write(&running.gate));
    running.gate.closed();
    assert_eq!(running.ended.lock().unwrap().outcome, Outcome::Cut(CutReason::Revoked));

    let running = Running::start();
    sleep(MOMENT * 3).await;
    running.database.withdraw(running.link);
    running.downloads.sweep_soon();
    let took = running.cut_within(Duration::from_secs(1)).await;
    assert!(took <= MOMENT, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_revocation_between_the_batchs_read_and_its_answer_is_seen_by_the_sweep() {
    let database = Database::new();
    let downloads = Downloads::new(metrics());
    let stop = CancellationToken::new();
    let batcher = batcher(&database);
    let (gate, link) = (Gate::new(), link());
    let entry = downloads.enter(link, &gate);
    database.silence();
    let read = database.read.notified();
    let ask = tokio::spawn(async move { batcher.ask(link).await.unwrap() });
    read.await;
    // The batch has read the link as alive; now it is revoked, and a sweep finds that before the batch answers.
    database.withdraw(link);
    tokio::spawn(sweep_until(stop.clone(), Arc::clone(&downloads), database.questions()));
    database.speak();
    settle().await;
    let answer = ask.await.unwrap();
    assert!(!answer.row.unwrap().withdrawn);
    assert!(!entry.begin(answer.sent, |_| ()), "the sweep knows better");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn no_byte_later_than_the_write_window_after_the_last_yes_was_sent() {
    let running = Running::start();
    settle().await;
    running.database.silence();
    let silent_since = Instant::now();
    let mut last_write = silent_since;
    for _ in 0..200 {
        advance(Duration::from_millis(10)).await;
        if may_write(&running.gate) {
            last_write = Instant::now();
        }
    }
    assert!(last_write - silent_since <= WRITE_WINDOW, "{:?}", last_write - silent_since);
    assert!(last_write - silent_since + SWEEP_INTERVAL + Duration::from_millis(20) >= WRITE_WINDOW);
}

#[tokio::test(start_paused = true)]
async fn a_paused_download_goes_on_when_the_answer_is_yes() {
    for silence in [Duration::from_millis(500), Duration::from_secs(5)] {
        let running = Running::start();
        settle().await;
        running.database.silence();
        sleep(silence).await;
        assert_eq!(may_write(&running.gate), silence < WRITE_WINDOW, "{silence:?}");
        running.database.speak();
        sleep(SWEEP_INTERVAL + MOMENT).await;
        assert!(may_write(&running.gate), "{silence:?}");
        assert!(!running.gate.is_cut());
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_stays_unverified_is_cut_after_the_pause_limit() {
    let running = Running::start();
    settle().await;
    running.database.silence();
    let took = running.cut_within(Duration::from_mins(1)).await;
    assert!(took >= PAUSE_LIMIT && took <= PAUSE_LIMIT + WRITE_WINDOW + SWEEP_INTERVAL, "{took:?}");
    running.gate.closed();
    assert_eq!(running.ended.lock().unwrap().outcome, Outcome::Cut(CutReason::Unverified));
}

#[tokio::test(start_paused = true)]
async fn what_came_before_on_the_connection_is_not_held_back_by_a_request_that_waits() {
    let downloads = Downloads::new(metrics());
    let gate = Gate::new();
    let entry = downloads.enter(link(), &gate);
    assert!(may_write(&gate), "an earlier page may still be written");
    entry.abandon();
    assert_eq!(downloads.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_ends_its_download() {
    let running = Running::start();
    running.entry.took(5);
    running.entry.body_over(false);
    running.gate.closed();
    assert_eq!(running.downloads.count(), 0);
    let ended = running.ended.lock().unwrap();
    assert_eq!((ended.outcome, ended.octets), (Outcome::Aborted, 5));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_paused_is_woken_by_the_next_yes() {
    let running = Running::start();
    settle().await;
    running.database.silence();
    sleep(Duration::from_secs(1)).await;
    let gate = Arc::clone(&running.gate);
    let writer = tokio::spawn(async move { std::future::poll_fn(|cx| gate.poll_write_allowed(cx)).await });
    settle().await;
    assert!(!writer.is_finished());
    running.database.speak();
    tokio::time::timeout(SWEEP_INTERVAL + MOMENT, writer).await.expect("woken").unwrap();
}

#[tokio::test(start_paused = true)]
async fn leaving_twice_takes_nobody_elses_place() {
    let downloads = Downloads::new(metrics());
    let (gone, other) = (Gate::new(), Gate::new());
    let first = downloads.enter(link(), &gone);
    gone.closed();
    let second = downloads.enter(link(), &other);
    first.abandon();
    assert_eq!(downloads.count(), 1);
    second.abandon();
    assert_eq!(downloads.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_taken_whole_but_never_written_is_not_complete() {
    let running = Running::start();
    running.entry.took(5);
    running.entry.body_over(true);
    running.gate.closed();
    assert_eq!(running.ended.lock().unwrap().outcome, Outcome::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_waiting_is_not_counted_as_waiting() {
    let database = Database::new();
    let metrics = metrics();
    let batcher = Batcher::start(database.query(), DEADLINE, Arc::clone(&metrics));
    database.silence();
    let ask = tokio::spawn(async move { batcher.ask(link()).await });
    settle().await;
    assert!(metrics.render().contains("attachlink_liveness_waiting_requests 1"));
    ask.abort();
    settle().await;
    assert!(metrics.render().contains("attachlink_liveness_waiting_requests 0"));
}

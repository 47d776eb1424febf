//! Running downloads: swept, paused, cut, over.

use super::*;

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
async fn a_download_that_is_over_takes_nobody_with_it() {
    let running = Running::start();
    settle().await;
    // A sweep has read that it is dead, and does not say so yet.
    running.database.withdraw(running.link);
    running.database.silence();
    running.downloads.sweep_soon();
    settle().await;
    running.entry.body_over(true);
    running.gate.flushed();
    let next = running.downloads.enter(link(), &running.gate);
    assert!(next.begin(Instant::now(), |_| {}));
    running.database.speak();
    settle().await;
    assert!(!running.gate.is_cut(), "the next one on the connection has its own link");
    assert!(may_write(&running.gate));
    assert_eq!(running.ended.lock().unwrap().outcome, Outcome::Complete);
    let counted = running.downloads.metrics.render();
    assert!(counted.contains("attachlink_downloads_cut_total{reason=\"revoked\"} 0"), "{counted}");
}

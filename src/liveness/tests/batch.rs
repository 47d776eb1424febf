//! What is asked together, and when.

use super::*;

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

/// The write window begins no later than the question.
#[tokio::test(start_paused = true)]
async fn an_answer_at_once_counts_from_the_given_moment_and_another_from_its_statement() {
    let (database, link) = (Database::new(), link());
    let batched = batcher(&database);
    let row = batched.ask(link).await.unwrap().row.unwrap();
    let earlier = Instant::now();
    tokio::time::advance(Duration::from_millis(100)).await;
    let at_once = batched.clone().after(Arc::new(move |_| Some(Arc::clone(&row))));
    assert_eq!(at_once.ask_at(link, earlier).await.unwrap().sent, earlier);
    assert_eq!(at_once.ask(link).await.unwrap().sent, Instant::now());
    assert_eq!(batched.ask_at(link, earlier).await.unwrap().sent, earlier + Duration::from_millis(100));
}

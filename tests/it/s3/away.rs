//! A store that fails while the service runs: what needs it is refused, what does not goes on, operators read why, and
//! it is used again without a restart.

use std::time::Duration;

use serde_json::json;

use super::failing_store::{Place, sample};
use crate::fault_server::Mood;
use crate::harness::{Reply, comment_path};

const ANSWERS_WITH_AN_ERROR: &str = "it answers with an error; the log says which";

#[track_caller]
fn unavailable(reply: &Reply, mood: Mood) {
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (503, &json!("unavailable")), "{mood:?}");
    assert!(!reply.header("retry-after").is_empty(), "{mood:?}");
}

/// How often an operation ended as `unavailable`.
async fn failures(place: &Place, operation: &str) -> u64 {
    let metrics = place.service.metrics().await;
    let counter = format!("attachlink_object_operations_total{{operation=\"{operation}\",outcome=\"unavailable\"}} ");
    metrics.split_once(&counter).unwrap().1.lines().next().unwrap().parse().unwrap()
}

async fn readiness(place: &Place) -> (u16, String) {
    let (status, reason) = place.service.readiness_of("objects").await;
    (status.as_u16(), reason)
}

async fn fails_and_recovers(mood: Mood, reason: &str) {
    let place = Place::start(&[("ATTACHLINK_S3_READ_TIMEOUT_MS", "200")]).await;
    let (small, large) = (place.link("small", &sample(1000)).await, place.link("large", &sample(600_000)).await);
    let (doomed, doomed_id) = place.service.link("c1", "small").await;
    place.server.mood(mood);

    assert_eq!(readiness(&place).await, (503, reason.to_owned()), "{mood:?}");
    for url in [&small, &large] {
        unavailable(&place.service.open(url).await, mood);
    }
    let attachment = format!("{}/attachments/new", comment_path("c1"));
    unavailable(&place.service.upload(&format!("{attachment}/content"), "text/plain", "x").await, mood);
    let register = json!({"object_key": "acme/small", "filename": "x", "media_type": "text/plain"});
    unavailable(&place.service.put(&attachment, register).await, mood);
    for operation in ["open", "read_whole", "upload", "stat"] {
        assert!(failures(&place, operation).await > 0, "{mood:?}: {operation}");
    }
    // A restart would not help, and revoking needs no store.
    place.service.open(&format!("http://{}/livez", place.service.running.ops_addr)).await.ok(200);
    place.service.delete(&format!("/sites/acme/links/{doomed_id}")).await.ok(204);
    place.service.open(&doomed).await.refused(410, "link_withdrawn");

    place.server.mood(Mood::Well);
    assert_eq!(readiness(&place).await, (200, "ok".to_owned()), "{mood:?}");
    assert!(place.service.open(&small).await.ok(200).body == sample(1000));
    assert!(place.service.open(&large).await.ok(200).body == sample(600_000));
    place.service.upload(&format!("{attachment}/content"), "text/plain", "x").await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away() {
    fails_and_recovers(Mood::Away, "it does not answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_silent() {
    fails_and_recovers(Mood::Silent, "it does not answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_busy() {
    fails_and_recovers(Mood::Refuses(503, "SlowDown"), ANSWERS_WITH_AN_ERROR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_knows_us_no_more() {
    fails_and_recovers(Mood::Refuses(403, "InvalidAccessKeyId"), "it refuses our credentials").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_the_bucket() {
    fails_and_recovers(Mood::Refuses(404, "NoSuchBucket"), "there is no such bucket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_waited_for() {
    let place = Place::start(&[("ATTACHLINK_S3_READ_TIMEOUT_MS", "3000")]).await;
    let url = place.link("large", &sample(600_000)).await;
    place.server.mood(Mood::Slow(Duration::from_millis(500)));
    assert!(place.service.open(&url).await.ok(200).body == sample(600_000));
    let content = format!("{}/attachments/new/content", comment_path("c1"));
    place.service.upload(&content, "text/plain", "x").await.ok(201);
    assert_eq!(readiness(&place).await, (200, "ok".to_owned()));
}

/// Looking for what was revoked, or keeping it there, is given up then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_store_does_not_hold_a_stop() {
    let place = Place::start(&[]).await;
    place.link("small", &sample(1000)).await;
    let (_, doomed_id) = place.service.link("c1", "small").await;
    place.server.mood(Mood::Silent);
    place.service.delete(&format!("/sites/acme/links/{doomed_id}")).await.ok(204);
    // The round that wants to keep the mark has begun.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let stopped = tokio::time::timeout(Duration::from_secs(5), place.service.running.shutdown()).await;
    stopped.expect("it stops at once");
}

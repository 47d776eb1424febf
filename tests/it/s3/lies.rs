//! A store that lies, changes its mind, or stays away: a recipient gets a refusal or a reset, never a file that only
//! looks whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attachlink::liveness::LivenessQuery;
use attachlink::store::StoreError;
use http_body_util::BodyExt as _;

use super::failing_store::{Place, sample};
use crate::fault_server::Fault;
use crate::harness::comment_path;

/// Larger than what is read whole: it streams.
const OBJECT: u64 = 600_000;
/// Where the first transfer is cut.
const CUT: u64 = 123_456;

/// The first transfer is cut, the second fails like this, those after it are right.
fn then(fault: Fault) -> impl FnMut(&crate::fault_server::Get) -> Fault + Send + 'static {
    // What says no length is asked for anew, by hyper.
    let times = if fault == Fault::Long { 2 } else { 1 };
    let mut faults = [vec![fault; times], vec![Fault::Close(CUT)]].concat();
    move |_| faults.pop().unwrap_or(Fault::None)
}

fn always_first(fault: Fault) -> impl FnMut(&crate::fault_server::Get) -> Fault + Send + 'static {
    let mut first = Some(fault);
    move |_| first.take().unwrap_or(Fault::None)
}

const LIES: [Fault; 7] = [
    Fault::Whole,
    Fault::WrongRange,
    Fault::LaterRange,
    Fault::Short,
    Fault::OtherEtag,
    Fault::Status(416),
    // The last one: those after it would be hyper's.
    Fault::Long,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_about_the_rest_resets_the_download() {
    let place = Place::start(&[]).await;
    let octets = sample(OBJECT);
    let url = place.link("large", &octets).await;
    for lie in LIES {
        for range in [None, Some(100_000..500_000)] {
            place.server.plan(then(lie));
            assert!(place.download(&url, range.as_ref()).await.is_none(), "{lie:?} {range:?}");
        }
    }
    place.server.plan(|_| Fault::None);
    assert!(place.download(&url, None).await.unwrap() == octets, "and it goes on by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_at_the_start_is_a_503() {
    let place = Place::start(&[]).await;
    let (large, small) = (place.link("large", &sample(OBJECT)).await, place.link("small", &sample(1000)).await);
    for lie in LIES {
        // The whole object is no lie where it was asked for, and one octet too many shows only at the end.
        if !matches!(lie, Fault::Whole | Fault::Long | Fault::WrongRange | Fault::LaterRange) {
            place.server.plan(move |_| lie);
            assert_eq!(place.service.open(&large).await.status.as_u16(), 503, "{lie:?}");
            place.server.plan(move |_| lie);
            assert_eq!(place.service.open(&small).await.status.as_u16(), 503, "{lie:?}");
        }
        if lie != Fault::Long {
            place.server.plan(move |_| lie);
            let ranged = place.service.open_with(http::Method::GET, &large, &[("range", "bytes=5-300000")]).await;
            assert_eq!(ranged.status.as_u16(), 503, "{lie:?}");
        }
    }
    place.server.plan(|_| Fault::Long);
    assert_eq!(place.service.open(&small).await.status.as_u16(), 503);
    place.server.plan(|_| Fault::None);
    assert!(place.service.open(&small).await.ok(200).body == sample(1000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_changes_or_goes_in_mid_stream_resets_the_download() {
    let place = Place::start(&[]).await;
    for what in ["replaced", "replaced by the same", "removed"] {
        let url = place.link("large", &sample(OBJECT)).await;
        place.server.plan(always_first(Fault::Stall(CUT)));
        let mut body = place.begin(&url, None).await.into_body();
        body.frame().await.unwrap().unwrap();
        match what {
            "removed" => place.server.remove("acme/large"),
            "replaced" => place.server.put("acme/large", vec![0; usize::try_from(OBJECT).unwrap()]),
            _ => place.server.put("acme/large", sample(OBJECT)),
        }
        place.server.hang_up();
        assert!(body.collect().await.is_err(), "{what}");
        place.service.open(&url).await.refused(503, "object_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_mended_and_a_slow_recipient_is_no_silence() {
    let place = Place::start(&[("ATTACHLINK_S3_READ_TIMEOUT_MS", "2000")]).await;
    let octets = sample(40_000_000);
    let url = place.link("large", &octets).await;
    place.server.plan(always_first(Fault::Stall(CUT)));
    assert!(place.download(&url, None).await.unwrap() == octets);
    assert_eq!(place.server.gets(), 3, "one to register, one that fell silent, one that mended");

    place.server.plan(|_| Fault::None);
    let mut body = place.begin(&url, None).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let rest = body.collect().await.unwrap().to_bytes();
    assert!([&first[..], &rest].concat() == octets);
    assert_eq!(place.server.gets(), 4, "nothing was mended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_away_resets_and_one_that_comes_back_does_not() {
    let place = Place::start(&[("ATTACHLINK_S3_MEND_SECONDS", "1")]).await;
    let octets = sample(OBJECT);
    let url = place.link("large", &octets).await;
    for away in [Fault::NoAnswer, Fault::Status(503), Fault::Close(0), Fault::Stall(0)] {
        let mut cut = Some(Fault::Close(CUT));
        place.server.plan(move |_| cut.take().unwrap_or(away));
        let started = Instant::now();
        assert!(place.download(&url, None).await.is_none(), "{away:?}");
        let took = started.elapsed();
        assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&took), "{away:?}: {took:?}");
    }
    for away in [Fault::NoAnswer, Fault::Status(503), Fault::Status(429), Fault::Close(0)] {
        let mut faults = vec![away, away, away, Fault::Close(CUT)];
        place.server.plan(move |_| faults.pop().unwrap_or(Fault::None));
        assert!(place.download(&url, None).await.unwrap() == octets, "{away:?}");
    }
    let metrics = place.service.metrics().await;
    for outcome in ["ok", "unavailable"] {
        let counter = format!("attachlink_object_operations_total{{operation=\"mend\",outcome=\"{outcome}\"}} ");
        let count: u64 = metrics.split_once(&counter).unwrap().1.lines().next().unwrap().parse().unwrap();
        assert!(count >= 4, "{outcome}: {count}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn liveness_is_asked_again_before_mending() {
    let silent = Arc::new(AtomicBool::new(false));
    let silence = Arc::clone(&silent);
    let around = move |query: LivenessQuery| -> LivenessQuery {
        Arc::new(move |links| {
            let answer = query(links);
            let silent = silence.load(Ordering::SeqCst);
            Box::pin(async move { if silent { Err(StoreError::Corrupt("a test's silence")) } else { answer.await } })
        })
    };
    let place = Place::start_around(&[], around).await;
    let octets = sample(OBJECT);
    let url = place.link("large", &octets).await;
    place.server.plan(always_first(Fault::Stall(CUT)));
    let body = place.begin(&url, None).await.into_body();
    // Nobody can say whether the link lives: nothing more is read from the store.
    silent.store(true, Ordering::SeqCst);
    place.server.hang_up();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(place.server.gets(), 2);
    silent.store(false, Ordering::SeqCst);
    assert!(body.collect().await.unwrap().to_bytes() == octets);
    assert_eq!(place.server.gets(), 3);

    // It died: nothing is mended.
    place.server.plan(always_first(Fault::Stall(CUT)));
    let body = place.begin(&url, None).await.into_body();
    place.service.delete(&comment_path("c1")).await.ok(204);
    place.server.hang_up();
    assert!(body.collect().await.is_err());
    assert_eq!(place.server.gets(), 4);
}

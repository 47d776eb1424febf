//! The promise on revocation, on real sockets: what runs is cut by a reset; without an answer nothing is sent.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attachlink::liveness::LivenessQuery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::harness::{Service, comment_path};
use crate::keeps::{Keeps, with_each_bucket, with_each_database, with_services};

with_each_database!(
    every_kind_of_revocation_resets_a_running_download_at_once,
    the_compliance_switch_and_new_bytes_cut_nothing,
);
with_services!(directory, Embedded:
    while_the_database_is_silent_new_downloads_are_refused_and_running_ones_pause_and_go_on,
    a_revocation_while_the_database_is_silent_for_us_lets_nothing_more_out
);
with_each_bucket!(
    every_kind_of_revocation_resets_a_running_download_at_once,
    the_compliance_switch_and_new_bytes_cut_nothing,
    while_the_database_is_silent_new_downloads_are_refused_and_running_ones_pause_and_go_on,
    a_revocation_while_the_database_is_silent_for_us_lets_nothing_more_out,
);

const LARGE: usize = 64 * 1024 * 1024;

async fn slow_download(service: &Service, url: &str) -> TcpStream {
    slow_download_with(service, url, "").await
}

/// Starts a download of `url` with more header lines, and reads its head and first octets, then nothing more.
pub async fn slow_download_with(service: &Service, url: &str, lines: &str) -> TcpStream {
    let mut stream = TcpStream::connect(service.public()).await.unwrap();
    let path = url.strip_prefix(&format!("http://{}", service.public())).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes()).await.unwrap();
    let mut first = vec![0; 4096];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..200]));
    stream
}

/// A machine that is busy with other things may keep the database from telling who is to be reset: then it is paused.
const RESET_WITHIN: Duration = Duration::from_secs(10);

/// Between two reads of 256 KiB. A client as fast as it can be has a large file whole before anybody has to look.
const READ_EVERY: Duration = Duration::from_millis(5);

/// Reads what comes of a download that was revoked just now: nothing later than a second after the answer (product, rule
/// 10), and at its end a reset.
pub async fn must_be_cut(stream: &mut TcpStream, what: &str) {
    let answered = Instant::now();
    let (mut octets, mut last) = (0, Duration::ZERO);
    let mut buffer = vec![0; 256 * 1024];
    let end = loop {
        let left = RESET_WITHIN.saturating_sub(answered.elapsed());
        match tokio::time::timeout(left, stream.read(&mut buffer)).await.unwrap_or_else(|_| panic!("{what}: not cut")) {
            Ok(0) => panic!("{what}: a clean end"),
            Ok(read) => (octets, last) = (octets + read, answered.elapsed()),
            Err(error) => break error,
        }
        assert!(octets < LARGE, "{what}: all of it came");
        tokio::time::sleep(READ_EVERY).await;
    };
    assert_eq!(end.kind(), io::ErrorKind::ConnectionReset, "{what}");
    assert!(last < Duration::from_secs(1), "{what}: octets {last:?} after the answer");
}

/// Reads to the end: the octets, and how it ended.
pub async fn drain(stream: &mut TcpStream) -> (usize, io::Result<()>) {
    let mut octets = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (octets, Ok(())),
            Ok(n) => octets += n,
            Err(error) => return (octets, Err(error)),
        }
    }
}

async fn large(service: &Service) -> (String, String) {
    service.acme().await;
    service.attach("c1", "a1", "big.bin", "application/octet-stream", vec![7_u8; LARGE]).await;
    service.link("c1", "a1").await
}

async fn every_kind_of_revocation_resets_a_running_download_at_once(on: Keeps) {
    for what in ["comment", "attachment", "link", "mode", "project", "site"] {
        let service = on.service().await;
        let (url, link_id) = large(&service).await;
        let mut stream = slow_download(&service, &url).await;
        match what {
            "comment" => service.delete(&comment_path("c1")).await.ok(204),
            "attachment" => service.delete(&format!("{}/attachments/a1", comment_path("c1"))).await.ok(204),
            "link" => service.delete(&format!("/sites/acme/links/{link_id}")).await.ok(204),
            "mode" => service.mode("acme", "SUP", "portal_login").await.ok(200),
            "project" => service.delete("/sites/acme/projects/SUP").await.ok(204),
            _ => service.delete("/sites/acme").await.ok(204),
        };
        must_be_cut(&mut stream, what).await;
        let metrics = service.open(&format!("http://{}/metrics", service.running.ops_addr)).await;
        let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
        assert!(metrics.contains("attachlink_downloads_cut_total{reason=\"revoked\"} 1"), "{what}");
        assert!(metrics.contains("attachlink_downloads_running 0"), "{what}");
    }
}

async fn the_compliance_switch_and_new_bytes_cut_nothing(on: Keeps) {
    let service = on.service().await;
    let (url, _) = large(&service).await;
    let mut stream = slow_download(&service, &url).await;
    service.put("/sites/acme", serde_json::json!({"plan": "standard", "safe_notifications": true})).await.ok(200);
    service.attach("c1", "a1", "big.bin", "application/octet-stream", vec![8_u8; 10]).await;
    let mut rest = vec![0; LARGE - 4096];
    stream.read_exact(&mut rest).await.unwrap();
    assert!(rest.iter().all(|octet| *octet == 7), "the bytes under a running download are the ones it began with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_download_is_whole() {
    let service = Service::start().await;
    let (url, _) = large(&service).await;
    let reply = service.open(&url).await.ok(200);
    assert_eq!(reply.body.len(), LARGE);
    assert!(reply.body.iter().all(|octet| *octet == 7));
}

/// Puts a switch before the database: while it is off, statements are silent.
fn switch() -> (watch::Sender<bool>, impl FnOnce(LivenessQuery) -> LivenessQuery) {
    let (on, seen) = watch::channel(true);
    let around = move |query: LivenessQuery| -> LivenessQuery {
        Arc::new(move |links| {
            let (query, mut seen) = (Arc::clone(&query), seen.clone());
            Box::pin(async move {
                seen.wait_for(|on| *on).await.expect("the test holds the sender");
                query(links).await
            })
        })
    };
    (on, around)
}

async fn while_the_database_is_silent_new_downloads_are_refused_and_running_ones_pause_and_go_on(on: Keeps) {
    let (database, around) = switch();
    let service = on.service_around(&[("ATTACHLINK_LIVENESS_DEADLINE_MS", "300")], around).await;
    let (url, _) = large(&service).await;
    let mut stream = slow_download(&service, &url).await;
    database.send_replace(false);
    // Whatever may still be written is written within the write window; then the stream stands still.
    tokio::time::sleep(Duration::from_millis(800)).await;
    let mut buffer = vec![0; LARGE];
    let mut octets = 4096;
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut buffer)).await {
        assert!(n > 0, "a pause is no end");
        octets += n;
    }
    assert!(octets < LARGE, "it pauses");
    let refused = service.open(&url).await;
    refused.refused(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());

    database.send_replace(true);
    let mut rest = vec![0; LARGE - octets];
    tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut rest)).await.expect("it goes on").unwrap();
    service.open(&url).await.ok(200);
}

async fn a_revocation_while_the_database_is_silent_for_us_lets_nothing_more_out(on: Keeps) {
    let (database, around) = switch();
    let service = on.service_around(&[("ATTACHLINK_LIVENESS_DEADLINE_MS", "300")], around).await;
    let (url, _) = large(&service).await;
    let mut stream = slow_download(&service, &url).await;
    database.send_replace(false);
    service.delete(&comment_path("c1")).await.ok(204);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A second after the answer only the kernel's buffers are left to read; then nothing more comes.
    let mut buffer = vec![0; LARGE];
    let mut octets = 4096;
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut buffer)).await {
        assert!(n > 0, "never a clean short end");
        octets += n;
    }
    assert!(octets < LARGE, "paused");
    database.send_replace(true);
    let (_, end) = drain(&mut stream).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_downloads_end_and_resets_what_is_left_at_the_deadline() {
    let service = Service::start_with(&[("ATTACHLINK_DRAIN_SECONDS", "1")], |query| query).await;
    let (url, _) = large(&service).await;
    let mut slow = slow_download(&service, &url).await;
    let mut fast = slow_download(&service, &url).await;
    let fast = tokio::spawn(async move { drain(&mut fast).await });
    service.running.shutdown().await;
    let (octets, end) = fast.await.unwrap();
    assert!(end.is_ok() && octets > LARGE - 4096, "a running download ends whole: {octets} {end:?}");
    let (octets, end) = drain(&mut slow).await;
    assert!(octets < LARGE, "{octets}");
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

//! A client that takes too long, for whatever, is not waited for. One that is waited for because of us is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attachlink::liveness::LivenessQuery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{ask, eventually, header, is_ended, read_to_end, serve};
use crate::harness::{Service, comment_path};

const SECOND: Duration = Duration::from_secs(1);
/// A look at a connection may come a quarter of a limit late, and this machine is busy.
const LATE: Duration = Duration::from_secs(5);
const ROBOTS: &str = "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";
const LARGE: usize = 48 * 1024 * 1024;

async fn timed_out(service: &Service, listener: &str, reason: &str) -> f64 {
    let labels = format!("{{listener=\"{listener}\",reason=\"{reason}\"}}");
    service.metric(&format!("attachlink_connections_timed_out_total{labels}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_ended_on_every_listener() {
    let service = serve(&[("ATTACHLINK_HEADER_TIMEOUT_SECONDS", "1")]).await;
    let running = &service.running;
    for (listener, address) in [("public", running.public_addr), ("api", running.api_addr), ("ops", running.ops_addr)] {
        let begun = Instant::now();
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert!(is_ended(&mut silent).await);
        assert!((SECOND..SECOND + LATE).contains(&begun.elapsed()), "{listener}: {:?}", begun.elapsed());
        assert!((timed_out(&service, listener, "header").await - 1.0).abs() < 0.1, "{listener}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_of_a_head_that_keep_coming_do_not_help() {
    let service = serve(&[("ATTACHLINK_HEADER_TIMEOUT_SECONDS", "1")]).await;
    // The second request of a connection has as long as the first.
    for requests_before in 0..2 {
        let mut stream = TcpStream::connect(service.public()).await.unwrap();
        for _ in 0..requests_before {
            ask(&mut stream, ROBOTS).await;
        }
        let begun = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        while stream.write_all(b"X-A: b\r\n").await.is_ok() {
            assert!(begun.elapsed() < SECOND + LATE, "it is not ended");
            tokio::time::sleep(SECOND / 10).await;
        }
        assert!(begun.elapsed() >= SECOND, "{:?}", begun.elapsed());
    }
    assert!((timed_out(&service, "public", "header").await - 2.0).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_may_be_silent_for_longer_than_a_head_takes() {
    let service = serve(&[("ATTACHLINK_HEADER_TIMEOUT_SECONDS", "1"), ("ATTACHLINK_IDLE_TIMEOUT_SECONDS", "3")]).await;
    let mut stream = TcpStream::connect(service.public()).await.unwrap();
    ask(&mut stream, ROBOTS).await;
    tokio::time::sleep(2 * SECOND).await;
    let begun = Instant::now();
    let (head, _) = ask(&mut stream, ROBOTS).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(is_ended(&mut stream).await);
    assert!((3 * SECOND..3 * SECOND + LATE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!((timed_out(&service, "public", "idle").await - 1.0).abs() < 0.1);
}

async fn large(settings: &[(&str, &str)], around: impl FnOnce(LivenessQuery) -> LivenessQuery) -> (Service, String) {
    let service = Service::start_with(settings, around).await;
    service.acme().await;
    service.attach("c1", "a1", "big.bin", "application/octet-stream", vec![7_u8; LARGE]).await;
    let (url, _) = service.link("c1", "a1").await;
    (service, url)
}

/// A client whose kernel holds little, so that the service sees how fast it reads.
async fn small_client(service: &Service, url: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(128 * 1024).unwrap();
    let mut stream = socket.connect(service.public()).await.unwrap();
    let path = url.strip_prefix(&format!("http://{}", service.public())).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// Reads so many octets ten times a second, until the end or for so long: what it got.
async fn read_slowly(stream: &mut TcpStream, octets: usize, time: Duration) -> std::io::Result<usize> {
    let (begun, mut got, mut buffer) = (Instant::now(), 0, vec![0; octets]);
    while begun.elapsed() < time {
        stream.read_exact(&mut buffer).await?;
        got += octets;
        tokio::time::sleep(SECOND / 10).await;
    }
    Ok(got)
}

const TWO_SECONDS: (&str, &str) = ("ATTACHLINK_MIN_RATE_SECONDS", "2");

#[tokio::test(flavor = "multi_thread")]
async fn a_client_below_the_minimum_rate_is_reset_and_one_above_it_is_not() {
    let rate = ("ATTACHLINK_MIN_RATE_OCTETS_PER_SECOND", "200000");
    let (service, url) = large(&[rate, TWO_SECONDS], |query| query).await;
    let (mut slow, mut fast) = (small_client(&service, &url).await, small_client(&service, &url).await);
    let time = 5 * SECOND;
    let (slow, fast) = tokio::join!(read_slowly(&mut slow, 5_000, 6 * time), read_slowly(&mut fast, 100_000, time));
    assert_eq!(slow.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "never a clean short end");
    assert!(fast.unwrap() > 1_000_000);
    assert!((timed_out(&service, "public", "too_slow").await - 1.0).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_reset() {
    let stall = ("ATTACHLINK_STALL_TIMEOUT_SECONDS", "1");
    let off = ("ATTACHLINK_MIN_RATE_OCTETS_PER_SECOND", "0");
    let (service, url) = large(&[stall, off], |query| query).await;
    let mut stream = small_client(&service, &url).await;
    eventually("it is reset", async || timed_out(&service, "public", "stalled").await > 0.5).await;
    let octets = read_to_end(&mut stream).await;
    assert!(octets.len() < LARGE, "{}", octets.len());
    assert!((service.metric("attachlink_downloads_running").await).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_ours_is_not_the_clients_fault() {
    let silent = Arc::new(AtomicBool::new(false));
    let (asked, rate) = (Arc::clone(&silent), ("ATTACHLINK_MIN_RATE_OCTETS_PER_SECOND", "10000000"));
    let over = ("ATTACHLINK_MIN_RATE_SECONDS", "3");
    let around = move |query: LivenessQuery| -> LivenessQuery {
        Arc::new(move |links| {
            let (query, silent) = (Arc::clone(&query), Arc::clone(&asked));
            Box::pin(async move {
                while silent.load(Ordering::SeqCst) {
                    tokio::time::sleep(SECOND / 100).await;
                }
                query(links).await
            })
        })
    };
    let stall = ("ATTACHLINK_STALL_TIMEOUT_SECONDS", "3");
    let (service, url) = large(&[rate, over, stall], around).await;
    let mut stream = TcpStream::connect(service.public()).await.unwrap();
    let path = url.splitn(4, '/').nth(3).unwrap();
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = vec![0; 4096];
    stream.read_exact(&mut first).await.unwrap();
    // Nobody can say whether its link lives. From the end of the last answer's time on nothing more is written,
    // however much the client reads.
    silent.store(true, Ordering::SeqCst);
    tokio::time::sleep(SECOND).await;
    let rest = tokio::spawn(async move { read_to_end(&mut stream).await.len() });
    tokio::time::sleep(6 * SECOND).await;
    assert!(!rest.is_finished());
    silent.store(false, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&first).find("\r\n\r\n").unwrap() + 4;
    assert_eq!(first.len() + rest.await.unwrap(), head + LARGE, "whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stops_coming_is_ended_and_leaves_nothing() {
    let service = serve(&[("ATTACHLINK_STALL_TIMEOUT_SECONDS", "1")]).await;
    service.acme().await;
    let head = |attachment: &str| {
        let path = format!("/v1{}/attachments/{attachment}/content?filename=x", comment_path("c1"));
        let key = &service.key;
        format!("PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 30\r\n\r\n")
    };
    let begun = Instant::now();
    let mut stopping = TcpStream::connect(service.running.api_addr).await.unwrap();
    stopping.write_all(head("a1").as_bytes()).await.unwrap();
    stopping.write_all(b"ten octets").await.unwrap();
    assert!(is_ended(&mut stopping).await);
    assert!((SECOND..SECOND + LATE).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!((timed_out(&service, "api", "body_stalled").await - 1.0).abs() < 0.1);
    service.get(&format!("{}/attachments/a1", comment_path("c1"))).await.refused(404, "attachment_not_found");

    // Ten octets each half a second is slow, and no reason to end it.
    let mut slow = TcpStream::connect(service.running.api_addr).await.unwrap();
    slow.write_all(head("a2").as_bytes()).await.unwrap();
    for part in [b"ten octets", b" and more ", b"of the end"] {
        tokio::time::sleep(SECOND / 2).await;
        slow.write_all(part).await.unwrap();
    }
    let (answer, _) = ask(&mut slow, "").await;
    assert!(answer.starts_with("HTTP/1.1 201") && header(&answer, "content-type").is_some(), "{answer}");
}

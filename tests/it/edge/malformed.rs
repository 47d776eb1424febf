//! Nonsense by the thousand on every listener, made from a seed: nothing panics or hangs, nothing is a fault of ours.
//!
//! `ATTACHLINK_EDGE_SEED` does what was done with that seed again; `ATTACHLINK_TEST_LONG=1` does more of it.

mod generator;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{eventually, read_to_end, serve};
use crate::harness::Service;
use crate::random::Random;
use generator::{Case, End};

const CASES: usize = 2_000;
const CASES_LONG: usize = 50_000;
const AT_ONCE: usize = 64;
/// How long a client waits for more before it leaves.
const QUIET: Duration = Duration::from_millis(100);
const SEED: &str = "ATTACHLINK_EDGE_SEED";

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The test's process ends with it, so this hook is nobody else's.
fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(panic);
    }));
}

fn seed() -> u64 {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => std::time::UNIX_EPOCH.elapsed().map_or(0, |time| u64::from(time.subsec_nanos())),
    }
}

/// Everything that came back.
async fn try_case(to: SocketAddr, case: &Case) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    for part in &case.parts {
        // It may have been refused already.
        if stream.write_all(part).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    if let End::Drop = case.end {
        return Vec::new();
    }
    let mut answer = Vec::new();
    // A client that says that it is done is not answered any more; so it waits for a while before it does.
    while let Ok(Ok(octets)) = tokio::time::timeout(QUIET, stream.read_buf(&mut answer)).await {
        if octets == 0 {
            return answer;
        }
    }
    let _ = stream.shutdown().await;
    answer.extend(read_to_end(&mut stream).await);
    answer
}

/// The statuses in what came back: bodies of ours hold no line like these.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split("HTTP/1.").skip(1).filter_map(|rest| rest.split(' ').nth(1));
    lines.filter_map(|status| status.get(..3)?.parse().ok()).collect()
}

async fn run(service: &Arc<Service>, url: &str, number: usize, random: &mut Random) -> [usize; 6] {
    let running = &service.running;
    let path = url.splitn(4, '/').nth(3).expect("a path");
    let (turns, counts) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new([const { AtomicUsize::new(0) }; 6]));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..number {
        let case = generator::case(random, &format!("/{path}"), &service.key);
        let to = [running.public_addr, running.public_addr, running.api_addr, running.ops_addr][number % 4];
        let (turn, counts) = (Arc::clone(&turns).acquire_owned().await.expect("open"), Arc::clone(&counts));
        tasks.spawn(async move {
            let answer = try_case(to, &case).await;
            for status in statuses(&answer) {
                assert!(status < 500, "case {number} of {to}: {status} to {case:?}");
                counts[usize::from(status / 100)].fetch_add(1, Ordering::Relaxed);
            }
            drop(turn);
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a case that fails");
    }
    std::array::from_fn(|class| counts[class].load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_does_no_harm() {
    count_panics();
    let (seed, is_long) = (seed(), std::env::var_os("ATTACHLINK_TEST_LONG").is_some());
    let cases = if is_long { CASES_LONG } else { CASES };
    // What waits for more would wait for ten seconds. All come from one address, and ask for what is not there.
    let service = serve(&[
        ("ATTACHLINK_HEADER_TIMEOUT_SECONDS", "2"),
        ("ATTACHLINK_IDLE_TIMEOUT_SECONDS", "2"),
        ("ATTACHLINK_STALL_TIMEOUT_SECONDS", "2"),
        ("ATTACHLINK_NOT_FOUND_PER_MINUTE", "0"),
    ])
    .await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a1").await;
    let service = Arc::new(service);
    println!("edge | malformed: {SEED}={seed}, {cases} cases");
    let counts = run(&service, &url, cases, &mut Random(seed)).await;
    println!("edge | malformed: {cases} cases, answers by class 1xx to 5xx: {:?}", &counts[1..]);
    // Where an early case deletes the site, the link is gone for all that follow: a third of the right answers stays.
    assert!(counts[2] > cases / 200 && counts[4] > cases / 4, "a generator that is all wrong or all right: {counts:?}");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked");

    // What was sent held a key and may have been right now and then: what was there may be gone. All works all the same.
    service.acme().await;
    service.attach("c2", "a1", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c2", "a1").await;
    assert_eq!(service.open(&url).await.ok(200).body, "hello");
    service.open(&format!("http://{}/readyz", service.running.ops_addr)).await.ok(200);
    service.get("/sites/acme").await.ok(200);
    for listener in ["public", "api"] {
        let open = format!("attachlink_connections_open{{listener=\"{listener}\"}}");
        // What this client keeps for its next request.
        eventually("all connections are over", async || service.metric(&open).await < 2.5).await;
    }
}

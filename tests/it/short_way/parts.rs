//! A small file of which the kernel takes only a part at once.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Attached, Stored, attached, cut, ended, running, small_client};
use crate::edge::{HANG, ask, eventually, header};
use crate::harness::Service;

/// More than the kernel takes of a client that does not read, and no more than what goes the way of small files.
const OCTETS: usize = 200 * 1024;
/// More than the head of an answer has.
const HEAD_OCTETS: usize = 4096;
/// More than all buffers hold.
const REQUESTS: usize = 20;
/// What the service receives at once. Requests that lay unread in its kernel would make any close a reset.
const RECEIVED_OCTETS: usize = 2048;
/// How long after the answer of a revocation a byte may still leave (product, rule 10).
const CUT_WITHIN: Duration = Duration::from_secs(1);

/// Two files of one service, and a client that has asked for them in turn, all at once, and reads nothing. One answer is
/// written in part by now: only what is written in part is a running download.
async fn asked_at_once(stored: Stored) -> (Service, [Attached; 2], TcpStream) {
    let service = Service::start().await;
    service.acme().await;
    let files = [attached(&service, stored, OCTETS, 1).await, attached(&service, stored, OCTETS, 2).await];
    let mut client = small_client(&service).await;
    let requests: String = in_turn(&files).map(Attached::get).collect();
    assert!(requests.len() <= RECEIVED_OCTETS, "{}", requests.len());
    client.write_all(requests.as_bytes()).await.unwrap();
    eventually("the rest of an answer waits for the client", async || {
        let before = ended(&service, "complete").await;
        let waits = running(&service).await > 0.5 && swept(&service).await;
        waits && same(before, ended(&service, "complete").await)
    })
    .await;
    (service, files, client)
}

fn in_turn(files: &[Attached; 2]) -> impl Iterator<Item = &Attached> {
    files.iter().cycle().take(REQUESTS)
}

/// As metrics say it.
fn number(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.5
}

/// More sweeps than the answer to the request itself holds for: the rest goes out under theirs.
async fn swept(service: &Service) -> bool {
    const SWEEPS: f64 = 4.0;
    let sweeps = async || service.metric("attachlink_sweeps_total{outcome=\"answered\"}").await;
    let before = sweeps().await;
    eventually("it is swept", async || sweeps().await >= before + SWEEPS).await;
    true
}

async fn is_whole_for_who_reads_late(stored: Stored) {
    let (service, files, mut client) = asked_at_once(stored).await;
    for (number, file) in in_turn(&files).enumerate() {
        let (head, body) = ask(&mut client, "").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "answer {number}: {head}");
        assert!(body == file.octets, "answer {number}");
    }
    let all = number(REQUESTS);
    eventually("each is complete", async || same(ended(&service, "complete").await, all)).await;
    let sent = service.metric("attachlink_download_sent_bytes_total").await;
    assert!(same(sent, all * number(OCTETS)), "{sent}");
    for other in [ended(&service, "aborted").await, ended(&service, "cut").await, running(&service).await] {
        assert!(same(other, 0.0), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_file_in_parts_is_whole_for_who_reads_late() {
    is_whole_for_who_reads_late(Stored::Uploaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_in_memory_in_parts_are_whole_for_who_reads_late() {
    is_whole_for_who_reads_late(Stored::Registered).await;
}

/// All that comes until a reset.
async fn until_reset(client: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    let end = tokio::time::timeout(HANG, client.read_to_end(&mut octets)).await.expect("it hangs");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "never a clean short end");
    octets
}

/// Takes a whole answer off what came, and gives its body; `None`: what is left is no whole answer.
fn next_whole(octets: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = octets.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let length = header(std::str::from_utf8(&octets[..head]).unwrap(), "content-length").unwrap().parse().unwrap();
    if octets.len() - head < length {
        return None;
    }
    Some(octets.drain(..head + length).skip(head).collect())
}

async fn is_reset_when_its_link_is_revoked(stored: Stored) {
    let (service, files, mut client) = asked_at_once(stored).await;
    // Both are waited for: one has been sent in part, the other comes next.
    for file in &files {
        service.delete(&format!("/sites/acme/links/{}", file.link_id)).await.ok(204);
    }
    let answered = Instant::now();
    eventually("it is cut", async || same(cut(&service, "revoked").await, 1.0)).await;
    // Its client reads only now: else what waits for it might have been sent in the time that was left.
    let mut octets = until_reset(&mut client).await;
    assert!(answered.elapsed() < CUT_WITHIN, "{:?}", answered.elapsed());
    let mut whole = 0.0;
    for (number, file) in in_turn(&files).enumerate() {
        let Some(body) = next_whole(&mut octets) else { break };
        assert!(body == file.octets, "answer {number} looks whole");
        whole += 1.0;
    }
    assert!(octets.len() < HEAD_OCTETS + OCTETS, "{} octets after {whole} answers are no part of one", octets.len());

    eventually("it is counted", async || same(ended(&service, "cut").await, 1.0)).await;
    let complete = ended(&service, "complete").await;
    assert!(whole <= complete && complete < number(REQUESTS - 1), "{whole}, {complete}");
    assert!(same(ended(&service, "aborted").await, 0.0));
    let (sent, size) = (service.metric("attachlink_download_sent_bytes_total").await, number(OCTETS));
    assert!((complete * size..(complete + 1.0) * size).contains(&sent), "{sent} of {complete} and a part");
    assert!(same(running(&service).await, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_file_in_parts_is_reset_when_its_link_is_revoked() {
    is_reset_when_its_link_is_revoked(Stored::Uploaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_in_memory_in_parts_are_reset_when_their_link_is_revoked() {
    is_reset_when_its_link_is_revoked(Stored::Registered).await;
}

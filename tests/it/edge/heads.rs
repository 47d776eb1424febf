//! Heads of requests: how large they may be, and whether a connection is kept.

use tokio::net::TcpStream;

use super::{ask, exchange, header, is_ended, serve};

/// The head may have so many octets, its first line included.
const HEAD_OCTETS: usize = 32 * 1024;
const HEADERS: usize = 100;

fn head_of(octets: usize) -> String {
    let rest = "GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: \r\n\r\n";
    rest.replace("X-A: ", &format!("X-A: {}", "a".repeat(octets - rest.len())))
}

fn head_with(headers: usize) -> String {
    let more = "X-A: b\r\n".repeat(headers - 2);
    format!("GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_a_largest_size_and_number_of_headers() {
    let service = serve(&[]).await;
    let running = &service.running;
    for address in [running.public_addr, running.api_addr, running.ops_addr] {
        for (request, status) in [
            (head_of(HEAD_OCTETS), ""),
            (head_of(HEAD_OCTETS + 1), "431"),
            (head_of(10 * HEAD_OCTETS), "431"),
            (head_with(HEADERS), ""),
            (head_with(HEADERS + 1), "431"),
            (format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(40_000)), "431"),
        ] {
            let answer = exchange(address, request.as_bytes()).await;
            // A client that still sends when it is refused may see the reset before the answer.
            let too_large = answer.is_empty() || answer.starts_with("HTTP/1.1 431");
            assert_eq!(too_large, status == "431", "{} octets: {answer}", request.len());
            assert!(too_large || answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 40"), "{answer}");
        }
    }
    let answer = exchange(running.public_addr, head_of(HEAD_OCTETS + 1).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_or_closed_as_the_client_and_its_version_say() {
    let service = serve(&[]).await;
    for (version, said, kept, answered) in [
        ("1.1", "", true, None),
        ("1.1", "Connection: keep-alive\r\n", true, None),
        ("1.1", "Connection: close\r\n", false, Some("close")),
        ("1.1", "Connection: x, CLOSE\r\n", false, Some("close")),
        ("1.0", "", false, None),
        ("1.0", "Connection: keep-alive\r\n", true, Some("keep-alive")),
        ("1.0", "Connection: close\r\n", false, None),
    ] {
        for (method, path) in [("GET", "/robots.txt"), ("GET", "/nothing"), ("OPTIONS", "/robots.txt")] {
            let request = format!("{method} {path} HTTP/{version}\r\nHost: x\r\n{said}\r\n");
            let what = format!("{request:?}");
            let mut stream = TcpStream::connect(service.public()).await.unwrap();
            let (head, _) = ask(&mut stream, &request).await;
            assert!(head.starts_with(&format!("HTTP/{version} ")), "{what} {head}");
            assert_eq!(header(&head, "connection"), answered, "{what} {head}");
            if kept {
                let (again, _) = ask(&mut stream, &request).await;
                assert_eq!(again.lines().next(), head.lines().next(), "{what}");
            } else {
                assert!(is_ended(&mut stream).await, "{what}");
            }
        }
    }
}

//! A revocation by another process on the embedded database: its rows are kept until the state of the database changes,
//! which is seen in memory that the processes share.

use tokio::net::TcpStream;

use crate::binary::{Place, curl, path_of};
use crate::edge::ask;

const ROUNDS: usize = 100;
/// Spread over the public threads by the kernel.
const CONNECTIONS: usize = 8;

#[tokio::test]
async fn what_another_process_committed_counts_at_once() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "x.bin", "application/octet-stream", b"hello");
    let (url, _) = service.link("c1", "a1");
    let request = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", path_of(&url));
    for round in 0..ROUNDS {
        // New ones, for a refusal leaves the connection to hyper. Twice on each: the second finds what the first kept.
        let mut kept = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut connection = TcpStream::connect(service.public).await.unwrap();
            for _ in 0..2 {
                let (head, body) = ask(&mut connection, &request).await;
                assert!(head.starts_with("HTTP/1.1 200 "), "round {round}: {head}");
                assert_eq!(body, b"hello");
            }
            kept.push(connection);
        }
        place.sql("UPDATE links SET revoked_at = 1");
        for connection in &mut kept {
            let (head, _) = ask(connection, &request).await;
            assert!(head.starts_with("HTTP/1.1 410 "), "round {round}: {head}");
        }
        place.sql("UPDATE links SET revoked_at = NULL");
    }
    let metrics = String::from_utf8(curl(&[&format!("http://{}/metrics", service.ops)]).body).unwrap();
    let kept = metrics.lines().find_map(|line| line.strip_prefix("attachlink_liveness_rows_total{from=\"kept\"} "));
    assert!(kept.unwrap().parse::<usize>().unwrap() >= ROUNDS * CONNECTIONS, "{kept:?} rows were kept");
}

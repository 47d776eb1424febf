//! A revocation by another process on the embedded database: its rows are kept until the state of the database changes,
//! which is seen in memory that the processes share.

use crate::binary::{Place, curl, exchange, path_of};

const ROUNDS: usize = 100;

#[test]
fn what_another_process_committed_counts_at_once() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "x.bin", "application/octet-stream", b"hello");
    let (url, _) = service.link("c1", "a1");
    let request = format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path_of(&url));
    let status = || {
        let answer = exchange(service.public, request.as_bytes()).unwrap();
        String::from_utf8_lossy(&answer[..12]).into_owned()
    };
    for round in 0..ROUNDS {
        // Twice, and twice again: on both public threads.
        for _ in 0..4 {
            assert_eq!(status(), "HTTP/1.1 200", "round {round}");
        }
        place.sql("UPDATE links SET revoked_at = 1");
        assert_eq!(status(), "HTTP/1.1 410", "round {round}");
        place.sql("UPDATE links SET revoked_at = NULL");
    }
    let metrics = String::from_utf8(curl(&[&format!("http://{}/metrics", service.ops)]).body).unwrap();
    let kept = metrics.lines().find_map(|line| line.strip_prefix("attachlink_liveness_rows_total{from=\"kept\"} "));
    assert!(kept.unwrap().parse::<usize>().unwrap() >= ROUNDS, "{kept:?} rows were kept");
}

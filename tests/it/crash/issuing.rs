//! `kill -9` while many small calls for links share transactions: no link that was answered is lost.

use std::time::Duration;

use serde_json::Value;

use super::service::Service;
use crate::binary::{Place, attachment_path, path_of, pause};

const CLIENTS: usize = 16;
const ROUNDS: u64 = 3;
/// When a round is killed, after its clients began.
const ROUND: Duration = Duration::from_millis(150);

/// Issues links one by one until the service dies: the paths of those that were answered.
fn issue(service: &Service, attachment: &str) -> Vec<String> {
    let mut answered = Vec::new();
    while let Ok((status, body)) = service.call("POST", &format!("{attachment}/links"), b"{\"recipients\":[\"r\"]}") {
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        answered.push(path_of(answer["links"][0]["url"].as_str().expect("a text")).to_owned());
    }
    answered
}

#[test]
fn links_that_share_a_commit_are_answered_after_it() {
    let place = Place::new();
    let mut binary = place.serve(&[]);
    binary.acme();
    binary.attach("c1", "a1", "x.txt", "text/plain", b"bytes");
    let attachment = attachment_path("c1", "a1");
    let mut links = Vec::new();
    for _ in 0..ROUNDS {
        let service = Service::of(&binary);
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| issue(&service, &attachment))).collect();
            pause(ROUND);
            binary.kill();
            links.extend(clients.into_iter().flat_map(|client| client.join().expect("it was answered as it should")));
        });
        binary = place.serve(&[]);
    }
    assert!(links.len() > CLIENTS, "{} links", links.len());
    let service = Service::of(&binary);
    for link in &links {
        assert_eq!(service.open(link), (200, b"bytes".to_vec()));
    }
}

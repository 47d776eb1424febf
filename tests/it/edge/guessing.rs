//! Guessing: what is not a genuine token looks always the same, and cannot be tried without end.

use http::Method;
use time::Duration;

use super::{ask, exchange, header, serve};
use crate::harness::{Reply, Service, comment_path};
use attachlink::domain::token::{LINK_PREFIX, mint};
use tokio::net::TcpStream;

const BURST: usize = 20;
const LIMIT: [(&str, &str); 2] = [("ATTACHLINK_NOT_FOUND_PER_MINUTE", "1"), ("ATTACHLINK_NOT_FOUND_BURST", "20")];

async fn one_file(settings: &[(&str, &str)]) -> (Service, String) {
    let service = serve(settings).await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a1").await;
    (service, url)
}

fn token_of(url: &str) -> &str {
    url.split('/').nth(4).expect("a token")
}

async fn get(service: &Service, path: &str) -> Reply {
    service.open(&format!("http://{}{path}", service.public())).await
}

fn never_issued(service: &Service) -> String {
    mint(LINK_PREFIX, attachlink::clock::Clock::now(&*service.clock)).reveal().to_owned()
}

/// A token with another character in one place.
fn with(token: &str, place: usize, character: char) -> String {
    let mut characters: Vec<char> = token.chars().collect();
    characters[place] = if characters[place] == character { 'B' } else { character };
    characters.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_not_a_token_gets_the_same_octets() {
    let (service, url) = one_file(&[]).await;
    let token = token_of(&url);
    let now = attachlink::clock::Clock::now(&*service.clock);
    let at = |time| mint(LINK_PREFIX, time).reveal().to_owned();
    // Characters 4 to 25 are the id; the version stands in the seventh octet, the variant in the ninth.
    let guesses = [
        "x".to_owned(),
        String::new(),
        token[..token.len() - 1].to_owned(),
        format!("{token}="),
        format!("{token}A"),
        token.replacen("al1_", "AL1_", 1),
        token.replacen("al1_", "als1_", 1),
        token.replacen("al1_", "alk1_", 1),
        with(token, 12, 'A'),
        with(token, 16, 'A'),
        at(now + Duration::days(1)),
        at(now - Duration::days(200)),
        never_issued(&service),
        with(token, 51, 'Q'),
        with(token, 30, 'x'),
        with(token, 20, 'x'),
        token.replacen('1', "%31", 1),
    ];
    for accept in ["*/*", "text/html"] {
        let mut stream = TcpStream::connect(service.public()).await.unwrap();
        let mut answers = Vec::new();
        for guess in &guesses {
            for named in ["", "/log.txt"] {
                let request = format!("GET /a/{guess}{named} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
                let (head, body) = ask(&mut stream, &request).await;
                let lines: Vec<&str> = head.lines().filter(|line| !line.starts_with("date: ")).collect();
                answers.push((lines.join("\n"), String::from_utf8(body).unwrap()));
            }
        }
        assert!(answers[0].0.starts_with("HTTP/1.1 404 "), "{}", answers[0].0);
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(*answer, answers[0], "guess {number}");
        }
    }
    get(&service, &format!("/a/{token}")).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_not_there_is_counted_and_only_that_is_refused() {
    let (service, url) = one_file(&LIMIT).await;
    let (dead, _) = service.link("c1", "a1").await;
    service.attach("c2", "a1", "log.txt", "text/plain", "hello").await;
    let (withdrawn, _) = service.link("c2", "a1").await;
    service.delete(&comment_path("c2")).await.ok(204);
    // None of these is a miss, however often.
    for _ in 0..2 * BURST {
        service.open(&url).await.ok(200);
        service.open(&withdrawn).await.refused(410, "link_withdrawn");
        get(&service, "/robots.txt").await.ok(200);
        service.open_with(Method::POST, &url, &[]).await.refused(405, "method_not_allowed");
        service.open_with(Method::GET, &url, &[("range", "bytes=99-")]).await.refused(416, "range_not_satisfiable");
    }
    // Misses of every kind share one count.
    let misses = ["/".to_owned(), "/a/x".to_owned(), format!("/a/{}", never_issued(&service)), "/p/x".to_owned()];
    for number in 0..BURST {
        get(&service, &misses[number % misses.len()]).await.refused(404, "not_found");
    }
    for miss in &misses {
        let refused = get(&service, miss).await;
        refused.refused(429, "too_many_requests");
        assert_eq!(refused.header("retry-after").parse::<u32>().unwrap().div_ceil(60), 1, "{refused:?}");
    }
    // Who has a genuine link is not bothered by neighbours who guess.
    for _ in 0..2 * BURST {
        service.open(&url).await.ok(200);
        service.open(&withdrawn).await.refused(410, "link_withdrawn");
    }
    service.clock.advance(Duration::days(29));
    service.open(&dead).await.refused(410, "link_expired");
    let browser = [("accept", "text/html")];
    let page = service.open_with(Method::GET, &format!("http://{}/a/x", service.public()), &browser).await.ok(429);
    assert!(String::from_utf8_lossy(&page.body).contains("Too many requests"), "{page:?}");
    assert!(page.header("content-security-policy").contains("style-src 'sha256-"), "{page:?}");
    let counted = service.metric("attachlink_refusals_total{code=\"too_many_requests\"}").await;
    assert!((counted - 5.0).abs() < 0.1, "{counted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_can_be_switched_off_and_is_generous() {
    let service = serve(&[("ATTACHLINK_NOT_FOUND_PER_MINUTE", "0")]).await;
    let misses = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000) + "GET /x HTTP/1.0\r\n\r\n";
    assert_eq!(exchange(service.public(), misses.as_bytes()).await.matches(" 404 Not Found").count(), 1001);

    let service = serve(&[]).await;
    let answers = exchange(service.public(), misses.as_bytes()).await;
    let refused = answers.matches(" 429 Too Many Requests").count();
    assert!((300..=401).contains(&refused), "600 at once, and ten more each second: {refused}");
    let waits: Vec<&str> = answers.split("\r\n\r\n").filter_map(|head| header(head, "retry-after")).collect();
    assert!(waits.len() == refused && waits.iter().all(|wait| *wait == "1"), "{waits:?}");
}

//! No token but a genuine one opens anything: every flip of a bit of a thousand, and random ones.

use attachlink::domain::token::{LINK_PREFIX, Presented, mint, parse_link};
use http::Method;
use serde_json::json;

use super::serve;
use crate::harness::{START, Service, comment_path};

/// Tokens whose flips are tried; those whose flips the database is asked about, and those whose flips go by HTTP too, in
/// the short form.
const TOKENS: usize = 1000;
const IN_DATABASE: usize = 100;
const BY_HTTP: usize = 5;
/// Made of chance entirely, but for what the form asks.
const RANDOM: usize = 20_000;
const RANDOM_LONG: usize = 10_000_000;
/// Asked about in one statement.
const AT_ONCE: usize = 1000;

fn is_long() -> bool {
    std::env::var_os("ATTACHLINK_TEST_LONG").is_some()
}

async fn issued(service: &Service) -> Vec<String> {
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let recipients: Vec<String> = (0..TOKENS).map(|number| format!("r-{number}")).collect();
    let path = format!("{}/attachments/a1/links", comment_path("c1"));
    let links = service.post(&path, json!({"recipients": recipients})).await.ok(201).json();
    let url = |link: &serde_json::Value| link["url"].as_str().expect("a text").split('/').nth(4).unwrap().to_owned();
    links["links"].as_array().expect("a list").iter().map(url).collect()
}

/// What differs from the token in one bit, as far as it can stand in a path.
fn flips(token: &str) -> Vec<String> {
    let flip = |bit: usize| {
        let mut octets = token.as_bytes().to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(octets).ok()
    };
    (0..token.len() * 8).filter_map(flip).collect()
}

/// How many of them the database calls genuine. What it does not know of has no row.
async fn genuine(service: &Service, presented: &[Presented]) -> usize {
    let ids: Vec<_> = presented.iter().map(|one| one.id).collect();
    let rows = service.running.app().store.liveness(&ids).await.expect("a database that answers");
    let matches = |one: &&Presented| rows.iter().any(|row| row.id == one.id && one.hash.matches(&row.hash));
    presented.iter().filter(matches).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flip_of_a_bit_of_a_thousand_tokens_opens_anything() {
    let service = serve(&[("ATTACHLINK_NOT_FOUND_PER_MINUTE", "0")]).await;
    let tokens = issued(&service).await;
    assert_eq!(tokens.len(), TOKENS);
    let (mut tried, mut asked) = (0, 0);
    for (number, token) in tokens.iter().enumerate() {
        let flips = flips(token);
        tried += flips.len();
        let formed: Vec<Presented> = flips.iter().filter_map(|flip| parse_link(flip, START).ok()).collect();
        asked += formed.len();
        let itself = parse_link(token, START).expect("a token");
        let is_itself = |flip: &Presented| flip.id == itself.id && flip.hash.matches(itself.hash.octets());
        assert!(!formed.iter().any(is_itself), "token {number}");
        if number < IN_DATABASE || is_long() {
            assert_eq!(genuine(&service, &formed).await, 0, "token {number}");
            assert_eq!(genuine(&service, &[itself]).await, 1, "token {number}");
        }
        if number < BY_HTTP || is_long() {
            for flip in
                flips.iter().filter(|flip| flip.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
            {
                let url = format!("http://{}/a/{flip}", service.public());
                service.open_with(Method::HEAD, &url, &[]).await.ok(404);
            }
        }
    }
    println!(
        "edge | tokens: {TOKENS} tokens: {tried} flips, of which {asked} have the form of a token; none is genuine"
    );
    assert!(tried > TOKENS * 300 && asked > TOKENS * 30, "{tried} {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_random_token_opens_anything() {
    let service = serve(&[]).await;
    issued(&service).await;
    let number = if is_long() { RANDOM_LONG } else { RANDOM };
    for _ in 0..number / AT_ONCE {
        let random: Vec<Presented> = (0..AT_ONCE)
            .map(|_| parse_link(mint(LINK_PREFIX, START).reveal(), START).expect("the form of a token"))
            .collect();
        assert_eq!(genuine(&service, &random).await, 0);
    }
    println!("edge | tokens: {number} random tokens: none is genuine");
}

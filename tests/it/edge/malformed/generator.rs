//! Requests that nobody should send: smuggling, bad framing, bad versions, controls, too much of everything.

use crate::random::Random;

/// How a client leaves.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// Says that it sends no more, and reads what comes.
    Shutdown,
    /// Is gone.
    Drop,
}

/// What one connection sends, in parts.
#[derive(Debug)]
pub struct Case {
    pub parts: Vec<Vec<u8>>,
    pub end: End,
}

const METHODS: [&str; 9] = ["HEAD", "POST", "PUT", "OPTIONS", "DELETE", "CONNECT", "get", "G\0T", "PRI"];
const VERSIONS: [&str; 8] = ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/11", "http/1.1", "HTTP/1.1 ", ""];
const PLACES: [&str; 18] = [
    "/robots.txt",
    "/a/x",
    "/",
    "*",
    "//",
    "/a/%00",
    "/a/../../etc/passwd",
    "/%2e%2e/",
    "http://x/robots.txt",
    "x:80",
    "http://[::1",
    "/v1/sites/acme",
    "/metrics",
    "/a/\u{7f}",
    "/\u{e4}",
    "?",
    "#x",
    "/a b",
];
const HOSTS: [&str; 5] = ["Host:\r\n", "", "Host: x\r\nHost: y\r\n", "Host: x y\r\n", "Host : x\r\n"];
/// Headers that say how the body ends, wrong or twice, and others that are no headers.
const HEADERS: [&str; 34] = [
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 99999999999999999999999\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\u{b}chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\nContent-Length: 5\r\n",
    "Expect: nothing\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive, \0\r\n",
    "Range: bytes=0-0\r\n",
    "Range: bytes=18446744073709551615-,-,5-1\r\n",
    "If-Modified-Since: yesterday\r\n",
    "If-None-Match: \"\u{ff}\r\n",
    "Accept: \0\r\n",
    "X-A\r\n",
    ": x\r\n",
    "X-A: a\r\n b\r\n",
    "X-A: a\n",
    "X\rA: b\r\n",
    "X-Forwarded-For: ,,,,\u{1}\r\n",
    "Cookie: =;=;=; ;\r\n",
];
const BODIES: [&str; 12] = [
    "hello",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "5;a=b;\"\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    "-1\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "0\r\n\r\nGET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n",
    "{\"plan\": ",
];

fn text<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    random.pick(from).expect("it is not empty")
}

/// What is right, mostly.
fn mostly<'a>(random: &mut Random, right: &'a str, from: &[&'a str]) -> &'a str {
    if random.below(5) == 0 { text(random, from) } else { right }
}

fn size(random: &mut Random, end: u64) -> usize {
    usize::try_from(random.below(end)).expect("it is small")
}

fn request(random: &mut Random, link: &str, key: &str) -> Vec<u8> {
    let place = match random.below(4) {
        0 => link,
        1 => "/v1/sites/acme",
        _ => text(random, &PLACES),
    };
    let space = if random.below(20) == 0 { "  " } else { " " };
    let (method, version) = (mostly(random, "GET", &METHODS), mostly(random, "HTTP/1.1", &VERSIONS));
    let mut head = format!("{method}{space}{place}{space}{version}\r\n");
    head += mostly(random, "Host: x\r\n", &HOSTS);
    for _ in 0..random.below(3) {
        head += text(random, &HEADERS);
    }
    match random.below(12) {
        0 => head.extend(["Authorization: Bearer ", key, "\r\nContent-Type: application/json\r\n"]),
        1 => head.extend(["X-", &"a".repeat(size(random, 70_000)), ": b\r\n"]),
        2 => head += &"X-A: b\r\n".repeat(size(random, 200)),
        _ => {}
    }
    head += "\r\n";
    let mut octets = head.into_bytes();
    if random.below(3) == 0 {
        octets.extend_from_slice(text(random, &BODIES).as_bytes());
    }
    octets
}

/// Changes some octets, or takes the end away.
fn damage(random: &mut Random, octets: &mut Vec<u8>) {
    match random.below(4) {
        0 => octets.truncate(size(random, octets.len() as u64 + 1)),
        1 => {
            for _ in 0..=random.below(4) {
                let place = size(random, octets.len() as u64);
                octets[place] = random.next().to_le_bytes()[0];
            }
        }
        2 => {
            let place = size(random, octets.len() as u64);
            octets.insert(place, text(random, &["\0", "\r", "\n", "\r\n", " ", "\t", "\u{1}"]).as_bytes()[0]);
        }
        _ => {}
    }
}

/// One connection: a request or several in a row, whole or damaged, in one part or in many.
pub fn case(random: &mut Random, link: &str, key: &str) -> Case {
    let mut octets = Vec::new();
    let requests = if random.below(4) == 0 { 1 + random.below(6) } else { 1 };
    for _ in 0..requests {
        octets.extend(request(random, link, key));
    }
    if random.below(20) == 0 {
        octets = (0..random.below(300)).map(|_| random.next().to_le_bytes()[0]).collect();
    }
    if !octets.is_empty() && random.below(3) == 0 {
        damage(random, &mut octets);
    }
    let largest = if random.below(4) == 0 { 1 + size(random, 40) } else { usize::MAX };
    let parts = octets.chunks(largest.max(octets.len() / 50 + 1)).map(<[u8]>::to_vec).collect();
    let end = if random.below(10) == 0 { End::Drop } else { End::Shutdown };
    Case { parts, end }
}

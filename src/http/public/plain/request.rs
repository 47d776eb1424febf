//! Which requests are plain.

use std::mem::MaybeUninit;

use http::Method;
use httparse::{Request, Status};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::super::client::{ProbableClient, Signs};
use super::super::file::Wish;
use super::super::route::Route;
use super::super::{LogLine, host};
use crate::domain::token::{Presented, parse_link};

/// More headers than these, or longer ones, are left to hyper. Browsers send about fifteen, in 1 kB.
const MOST_HEADERS: usize = 32;
const LONGEST_HEAD_OCTETS: usize = 4096;

/// Fields that ask for something else than the whole file, or say how the message or the connection goes on
/// (RFC 9110 sections 6.6.2, 7.8, 8.6, 10.1.1, 13.1 and 14.2, RFC 9112 section 6.1). `TE` asks for nothing where no transfer
/// coding is used; Firefox sends it to proxies by HTTP/2, and some pass it on.
const NOT_PLAIN: [&str; 11] = [
    "content-length",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "expect",
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
];

/// A `GET` of a whole file, under what may be a link.
pub(super) struct Plain {
    pub(super) presented: Presented,
    pub(super) wish: Wish,
    pub(super) log: LogLine,
    /// The time of day at which it was read.
    pub(super) now: OffsetDateTime,
    /// The octets of its head, which is all of it.
    pub(super) octets: usize,
}

/// What was received.
pub(super) enum Seen {
    /// A plain request.
    Plain(Plain),
    /// Another one, or none.
    Other,
    /// More has to come.
    Part,
}

/// Reads what was received, of a request that `started` then. `by_tls`: browsers reach the service by `https`.
pub(super) fn read(received: &[u8], started: Instant, now: OffsetDateTime, by_tls: bool) -> Seen {
    let mut room = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(received, &mut room) {
        Ok(Status::Complete(octets)) => {
            plain(&request, octets, (now, started), by_tls).map_or(Seen::Other, Seen::Plain)
        }
        Ok(Status::Partial) if received.len() < LONGEST_HEAD_OCTETS => Seen::Part,
        Ok(Status::Partial) | Err(_) => Seen::Other,
    }
}

fn plain(
    request: &Request<'_, '_>,
    octets: usize,
    (now, started): (OffsetDateTime, Instant),
    by_tls: bool,
) -> Option<Plain> {
    if request.method != Some("GET") || request.version != Some(1) {
        return None;
    }
    let (path, query) = target(request.path?)?;
    let route = Route::of(path);
    let Route::Download { token, .. } = route else { return None };
    let signs = signs(request.headers)?;
    let client = ProbableClient::by(signs, &Method::GET, by_tls);
    Some(Plain {
        presented: parse_link(token, now).ok()?,
        wish: Wish::of(query, signs.agent),
        log: LogLine { method: "GET", route: route.template(), started, client },
        now,
        octets,
    })
}

/// Path and query, when every octet of them is one that nobody reads in two ways.
fn target(target: &str) -> Option<(&str, Option<&str>)> {
    let usual = |octet: u8| octet.is_ascii_alphanumeric() || b"/-._~%?=&+,;:@!$'()*".contains(&octet);
    if !target.bytes().all(usual) {
        return None;
    }
    Some(match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    })
}

/// What the headers say about the client; `None` when one of them is not plain, or the host is not named once.
fn signs<'a>(headers: &[httparse::Header<'a>]) -> Option<Signs<'a>> {
    let (mut signs, mut hosts) = (Signs::default(), 0);
    for &httparse::Header { name, value } in headers {
        if name.eq_ignore_ascii_case("host") {
            hosts += 1;
            if !host::is_host(value) {
                return None;
            }
        } else if name.eq_ignore_ascii_case("connection") {
            if !value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if NOT_PLAIN.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            return None;
        } else {
            signs.see(name, value);
        }
    }
    (hosts == 1).then_some(signs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token::{LINK_PREFIX, mint};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn seen(request: &str) -> Seen {
        read(request.as_bytes(), Instant::now(), NOW, true)
    }

    fn with(target: &str, headers: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: files.acme.example\r\n{headers}\r\n")
    }

    #[test]
    fn a_plain_request_is_read_whole() {
        let token = mint(LINK_PREFIX, NOW);
        let token = token.reveal();
        for (target, attachment) in [
            (format!("/a/{token}"), false),
            (format!("/a/{token}/r%C3%A9sum%C3%A9.pdf"), false),
            (format!("/a/{token}/x.pdf?download"), true),
        ] {
            let request =
                with(&target, "user-agent: curl/8\r\nAccept: */*\r\nConnection: Keep-Alive\r\nTE: trailers\r\n");
            let Seen::Plain(plain) = seen(&(request.clone() + "GET /a/next")) else { panic!("{target}") };
            assert_eq!(plain.octets, request.len());
            assert_eq!(plain.wish, Wish::of(target.split_once('?').map(|(_, query)| query), b"curl/8"));
            assert_eq!(plain.wish.attachment, attachment);
            assert_eq!(plain.log.client, ProbableClient::Program);
            for end in 1..request.len() {
                assert!(matches!(seen(&request[..end]), Seen::Part), "{end}");
            }
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        let token = mint(LINK_PREFIX, NOW);
        let target = format!("/a/{}", token.reveal());
        let old = mint(LINK_PREFIX, NOW - time::Duration::days(100));
        for other in [
            with("/a/al1_x", ""),
            with(&format!("/a/{}", old.reveal()), ""),
            with("/robots.txt", ""),
            with(&format!("http://files.acme.example{target}"), ""),
            with(&format!("{target}#x"), ""),
            with(&format!("{target}/a\"b"), ""),
            with(&target, "Range: bytes=0-1\r\n"),
            with(&target, "iF-nOnE-mAtCh: *\r\n"),
            with(&target, "Content-Length: 0\r\n"),
            with(&target, "Transfer-Encoding: chunked\r\n"),
            with(&target, "Connection: close\r\n"),
            with(&target, "Connection: keep-alive, te\r\n"),
            with(&target, "Expect: 100-continue\r\n"),
            with(&target, "Host: other.example\r\n"),
            with(&target, &"x: y\r\n".repeat(MOST_HEADERS)),
            format!("GET {target} HTTP/1.1\r\n\r\n"),
            format!("GET {target} HTTP/1.0\r\nHost: x\r\n\r\n"),
            format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: a b\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost : x\r\n\r\n"),
            "\u{16}\u{3}\u{1}".to_owned(),
            with(&target, &format!("x: {}\r\n", "y".repeat(LONGEST_HEAD_OCTETS))).replace("\r\n\r\n", "\r\n"),
        ] {
            assert!(matches!(seen(&other), Seen::Other), "{other}");
        }
    }
}

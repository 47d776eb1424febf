//! The plain `GET`: on a kept connection of this thread, without hyper, and with no task between the store and whoever
//! waits for the answer (docs/BENCHMARKS.md says what that is worth).
//!
//! An answer is plain when it says how long it is. Any other is left to hyper, which is asked anew.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, StatusCode, Uri, header};
use httparse::{Response, Status};
use hyper::rt::{Read as _, ReadBuf, Write as _};
use hyper_rustls::MaybeHttpsStream;
use parking_lot::Mutex;
use thread_local::ThreadLocal;

use super::piece::Arriving;
use super::wire::{IDLE_CONNECTIONS, IDLE_TIMEOUT, NoAnswer, ToServer, Wire};
use crate::objects::chunk::{CHUNK_OCTETS, Chunk};

/// What is read at once at the beginning of an answer: most small objects whole.
const FIRST_READ_OCTETS: usize = 32 * 1024;
/// More headers than these, or longer ones, are left to hyper.
const MOST_HEADERS: usize = 64;
const LONGEST_HEAD_OCTETS: usize = 16 * 1024;

/// Reads, and says how much.
pub(super) fn poll_read(server: &mut ToServer, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut room = ReadBuf::new(room);
    ready!(Pin::new(&mut **server).poll_read(cx, room.unfilled()))?;
    Poll::Ready(Ok(room.filled().len()))
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    pub(super) status: StatusCode,
    pub(super) etag: Option<&'a str>,
    pub(super) version_id: Option<&'a str>,
    pub(super) content_range: Option<&'a str>,
    pub(super) content_length: Option<u64>,
}

pub(super) const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

/// An answer.
pub(super) enum Answer<T> {
    /// A plain one: what was made of its head, and its body.
    Plain(T, Arriving),
    /// Another one, with this status, if it could be read.
    Other(Option<StatusCode>),
}

/// For how long a store whose answers are not plain is asked by hyper alone.
const NOT_PLAIN_FOR: Duration = Duration::from_mins(5);

/// Whether a store's answers are plain: one that says no lengths is not to be asked twice each time.
pub(super) struct Habit {
    since: Instant,
    /// In milliseconds after that.
    plain_from: AtomicU64,
}

impl Default for Habit {
    fn default() -> Self {
        Self { since: Instant::now(), plain_from: AtomicU64::new(0) }
    }
}

impl Habit {
    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether to ask plainly.
    pub(super) fn is_plain(&self) -> bool {
        // Nearly always it always was.
        let from = self.plain_from.load(Ordering::Relaxed);
        from == 0 || from <= self.now()
    }

    /// An answer was not.
    pub(super) fn is_not_plain(&self) {
        let until = self.now().saturating_add(NOT_PLAIN_FOR.as_millis().try_into().unwrap_or(u64::MAX));
        if self.plain_from.swap(until, Ordering::Relaxed) == 0 {
            tracing::info!("the S3 server does not say how long its answers are: reading them costs more");
        }
    }
}

/// Connections of a thread that wait for their next request, the one used last on top.
#[derive(Default)]
pub(super) struct Idle(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    connections: Vec<(ToServer, Instant)>,
    /// Somebody closes those that nobody uses.
    is_watched: bool,
}

impl Idle {
    /// Keeps a connection whose answer has come whole.
    pub(super) fn keep(self: &Arc<Self>, mut server: ToServer) {
        if let MaybeHttpsStream::Http(tcp) = &mut *server {
            tcp.over();
        }
        let mut kept = self.0.lock();
        if kept.connections.len() == IDLE_CONNECTIONS {
            return;
        }
        kept.connections.push((server, Instant::now()));
        if !std::mem::replace(&mut kept.is_watched, true) {
            tokio::spawn(Self::close_unused(Arc::downgrade(self)));
        }
    }

    async fn close_unused(idle: Weak<Self>) {
        loop {
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            let Some(idle) = idle.upgrade() else { return };
            let mut kept = idle.0.lock();
            kept.connections.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
            if kept.connections.is_empty() {
                kept.is_watched = false;
                return;
            }
        }
    }

    /// A connection that the server has not closed, as far as it has told.
    fn take(&self, cx: &mut Context<'_>) -> Option<ToServer> {
        loop {
            let (mut server, since) = self.0.lock().connections.pop()?;
            let is_quiet = poll_read(&mut server, cx, &mut [0]).is_pending();
            if is_quiet && since.elapsed() < IDLE_TIMEOUT {
                return Some(server);
            }
        }
    }
}

/// Asks with plain `GET`s.
#[derive(Default)]
pub(super) struct Plain {
    idle: ThreadLocal<Arc<Idle>>,
}

impl Plain {
    /// Sends a request to `server`, and makes of its answer's head what `judge` makes of it.
    pub(super) async fn get<T>(
        &self,
        wire: &Wire,
        server: &Uri,
        request: &[u8],
        patience: Duration,
        judge: impl Fn(&Said<'_>) -> T,
    ) -> Result<Answer<T>, NoAnswer> {
        let asked = tokio::time::timeout(patience, self.ask(wire, server, request, judge)).await;
        asked.unwrap_or(Err(NoAnswer::Timeout(patience)))
    }

    async fn ask<T>(
        &self,
        wire: &Wire,
        server: &Uri,
        request: &[u8],
        judge: impl Fn(&Said<'_>) -> T,
    ) -> Result<Answer<T>, NoAnswer> {
        let idle = self.idle.get_or_default();
        if let Some(kept) = poll_fn(|cx| Poll::Ready(idle.take(cx))).await
            && let Ok(answer) = exchange(kept, idle, request, &judge).await
        {
            return Ok(answer);
        }
        // The server may have closed a kept connection just then: the question is put once more (RFC 9112, 9.3.1).
        let server = wire.connect(server.clone()).await?;
        exchange(server, idle, request, &judge).await.map_err(|failed| NoAnswer::Failed(failed.into()))
    }
}

async fn exchange<T>(
    mut server: ToServer,
    idle: &Arc<Idle>,
    request: &[u8],
    judge: &impl Fn(&Said<'_>) -> T,
) -> io::Result<Answer<T>> {
    write_all(&mut server, request).await?;
    let mut begun = BytesMut::new();
    loop {
        let octets = poll_fn(|cx| poll_some(&mut server, cx)).await?;
        if octets.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let received = if begun.is_empty() {
            octets
        } else {
            begun.extend_from_slice(&octets);
            Bytes::copy_from_slice(&begun)
        };
        match Seen::of(&received, judge) {
            Some(Seen::Plain { judged, head, rest, keep_alive }) => {
                let home = keep_alive.then(|| Arc::downgrade(idle));
                return Ok(Answer::Plain(judged, Arriving::new(server, home, received.slice(head..), rest)));
            }
            Some(Seen::Other(status)) => return Ok(Answer::Other(status)),
            None if begun.is_empty() => begun.extend_from_slice(&received),
            None => {}
        }
    }
}

/// What comes next of an answer, in memory that is used again: a small object is sent on from there.
fn poll_some(server: &mut ToServer, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut chunk = Chunk::of(CHUNK_OCTETS as u64);
    let octets = ready!(poll_read(server, cx, &mut chunk.room()[..FIRST_READ_OCTETS]))?;
    Poll::Ready(Ok(chunk.into_bytes(octets)))
}

async fn write_all(server: &mut ToServer, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        match poll_fn(|cx| Pin::new(&mut **server).poll_write(cx, octets)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => octets = &octets[written..],
        }
    }
    poll_fn(|cx| Pin::new(&mut **server).poll_flush(cx)).await
}

/// The beginning of an answer.
enum Seen<T> {
    /// Its head is plain, and of so many octets; `rest` are still to come.
    Plain {
        judged: T,
        head: usize,
        rest: u64,
        keep_alive: bool,
    },
    Other(Option<StatusCode>),
}

impl<T> Seen<T> {
    /// `None`: more of its head has to come.
    fn of(received: &[u8], judge: &impl Fn(&Said<'_>) -> T) -> Option<Self> {
        let mut room = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut head = Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        match parser.parse_response_with_uninit_headers(&mut head, received, &mut room) {
            Ok(Status::Complete(octets)) => Some(Self::with(&head, octets, received.len() - octets, judge)),
            Ok(Status::Partial) if received.len() < LONGEST_HEAD_OCTETS => None,
            Ok(Status::Partial) | Err(_) => Some(Self::Other(None)),
        }
    }

    fn with(read: &Response<'_, '_>, head: usize, begun: usize, judge: &impl Fn(&Said<'_>) -> T) -> Self {
        let status = read.code.and_then(|code| StatusCode::from_u16(code).ok());
        let Some((said, keep_alive)) = status.and_then(|status| said(read, status)) else { return Self::Other(status) };
        match said.content_length.and_then(|length| length.checked_sub(begun as u64)) {
            Some(rest) => Self::Plain { judged: judge(&said), head, rest, keep_alive },
            None => Self::Other(status),
        }
    }
}

/// What a plain head says, and whether the connection may be used again. `None`: it is not plain.
fn said<'a>(head: &Response<'_, 'a>, status: StatusCode) -> Option<(Said<'a>, bool)> {
    // Those have no body, whatever they say of it.
    let bodiless = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless || head.version != Some(1) {
        return None;
    }
    let (mut said, mut keep_alive) = (Said { status, ..Said::default() }, true);
    for &httparse::Header { name, value } in &*head.headers {
        let is = |other: &HeaderName| name.eq_ignore_ascii_case(other.as_str());
        if is(&header::CONTENT_LENGTH) {
            let length = text(value)?.parse().ok()?;
            if said.content_length.replace(length).is_some() {
                return None;
            }
        } else if is(&header::TRANSFER_ENCODING) {
            return None;
        } else if is(&header::CONNECTION) {
            keep_alive &= value.eq_ignore_ascii_case(b"keep-alive");
        } else if is(&header::ETAG) {
            said.etag = said.etag.or(text(value));
        } else if is(&VERSION_ID) {
            said.version_id = said.version_id.or(text(value));
        } else if is(&header::CONTENT_RANGE) {
            said.content_range = said.content_range.or(text(value));
        }
    }
    said.content_length.is_some().then_some((said, keep_alive))
}

/// As in HTTP's field values: visible ASCII, spaces and tabs.
fn text(value: &[u8]) -> Option<&str> {
    let visible = value.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\t'));
    if visible { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(answer: &str) -> Option<Seen<(StatusCode, Option<String>)>> {
        Seen::of(answer.as_bytes(), &|said: &Said<'_>| (said.status, said.etag.map(str::to_owned)))
    }

    #[test]
    fn a_plain_answer_is_read() {
        let answer = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\ncontent-LENGTH: 5\r\nConnection: keep-alive\r\n\r\nabc";
        for end in 1..answer.len() - 3 {
            assert!(seen(&answer[..end]).is_none(), "{end}");
        }
        for (more, rest) in [("", 2), ("de", 0)] {
            let Some(Seen::Plain { judged, head, rest: left, keep_alive }) = seen(&format!("{answer}{more}")) else {
                panic!("{more}")
            };
            assert_eq!((judged.0, judged.1.as_deref()), (StatusCode::OK, Some("\"a\"")));
            assert_eq!((head, left, keep_alive), (answer.len() - 3, rest, true));
        }
        for connection in ["close", "keep-alive, x"] {
            let answer = answer.replace("keep-alive", connection);
            assert!(matches!(seen(&answer), Some(Seen::Plain { keep_alive: false, .. })), "{connection}");
        }
    }

    #[test]
    fn all_others_are_left_to_hyper() {
        for (answer, status) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcdef", Some(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", Some(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Some(200)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Some(200)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Some(200)),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Some(204)),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some(304)),
            ("HTTP/1.1 100 Continue\r\n\r\n", Some(100)),
            ("HTTP/2 200\r\n\r\n", None),
            ("\u{15}\u{3}\u{1}", None),
            (&format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD_OCTETS)), None),
            (&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_HEADERS + 1)), None),
        ] {
            let Some(Seen::Other(seen)) = seen(answer) else { panic!("{answer}") };
            assert_eq!(seen.map(|status| status.as_u16()), status, "{answer}");
        }
    }
}

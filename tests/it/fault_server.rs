//! A small S3-like server of our own, which keeps objects in memory and answers `GET`s wrongly as it is told: it cuts
//! at an exact octet, stalls, lies about ranges and lengths, changes entity tags. It checks no signature.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to one `GET` of an object. Octets count in the answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is closed before any answer.
    NoAnswer,
    /// The connection is closed after so many octets.
    Close(u64),
    /// The connection is reset after so many octets; some of them may be lost.
    Reset(u64),
    /// Silence after so many octets, until one of the sides hangs up.
    Stall(u64),
    /// A chunked body that ends after so many octets as if it were whole.
    CleanShortEnd(u64),
    /// `200` with the whole object, whatever part was asked for.
    Whole,
    /// `206` with the right octets and a `Content-Range` that is one too far.
    WrongRange,
    /// `206` for a part that begins one octet later, and says so.
    LaterRange,
    /// `Content-Length` is one short, and so is the body.
    Short,
    /// A chunked body with one octet more than was asked for.
    Long,
    /// Another entity tag, whatever was asked for.
    OtherEtag,
    /// A refusal.
    Status(u16),
}

/// How the server takes every call, of whatever kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should; `GET`s of objects go by the plan.
    Well,
    /// Connections are closed without an answer.
    Away,
    /// There is no answer.
    Silent,
    /// Answers come after this long.
    Slow(Duration),
    /// All is refused, with a status and S3's code.
    Refuses(u16, &'static str),
    /// All but reading is refused.
    ReadOnly,
}

/// One `GET` of an object, as a plan sees it.
#[derive(Debug, Clone)]
pub struct Get {
    pub key: String,
    /// The first octet asked for.
    pub from: u64,
}

type Plan = Box<dyn FnMut(&Get) -> Fault + Send>;

struct State {
    objects: HashMap<String, (Arc<Vec<u8>>, String)>,
    plan: Plan,
    mood: Mood,
    gets: u64,
    versions: u64,
    hang_up: Arc<Notify>,
    close_idle: Arc<Notify>,
    connections: usize,
}

/// The server. Dropping it leaves its connections to the test's runtime.
#[derive(Clone)]
pub struct FaultServer {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

struct Asked {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

const BUCKET: &str = "faulty";

impl FaultServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let plan: Plan = Box::new(|_| Fault::None);
        let state = Arc::new(Mutex::new(State {
            objects: HashMap::new(),
            plan,
            mood: Mood::Well,
            gets: 0,
            versions: 0,
            hang_up: Arc::default(),
            close_idle: Arc::default(),
            connections: 0,
        }));
        let server = Self { endpoint, state };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                serving.state.lock().connections += 1;
                tokio::spawn(async move { serving.talk(socket).await });
            }
        });
        server
    }

    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ATTACHLINK_OBJECTS", format!("s3://{BUCKET}")),
            ("ATTACHLINK_S3_ENDPOINT", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "any".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
        ]
    }

    /// Puts an object there, or another under the same key.
    pub fn put(&self, key: &str, octets: impl Into<Vec<u8>>) {
        let mut state = self.state.lock();
        state.versions += 1;
        let etag = format!("\"{:032x}\"", state.versions);
        state.objects.insert(key.to_owned(), (Arc::new(octets.into()), etag));
    }

    pub fn remove(&self, key: &str) {
        self.state.lock().objects.remove(key);
    }

    /// Decides about each `GET` of an object from now on.
    pub fn plan(&self, plan: impl FnMut(&Get) -> Fault + Send + 'static) {
        self.state.lock().plan = Box::new(plan);
    }

    /// Takes each call so from now on.
    pub fn mood(&self, mood: Mood) {
        self.state.lock().mood = mood;
    }

    /// How many `GET`s of objects were asked for so far.
    pub fn gets(&self) -> u64 {
        self.state.lock().gets
    }

    /// Closes the connections that have stalled.
    pub fn hang_up(&self) {
        self.state.lock().hang_up.notify_waiters();
    }

    /// Closes the connections on which nothing is asked for just now.
    pub fn close_idle(&self) {
        self.state.lock().close_idle.notify_waiters();
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// Counts them from now on.
    pub fn forget_connections(&self) {
        self.state.lock().connections = 0;
    }

    async fn talk(&self, mut socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let mut read = Vec::new();
        let close_idle = Arc::clone(&self.state.lock().close_idle);
        loop {
            let asked = tokio::select! {
                asked = next_request(&mut socket, &mut read) => asked,
                () = close_idle.notified() => return,
            };
            let Ok(Some(asked)) = asked else { return };
            match self.answer(&mut socket, asked).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Answers one request as the mood is. `false`: the connection is over.
    async fn answer(&self, socket: &mut TcpStream, asked: Asked) -> io::Result<bool> {
        let mood = self.state.lock().mood;
        let reads = matches!(asked.method.as_str(), "GET" | "HEAD");
        match mood {
            Mood::Well => {}
            Mood::ReadOnly if reads => {}
            Mood::Away => return Ok(false),
            Mood::Silent => {
                let _ = socket.read(&mut [0; 1]).await;
                return Ok(false);
            }
            Mood::Slow(by) => tokio::time::sleep(by).await,
            Mood::Refuses(status, code) => {
                let document = error(code);
                return plain(socket, status, "", if asked.method == "HEAD" { "" } else { &document }).await;
            }
            Mood::ReadOnly => return plain(socket, 403, "", &error("AccessDenied")).await,
        }
        self.answer_well(socket, asked).await
    }

    async fn answer_well(&self, socket: &mut TcpStream, asked: Asked) -> io::Result<bool> {
        let Some(key) = asked.path.strip_prefix(&format!("/{BUCKET}/")).filter(|key| !key.is_empty()) else {
            return self.answer_for_bucket(socket, &asked).await;
        };
        let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
        match asked.method.as_str() {
            "PUT" => {
                self.put(&key, asked.body);
                let etag = self.state.lock().objects[&key].1.clone();
                plain(socket, 200, &format!("ETag: {etag}\r\n"), "").await
            }
            "DELETE" => {
                if !asked.query.contains("uploadId") {
                    self.remove(&key);
                }
                plain(socket, 204, "", "").await
            }
            "POST" if asked.query.starts_with("uploads") => {
                let xml = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
                plain(socket, 200, "", xml).await
            }
            "GET" | "HEAD" => self.answer_for_object(socket, &asked, key).await,
            _ => plain(socket, 501, "", &error("NotImplemented")).await,
        }
    }

    async fn answer_for_bucket(&self, socket: &mut TcpStream, asked: &Asked) -> io::Result<bool> {
        // Nobody asks it for what it holds but the marks of revocations, of which it knows none.
        let xml = if asked.query.contains("list-type=2") {
            "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        } else {
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
        };
        plain(socket, 200, "", if asked.method == "HEAD" { "" } else { xml }).await
    }

    async fn answer_for_object(&self, socket: &mut TcpStream, asked: &Asked, key: String) -> io::Result<bool> {
        let is_get = asked.method == "GET";
        let found = self.state.lock().objects.get(&key).cloned();
        let Some((octets, etag)) = found else {
            return plain(socket, 404, "", if is_get { NO_SUCH_KEY } else { "" }).await;
        };
        let size = octets.len() as u64;
        let range = asked.headers.get("range").map(|range| parse_range(range, size));
        let fault = if is_get {
            let mut state = self.state.lock();
            state.gets += 1;
            (state.plan)(&Get { key, from: range.as_ref().map_or(0, |range| range.start) })
        } else {
            Fault::None
        };
        // What a plan did to the object shows at once.
        if asked.headers.get("if-match").is_some_and(|wanted| *wanted != etag) && fault != Fault::OtherEtag {
            return plain(socket, 412, "", if is_get { PRECONDITION_FAILED } else { "" }).await;
        }
        if range.as_ref().is_some_and(Range::is_empty) {
            return plain(socket, 416, "", &error("InvalidRange")).await;
        }
        if !is_get {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: {etag}\r\n{MODIFIED}\r\n");
            socket.write_all(head.as_bytes()).await?;
            return Ok(true);
        }
        let goes_on = give(socket, &octets, &etag, range, fault).await?;
        if matches!(fault, Fault::Stall(_)) {
            let hang_up = Arc::clone(&self.state.lock().hang_up);
            let mut nothing = [0; 1];
            tokio::select! {
                () = hang_up.notified() => {}
                // The other side has had enough.
                _ = socket.read(&mut nothing) => {}
            }
        }
        Ok(goes_on)
    }
}

const MODIFIED: &str = "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n";
const NO_SUCH_KEY: &str = "<Error><Code>NoSuchKey</Code></Error>";
const PRECONDITION_FAILED: &str = "<Error><Code>PreconditionFailed</Code></Error>";

fn error(code: &str) -> String {
    format!("<Error><Code>{code}</Code></Error>")
}

async fn plain(socket: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<bool> {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    socket.write_all(head.as_bytes()).await?;
    Ok(true)
}

fn parse_range(text: &str, size: u64) -> Range<u64> {
    let (first, last) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a simple range");
    let first: u64 = first.parse().expect("a start");
    let last: u64 = last.parse().expect("an end");
    first..(last + 1).min(size).max(first)
}

async fn next_request(socket: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    read.drain(..end);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    while read.len() < length {
        if socket.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
    let body = read.drain(..length).collect();
    Ok(Some(Asked { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers, body }))
}

/// An answer to a `GET`, as the fault makes it.
struct Answer<'a> {
    etag: &'a str,
    /// The range that it claims to be, where it is `206`.
    claims: Option<Range<u64>>,
    /// The octets that it gives.
    part: Range<u64>,
    /// One octet more than those.
    one_more: bool,
    chunked: bool,
}

impl<'a> Answer<'a> {
    fn shaped(fault: Fault, etag: &'a str, range: Option<Range<u64>>, size: u64) -> Self {
        let part = range.clone().unwrap_or(0..size);
        let mut answer = Self { etag, claims: range, part, one_more: false, chunked: false };
        match fault {
            Fault::Whole => (answer.part, answer.claims) = (0..size, None),
            Fault::WrongRange => answer.claims = Some(answer.part.start + 1..answer.part.end + 1),
            Fault::LaterRange => {
                answer.part.start += 1;
                answer.claims = Some(answer.part.clone());
            }
            Fault::Short => answer.part.end -= 1,
            Fault::CleanShortEnd(after) => {
                answer.chunked = true;
                answer.part.end = answer.part.end.min(answer.part.start.saturating_add(after));
            }
            Fault::Long => (answer.chunked, answer.one_more) = (true, true),
            Fault::OtherEtag => answer.etag = "\"00000000000000000000000000000000\"",
            _ => {}
        }
        answer
    }

    fn head(&self, size: u64) -> String {
        let status = match &self.claims {
            Some(Range { start, end }) => {
                let last = end.saturating_sub(1);
                format!("206 Partial Content\r\nContent-Range: bytes {start}-{last}/{size}")
            }
            None => "200 OK".to_owned(),
        };
        let length = if self.chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {}", self.part.end - self.part.start)
        };
        format!("HTTP/1.1 {status}\r\nETag: {}\r\n{MODIFIED}{length}\r\n\r\n", self.etag)
    }

    /// The body, up to where it is cut.
    fn body(&self, octets: &[u8], cut: u64) -> Vec<u8> {
        let end = self.part.end.min(self.part.start.saturating_add(cut));
        let mut body = octets[usize::try_from(self.part.start).unwrap()..usize::try_from(end).unwrap()].to_vec();
        if self.one_more {
            body.push(b'!');
        }
        if !self.chunked {
            return body;
        }
        let chunk = if body.is_empty() {
            Vec::new()
        } else {
            [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat()
        };
        [&chunk[..], b"0\r\n\r\n"].concat()
    }
}

/// Gives an object as the fault says. `false`: the connection is over.
async fn give(
    socket: &mut TcpStream,
    octets: &[u8],
    etag: &str,
    range: Option<Range<u64>>,
    fault: Fault,
) -> io::Result<bool> {
    match fault {
        Fault::NoAnswer => return Ok(false),
        Fault::Status(status) => return plain(socket, status, "", &error("Made")).await,
        _ => {}
    }
    let size = octets.len() as u64;
    let answer = Answer::shaped(fault, etag, range, size);
    let cut = match fault {
        Fault::Close(after) | Fault::Reset(after) | Fault::Stall(after) => Some(after),
        _ => None,
    };
    let (head, body) = (answer.head(size), answer.body(octets, cut.unwrap_or(u64::MAX)));
    socket.write_all(&[head.as_bytes(), &body].concat()).await?;
    if matches!(fault, Fault::Reset(_)) {
        socket2::SockRef::from(&*socket).set_linger(Some(Duration::ZERO))?;
    }
    Ok(cut.is_none())
}

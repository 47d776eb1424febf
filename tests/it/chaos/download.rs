//! Downloads on plain sockets, so that every octet is seen when it comes, and how the connection ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::queues::{Running, Watched};
use super::record::{End, Sample};

/// How much is read at once.
pub const READ_OCTETS: usize = 8 * 1024;
/// What the client's kernel holds of a download at most (it doubles the number), and the largest segment that it asks for,
/// which also keeps small what the server's kernel holds: else a slow reader would see for seconds what was handed to
/// the network long ago.
const RECEIVE_BUFFER: u32 = 8 * 1024;
const SEGMENT_OCTETS: u32 = 1400;
/// A slow reader waits for so long after each read.
const BETWEEN_READS: Duration = Duration::from_millis(25);
/// A quick one has enough after so many octets.
const ENOUGH_OCTETS: u64 = 4 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// How a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once, and no more than the first octets.
    Quick,
    /// All of it, slowly, under the eyes of the sampler.
    Slow,
}

/// What a client got.
#[derive(Debug)]
pub struct Got {
    pub status: Option<u16>,
    pub received: u64,
    pub of_file: u64,
    pub end: End,
    pub samples: Vec<Sample>,
}

/// What is known of an answer so far.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    status: Option<u16>,
    length: Option<u64>,
    received: u64,
    body: u64,
}

impl Answer {
    fn take(&mut self, octets: &[u8]) {
        self.received += octets.len() as u64;
        if self.status.is_some() {
            self.body += octets.len() as u64;
            return;
        }
        self.head.extend_from_slice(octets);
        let Some(end) = self.head.windows(HEAD_END.len()).position(|four| four == HEAD_END) else { return };
        let head = String::from_utf8_lossy(&self.head[..end]).to_lowercase();
        self.status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        self.length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        self.body = (self.head.len() - end - HEAD_END.len()) as u64;
    }

    fn is_whole(&self) -> bool {
        self.status.is_some() && self.length.is_some_and(|length| self.body >= length)
    }

    /// Octets of the file: a refusal's body is none of it.
    fn of_file(&self) -> u64 {
        if self.status == Some(200) { self.body } else { 0 }
    }

    fn got(self, end: End, samples: Vec<Sample>) -> Got {
        let of_file = self.of_file();
        Got { status: self.status, received: self.received, of_file, end, samples }
    }
}

/// Downloads `path` until its end, or `patience` is over.
pub async fn download(server: SocketAddr, path: &str, pace: Pace, watched: &Watched, patience: Duration) -> Got {
    let mut answer = Answer::default();
    let running = Mutex::new(None);
    let end = tokio::time::timeout(patience, read(server, path, pace, watched, &running, &mut answer)).await;
    let samples = running.into_inner().map_or_else(Vec::new, |running: Arc<Running>| watched.over(&running));
    answer.got(end.unwrap_or(End::GivenUp), samples)
}

async fn read(
    server: SocketAddr,
    path: &str,
    pace: Pace,
    watched: &Watched,
    running: &Mutex<Option<Arc<Running>>>,
    answer: &mut Answer,
) -> End {
    let Ok(mut stream) = connect(server).await else { return End::Reset };
    let seen = Arc::new(AtomicU64::new(0));
    if let (Pace::Slow, Ok(here)) = (pace, stream.local_addr()) {
        *running.lock() = Some(watched.begun(server.port(), here.port(), Arc::clone(&seen)));
    }
    let request = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return End::Reset;
    }
    let mut buffer = vec![0; READ_OCTETS];
    loop {
        match stream.read(&mut buffer).await {
            // Without a length the end of the connection is the end of the body.
            Ok(0) if answer.status.is_some() && answer.length.is_none() => return End::Whole,
            Ok(0) => return End::Closed,
            Err(_) => return End::Reset,
            Ok(octets) => answer.take(&buffer[..octets]),
        }
        seen.store(answer.received, Ordering::SeqCst);
        if answer.is_whole() {
            return End::Whole;
        }
        match pace {
            Pace::Quick if answer.of_file() >= ENOUGH_OCTETS => return End::GivenUp,
            Pace::Quick => {}
            Pace::Slow => tokio::time::sleep(BETWEEN_READS).await,
        }
    }
}

async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let socket = little_room()?;
    // A client that has all it wants resets: closed connections would be remembered for a minute, thousands of them.
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    socket.connect(server).await
}

/// A socket to connect with, of whose connection neither side's kernel holds much.
pub fn little_room() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT_OCTETS)?;
    Ok(socket)
}

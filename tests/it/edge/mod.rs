//! The edge: what clients may take their time for, how many they may be, and what becomes of nonsense.

mod clients;
mod guessing;
mod heads;
mod malformed;
mod patience;
mod places;
mod slow;
mod tokens;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::Service;

/// Far more than any answer takes. Only a defect takes this long.
pub const HANG: Duration = Duration::from_secs(20);

/// A client on another address of this machine.
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

async fn serve(settings: &[(&str, &str)]) -> Service {
    Service::start_with(settings, |query| query).await
}

/// A connection from one of this machine's addresses. One that is reset at once may look as if it never was.
async fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// Whether a connection from there is reset at once.
async fn is_refused(from: IpAddr, to: SocketAddr) -> bool {
    match connect_from(from, to).await {
        Ok(mut stream) => is_ended(&mut stream).await,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

/// Reads to the end, whatever it is.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await;
    // A reset is an end as well.
    let _ = read.expect("it hangs");
    answer
}

/// Sends octets on a connection of their own and reads to its end.
async fn exchange(to: SocketAddr, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(octets).await.unwrap();
    String::from_utf8_lossy(&read_to_end(&mut stream).await).into_owned()
}

/// Sends a request and reads the head of its answer and its body, on a connection that is kept.
pub async fn ask(stream: &mut TcpStream, request: &str) -> (String, Vec<u8>) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(HANG, stream.read_u8()).await.expect("it hangs").expect("a head"));
    }
    let head = String::from_utf8(head).unwrap();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

/// A header of a head as it was received.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// A connection that its server has ended, or ends within a time that no working service takes.
async fn is_ended(stream: &mut TcpStream) -> bool {
    matches!(tokio::time::timeout(HANG, stream.read(&mut [0])).await.expect("it is not ended"), Ok(0) | Err(_))
}

/// Asks again until it is so.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < HANG, "not within {HANG:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

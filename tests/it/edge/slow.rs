//! Many slow clients at once, on the built binary: a good client on another address is served, and nothing is left of
//! them. `scripts/edge --long` does it with thousands, and takes the times.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::binary::{Binary, Place, eventually, path_of};

const HEADS: usize = 400;
const READERS: usize = 60;
const GOOD: usize = 100;
const SMALL: usize = 20_000;
/// Of one good download beside all that, on a machine that runs other tests too. Quiet ones take a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(2);
const GONE: Duration = Duration::from_secs(20);

fn connect(from: &str, to: SocketAddr, receive_buffer: Option<usize>) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    if let Some(octets) = receive_buffer {
        socket.set_recv_buffer_size(octets).expect("a size");
    }
    let from: SocketAddr = format!("{from}:0").parse().expect("an address");
    socket.bind(&from.into()).expect("an address of this machine");
    socket.connect(&to.into()).expect("it listens");
    socket.into()
}

fn good_download(service: &Binary, path: &str) -> Duration {
    let begun = Instant::now();
    let mut stream = connect("127.0.0.2", service.public, None);
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("a whole answer");
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.len() > SMALL, "{} octets", answer.len());
    begun.elapsed()
}

/// Open files and sockets, but those of the embedded database, which opens more as it needs them.
fn descriptors(service: &Binary) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", service.id())).expect("it runs").flatten();
    let leads_to = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
    open.filter_map(leads_to).filter(|path| !path.to_string_lossy().contains("attachlink.db")).count()
}

#[test]
fn slow_clients_lock_nobody_out_and_leave_nothing() {
    let place = Place::new();
    let service = place.serve(&[
        ("ATTACHLINK_MAX_CONNECTIONS_PER_CLIENT", "0"),
        ("ATTACHLINK_HEADER_TIMEOUT_SECONDS", "4"),
        ("ATTACHLINK_STALL_TIMEOUT_SECONDS", "4"),
    ]);
    service.acme();
    service.attach("c1", "small", "small.bin", "application/octet-stream", &vec![7; SMALL]);
    service.attach("c1", "large", "large.bin", "application/octet-stream", &vec![7; 8 * 1024 * 1024]);
    let ((small, _), (large, _)) = (service.link("c1", "small"), service.link("c1", "large"));
    good_download(&service, path_of(&small));
    let before = descriptors(&service);

    let mut slow: Vec<TcpStream> = (0..HEADS).map(|_| connect("127.0.0.1", service.public, None)).collect();
    for head in &mut slow {
        head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-A").expect("it reads");
    }
    for _ in 0..READERS {
        let mut reader = connect("127.0.0.1", service.public, Some(4096));
        write!(reader, "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", path_of(&large)).expect("it reads");
        slow.push(reader);
    }
    eventually(GONE, "all are held", || (descriptors(&service) >= before + HEADS + READERS).then_some(()));
    for number in 0..GOOD {
        let took = good_download(&service, path_of(&small));
        assert!(took < PATIENCE, "good download {number}: {took:?}");
    }
    // All run out of time, although their clients are still there.
    eventually(GONE, "nothing is left", || (descriptors(&service) <= before).then_some(()));
    drop(slow);
}

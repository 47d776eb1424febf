//! Calls on plain sockets: an answer that did not arrive whole is none.

use std::io;
use std::net::SocketAddr;

use crate::binary::{Binary, exchange};

/// Where a client calls.
#[derive(Clone)]
pub struct Service {
    api: SocketAddr,
    public: SocketAddr,
    key: String,
}

impl Service {
    pub fn of(binary: &Binary) -> Self {
        Self { api: binary.api, public: binary.public, key: binary.key.clone() }
    }

    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let media_type = if path.contains("/content") { "application/octet-stream" } else { "application/json" };
        let head = format!(
            "{method} /v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.key,
            body.len()
        );
        whole(&exchange(self.api, &[head.as_bytes(), body].concat())?)
    }

    pub fn open(&self, path: &str) -> (u16, Vec<u8>) {
        let head = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(self.public, head.as_bytes()).and_then(|answer| whole(&answer)).expect("nobody kills it now")
    }

    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.call("GET", path, b"").expect("nobody kills it now")
    }
}

/// Status and body, if the answer arrived whole: one that did not is none.
fn whole(answer: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(cut)?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]).to_lowercase(), &answer[end + 4..]);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    if body.len() == length { Ok((status, body.to_vec())) } else { Err(cut()) }
}

//! The short way of plain downloads (docs/ARCHITECTURE.md, *One download*), seen by a client that writes its requests
//! itself.

mod kept;
mod other_process;
mod parts;
mod truncated;
mod unknown;

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Service, comment_path};

/// What the client's kernel holds of what it does not read.
const RECEIVE_BUFFER_OCTETS: u32 = 128 * 1024;

/// How a file came into the store. An upload is sent from its open file; what was registered may be written to at any
/// time, and is sent from memory.
#[derive(Debug, Clone, Copy)]
enum Stored {
    Uploaded,
    Registered,
}

/// An attachment that can be downloaded.
struct Attached {
    octets: Vec<u8>,
    url: String,
    link_id: String,
}

impl Attached {
    /// A request of its whole file.
    fn get(&self) -> String {
        self.request("GET", "")
    }

    /// A request, with more header lines.
    fn request(&self, method: &str, lines: &str) -> String {
        let path = self.url.splitn(4, '/').nth(3).expect("a link has a path");
        format!("{method} /{path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
    }
}

/// Octets that are told from those of another number, at each place.
fn sample(octets: usize, number: usize) -> Vec<u8> {
    (0..octets).map(|place| u8::try_from((place * 7 + number) % 251).expect("below 251")).collect()
}

/// An attachment `a{number}` of so many octets.
async fn attached(service: &Service, stored: Stored, octets: usize, number: usize) -> Attached {
    let (name, octets) = (format!("a{number}"), sample(octets, number));
    match stored {
        Stored::Uploaded => service.attach("c1", &name, "x.bin", "application/octet-stream", octets.clone()).await,
        Stored::Registered => {
            let key = format!("acme/{name}");
            service.place(&key, &octets).await;
            let register = json!({"object_key": key, "filename": "x.bin", "media_type": "application/octet-stream"});
            service.put(&format!("{}/attachments/{name}", comment_path("c1")), register).await.ok(201);
        }
    }
    let (url, link_id) = service.link("c1", &name).await;
    Attached { octets, url, link_id }
}

/// A client whose kernel holds little, so that the service's kernel soon takes no more.
async fn small_client(service: &Service) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER_OCTETS).unwrap();
    socket.connect(service.public()).await.unwrap()
}

/// The file of the only upload of a service.
fn uploaded_file(service: &Service) -> PathBuf {
    let mut path = service.dir.path().join("data/objects/attachlink-uploads");
    while path.is_dir() {
        path = folder_or_file(&path);
    }
    path
}

/// The one thing in a folder, but for what is on its way in.
fn folder_or_file(folder: &Path) -> PathBuf {
    let there = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut there = there.filter(|path| !path.ends_with(".incoming"));
    let (found, other) = (there.next().expect("an upload"), there.next());
    assert_eq!(other, None, "one upload");
    found
}

/// How many downloads ended so.
async fn ended(service: &Service, outcome: &str) -> f64 {
    service.metric(&format!("attachlink_downloads_total{{outcome=\"{outcome}\"}}")).await
}

async fn cut(service: &Service, reason: &str) -> f64 {
    service.metric(&format!("attachlink_downloads_cut_total{{reason=\"{reason}\"}}")).await
}

async fn running(service: &Service) -> f64 {
    service.metric("attachlink_downloads_running").await
}

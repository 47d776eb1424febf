//! A small upload whose open file is kept after its first download.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Attached, Stored, attached, uploaded_file};
use crate::edge::{HANG, ask, header};
use crate::harness::Service;

const OCTETS: usize = 20_000;
const ROBOTS: &str = "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";

async fn downloaded_once() -> (Service, Attached, TcpStream) {
    let service = Service::start().await;
    service.acme().await;
    let file = attached(&service, Stored::Uploaded, OCTETS, 1).await;
    let mut client = TcpStream::connect(service.public()).await.unwrap();
    is_served(&mut client, &file).await;
    (service, file, client)
}

async fn is_served(client: &mut TcpStream, file: &Attached) {
    let (head, body) = ask(client, &file.get()).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(body == file.octets);
}

async fn is_unavailable(client: &mut TcpStream, file: &Attached) {
    let (head, body) = ask(client, &file.get()).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(header(&head, "retry-after").is_some(), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "object_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_by_hand_is_refused_until_it_is_back() {
    let (service, file, mut client) = downloaded_once().await;
    let path = uploaded_file(&service);
    std::fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        is_unavailable(&mut client, &file).await;
        ask(&mut client, ROBOTS).await;
        // Without hyper, as far as it gets.
        is_unavailable(&mut TcpStream::connect(service.public()).await.unwrap(), &file).await;
    }
    std::fs::write(&path, &file.octets).unwrap();
    is_served(&mut client, &file).await;
    let mut another = TcpStream::connect(service.public()).await.unwrap();
    for _ in 0..3 {
        is_served(&mut another, &file).await;
    }
    // What is opened now is another file: it is looked at as the first one was.
    std::fs::remove_file(&path).unwrap();
    is_unavailable(&mut another, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_parts_its_head_and_its_tag_are_those_of_the_file() {
    let (service, file, _) = downloaded_once().await;
    let (whole, _) = ask(&mut TcpStream::connect(service.public()).await.unwrap(), &file.get()).await;
    let tag = header(&whole, "etag").unwrap();
    for (lines, first, end) in [("bytes=0-0", 0, 1), ("bytes=4095-8192", 4095, 8193), ("bytes=-1", OCTETS - 1, OCTETS)]
    {
        // Each on a connection that begins with a plain request, and on one that does not.
        for plain_before in [true, false] {
            let mut client = TcpStream::connect(service.public()).await.unwrap();
            if plain_before {
                is_served(&mut client, &file).await;
            }
            let (head, body) = ask(&mut client, &file.request("GET", &format!("Range: {lines}\r\n"))).await;
            assert!(head.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{head}");
            let range = format!("bytes {first}-{}/{OCTETS}", end - 1);
            assert_eq!(header(&head, "content-range"), Some(&*range), "{head}");
            assert!(body == file.octets[first..end], "{lines}");
            assert_eq!(header(&head, "etag"), Some(tag));
            is_served(&mut client, &file).await;
        }
    }
    let mut client = TcpStream::connect(service.public()).await.unwrap();
    is_served(&mut client, &file).await;
    let requests = file.request("HEAD", "") + &file.request("GET", &format!("If-None-Match: {tag}\r\n"));
    client.write_all((requests + &file.request("GET", "Connection: close\r\n")).as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    tokio::time::timeout(HANG, client.read_to_end(&mut answers)).await.expect("it hangs").unwrap();
    let mut heads = [const { String::new() }; 3];
    for head in &mut heads {
        let end = answers.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        *head = String::from_utf8(answers.drain(..end).collect()).unwrap();
    }
    let [head, not_modified, last] = heads;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && last.starts_with("HTTP/1.1 200 OK\r\n"), "{head}{last}");
    assert_eq!(header(&head, "content-length"), Some(&*OCTETS.to_string()));
    assert!(not_modified.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{not_modified}");
    assert!([&head, &not_modified, &last].into_iter().all(|head| header(head, "etag") == Some(tag)));
    assert!(answers == file.octets, "nothing but the last has a body");
}

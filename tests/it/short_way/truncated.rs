//! A large upload whose file becomes shorter, by hand, while the kernel sends it.

use std::fs::File;
use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Stored, attached, cut, ended, running, small_client, uploaded_file};
use crate::edge::{HANG, eventually};
use crate::harness::Service;
use crate::promise::drain;

const LARGE: usize = 16 * 1024 * 1024;
const FIRST: usize = 4096;

/// Cut to so many octets, once the client has read the first ones.
async fn is_reset(left: usize) {
    let service = Service::start().await;
    service.acme().await;
    let file = attached(&service, Stored::Uploaded, LARGE, 1).await;
    let mut client = small_client(&service).await;
    client.write_all(file.get().as_bytes()).await.unwrap();
    let mut first = vec![0; FIRST];
    client.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..200]));
    assert!((running(&service).await - 1.0).abs() < 0.1);
    File::options().write(true).open(uploaded_file(&service)).unwrap().set_len(left as u64).unwrap();

    let (octets, end) = tokio::time::timeout(HANG, drain(&mut client)).await.expect("it hangs");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset, "{octets}: never a clean short end");
    assert!(octets < LARGE, "{octets}");
    eventually("it is counted", async || cut(&service, "store_failed").await > 0.5).await;
    assert!((ended(&service, "cut").await - 1.0).abs() < 0.1 && ended(&service, "complete").await < 0.1);
}

/// The next octets that the kernel is asked for are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_ends_before_what_is_sent_next_resets_its_download() {
    is_reset(FIRST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_ends_further_on_resets_its_download_there() {
    is_reset(LARGE / 2 + 1000).await;
}

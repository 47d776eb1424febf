//! A database that does not say whether a link is alive, asked on the short way.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attachlink::config::LogFormat;
use attachlink::http::REQUEST_LOG;
use attachlink::liveness::{AskedBy, LivenessQuery};
use attachlink::logging;
use attachlink::store::StoreError;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Stored, attached, running};
use crate::edge::{ask, header};
use crate::harness::Service;

const DEADLINE: Duration = Duration::from_millis(400);

/// What this process has logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Of this process: its only test that reads a log.
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = logging::subscriber("info", LogFormat::Json, false, move || writer.clone()).unwrap();
        tracing::subscriber::set_global_default(subscriber).expect("no other log");
        log
    }

    /// The lines about requests of the public listener that were answered so.
    fn answered(&self, status: u16) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == REQUEST_LOG && line["status"] == status).collect()
    }
}

/// A database that can be made silent, and that counts how often a batch asks it. It fails at one of these questions.
#[derive(Clone, Default)]
struct Database {
    silent: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    fails_at: Option<usize>,
}

impl Database {
    fn around(&self) -> impl FnOnce(LivenessQuery) -> LivenessQuery {
        let Self { silent, asked, fails_at } = self.clone();
        move |query| {
            Arc::new(move |links| {
                let number = (links.by == AskedBy::Batcher).then(|| asked.fetch_add(1, Ordering::SeqCst) + 1);
                if silent.load(Ordering::SeqCst) {
                    Box::pin(std::future::pending())
                } else if number.is_some() && number == fails_at {
                    Box::pin(std::future::ready(Err(StoreError::ReadOnly)))
                } else {
                    query(links)
                }
            })
        }
    }

    fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
        self.asked.store(0, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_asked_once_and_its_silence_is_in_the_log() {
    let (log, database) = (Log::start(), Database::default());
    let deadline = DEADLINE.as_millis().to_string();
    let settings = [("ATTACHLINK_LIVENESS_DEADLINE_MS", deadline.as_str())];
    let service = Service::start_with(&settings, database.around()).await;
    service.acme().await;
    let file = attached(&service, Stored::Uploaded, 20_000, 1).await;
    let mut client = TcpStream::connect(service.public()).await.unwrap();
    assert!(ask(&mut client, &file.get()).await.0.starts_with("HTTP/1.1 200"));

    database.be_silent(true);
    let (head, body) = ask(&mut client, &file.get()).await;
    assert!(head.starts_with("HTTP/1.1 503 ") && header(&head, "retry-after").is_some(), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "unavailable");
    assert_eq!(database.asked(), 1);
    let lines = log.answered(503);
    let took_ms = lines.first().expect("a line")["duration_ms"].as_f64().unwrap();
    assert!(lines.len() == 1 && took_ms >= DEADLINE.as_secs_f64() * 1000.0, "{lines:?}");

    // Nothing of it is left for the next request of this connection, which hyper has now.
    database.be_silent(false);
    assert!(ask(&mut client, &file.get()).await.0.starts_with("HTTP/1.1 200"));
    database.be_silent(true);
    assert!(ask(&mut client, &file.get()).await.0.starts_with("HTTP/1.1 503 "));
    assert_eq!((database.asked(), log.answered(503).len()), (1, 2));
}

/// About a large file it is asked twice: how large it is, and, once the download is entered, whether it may begin. What
/// failed at one of these questions is not asked again, though it would be answered by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_failed_is_not_asked_again() {
    for (octets, fails_at) in [(20_000, 1), (400_000, 1), (400_000, 2)] {
        let database = Database { fails_at: Some(fails_at), ..Database::default() };
        let service = Service::start_with(&[], database.around()).await;
        service.acme().await;
        let file = attached(&service, Stored::Uploaded, octets, 1).await;
        let mut client = TcpStream::connect(service.public()).await.unwrap();
        let (head, _) = ask(&mut client, &file.get()).await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{octets}, {fails_at}: {head}");
        assert_eq!(database.asked(), fails_at, "{octets}");
        assert!(running(&service).await < 0.5, "{octets}, {fails_at}: it has begun");
        let (head, body) = ask(&mut client, &file.get()).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && body == file.octets, "{octets}, {fails_at}: {head}");
    }
}

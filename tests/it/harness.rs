//! A real service in this process: real database, real directory, real sockets on loopback. The clock is the test's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use attachlink::clock::{Clock, SettableClock};
use attachlink::config::{Config, Environment, Flags};
use attachlink::domain::attachment::ObjectKey;
use attachlink::liveness::LivenessQuery;
use attachlink::serve::{self, Running};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::postgres_server::Database;
use crate::s3::bucket::{Bucket, SERVICE_FOLDER};

/// When every test begins.
pub const START: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);

/// A real 1×1 PNG.
pub const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x60, 0, 2, 0, 0, 5,
    0, 1, 0x7a, 0x5e, 0xab, 0x3f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A whole response.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The problem's stable code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json()["code"], code, "{:?}", self.body);
        assert_eq!(self.json()["status"], status);
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        self
    }
}

pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

pub struct Service {
    pub running: Running,
    pub clock: Arc<SettableClock>,
    pub dir: TempDir,
    pub key: String,
    pub client: HttpClient,
    /// Its database, where that is on a server.
    pub database: Option<Database>,
    /// Its bucket, where its objects are in one.
    pub bucket: Option<Bucket>,
}

/// An environment for a service in `dir`, on free ports.
pub fn environment(dir: &std::path::Path, more: &[(&str, &str)]) -> Environment {
    let mut environment: Environment = HashMap::new();
    for name in ["PUBLIC_LISTEN", "API_LISTEN", "OPS_LISTEN"] {
        environment.insert(format!("ATTACHLINK_{name}").into(), "127.0.0.1:0".into());
    }
    environment.insert("ATTACHLINK_DATA_DIR".into(), dir.join("data").into());
    for (name, value) in more {
        environment.insert((*name).into(), (*value).into());
    }
    environment
}

impl Service {
    pub async fn start() -> Self {
        Self::start_with(&[], |query| query).await
    }

    pub async fn start_with(more: &[(&str, &str)], around: impl FnOnce(LivenessQuery) -> LivenessQuery) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self::start_in(dir, SettableClock::at(START), more, around).await
    }

    /// Puts an object into the store, as the help desk would.
    pub async fn place(&self, key: &str, octets: &[u8]) {
        if let Some(bucket) = &self.bucket {
            return bucket.put(&format!("{SERVICE_FOLDER}/{key}"), octets).await;
        }
        let path = self.dir.path().join("data/objects").join(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("room for a folder");
        std::fs::write(path, octets).expect("room for a file");
    }

    /// Whether the store holds an object of this key.
    pub async fn has_object(&self, key: &str) -> bool {
        let key = ObjectKey::named(key).expect("a key");
        self.running.app().objects.stat(&key).await.is_ok()
    }

    /// Another replica of a service on a server's database: they share the objects too, and its first key.
    pub async fn replica(&self, url: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = |dir: &TempDir| dir.path().join("data");
        std::fs::create_dir_all(data(&dir)).expect("a directory");
        std::fs::copy(data(&self.dir).join("first-api-key"), data(&dir).join("first-api-key")).expect("a first key");
        let objects = format!("file:{}", data(&self.dir).join("objects").display());
        let settings = [("ATTACHLINK_DATABASE_URL", url), ("ATTACHLINK_OBJECTS", &objects)];
        Self::start_in(dir, SettableClock::at(START), &settings, |query| query).await
    }

    /// A link's address at this service: the host in it is another replica's, or a former one.
    pub fn here(&self, url: &str) -> String {
        format!("http://{}/{}", self.public(), url.splitn(4, '/').nth(3).expect("a link has a path"))
    }

    /// One series of `/metrics`, by its name and labels.
    pub async fn metric(&self, series: &str) -> f64 {
        let metrics = self.metrics().await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {series} in\n{metrics}"))
    }

    /// The status of `/readyz`, and what it says of a part, `database` or `objects`.
    pub async fn readiness_of(&self, part: &str) -> (StatusCode, String) {
        let reply = self.open(&format!("http://{}/readyz", self.running.ops_addr)).await;
        (reply.status, reply.json()[part].as_str().expect("a text").to_owned())
    }

    /// Of the database.
    pub async fn readiness(&self) -> (StatusCode, String) {
        self.readiness_of("database").await
    }

    /// A round of the purge, from its beginning.
    pub async fn purge(&self) {
        attachlink::purge::Purge::default().round(self.running.app()).await.expect("a database that answers");
    }

    pub async fn start_in(
        dir: TempDir,
        clock: Arc<SettableClock>,
        more: &[(&str, &str)],
        around: impl FnOnce(LivenessQuery) -> LivenessQuery,
    ) -> Self {
        let config = Config::load(&Flags::new(), &environment(dir.path(), more)).expect("a right configuration");
        let shared: Arc<dyn Clock> = clock.clone();
        let running = serve::start_around(config, shared, around).await.expect("the service starts");
        let key = std::fs::read_to_string(dir.path().join("data/first-api-key")).expect("a first key");
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { running, clock, dir, key: key.trim().to_owned(), client, database: None, bucket: None }
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let response = self.client.request(request).await.expect("a response");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    /// Calls the API with a key.
    pub async fn call_as(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}/v1{path}", self.running.api_addr))
            .header("authorization", format!("Bearer {key}"));
        let body = match body {
            Some(value) => {
                request = request.header("content-type", "application/json");
                Bytes::from(value.to_string())
            }
            None => Bytes::new(),
        };
        self.send(request.body(Full::new(body)).expect("a request")).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.call_as(&self.key, Method::PUT, path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call_as(&self.key, Method::POST, path, Some(body)).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call_as(&self.key, Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call_as(&self.key, Method::DELETE, path, None).await
    }

    pub async fn upload(&self, path: &str, media_type: &str, bytes: impl Into<Bytes>) -> Reply {
        let request = Request::put(format!("http://{}/v1{path}", self.running.api_addr))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", media_type)
            .body(Full::new(bytes.into()))
            .expect("a request");
        self.send(request).await
    }

    /// Opens a link as a program would.
    pub async fn open(&self, url: &str) -> Reply {
        self.open_with(Method::GET, url, &[]).await
    }

    pub async fn open_with(&self, method: Method, url: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::default()).expect("a request")).await
    }

    /// What operators read.
    pub async fn metrics(&self) -> String {
        let reply = self.open(&format!("http://{}/metrics", self.running.ops_addr)).await.ok(200);
        String::from_utf8(reply.body.to_vec()).expect("text")
    }

    /// A site with a paid plan.
    pub async fn site(&self, site: &str) {
        let portal = "https://help.acme.example/portal/{project}/{request}";
        let body =
            json!({"plan": "standard", "safe_notifications": false, "portal_url": portal, "object_prefix": site});
        self.put(&format!("/sites/{site}"), body).await.ok(200);
    }

    pub async fn mode(&self, site: &str, project: &str, mode: &str) -> Reply {
        self.put(&format!("/sites/{site}/projects/{project}/attachment-security"), json!({"mode": mode})).await
    }

    /// A site `acme` with a project `SUP` in `secured_link`.
    pub async fn acme(&self) {
        self.site("acme").await;
        self.mode("acme", "SUP", "secured_link").await.ok(200);
    }

    /// Uploads an attachment of comment `c1` in `acme`/`SUP`.
    pub async fn attach(
        &self,
        comment: &str,
        attachment: &str,
        filename: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) {
        let path = format!("{}/attachments/{attachment}/content?filename={filename}", comment_path(comment));
        let reply = self.upload(&path, media_type, bytes).await;
        assert!(reply.status.is_success(), "{:?}", reply.body);
    }

    /// Issues one link without an email: its URL and its id.
    pub async fn link(&self, comment: &str, attachment: &str) -> (String, String) {
        let path = format!("{}/attachments/{attachment}/links", comment_path(comment));
        let reply = self.post(&path, json!({"recipients": ["r-1"]})).await.ok(201).json();
        let text = |name: &str| reply["links"][0][name].as_str().expect("a text").to_owned();
        (text("url"), text("link_id"))
    }

    pub fn public(&self) -> SocketAddr {
        self.running.public_addr
    }
}

pub fn comment_path(comment: &str) -> String {
    format!("/sites/acme/projects/SUP/comments/{comment}")
}

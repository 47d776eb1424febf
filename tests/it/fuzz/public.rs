//! Requests of the public listener: a first line `METHOD PATH`, then a field on each line. In a path `{live}` stands for a
//! link that works, `{dead}` for one that was withdrawn.
//!
//! They go to a whole service over a connection. A client forms them, so that they get beyond the parser of HTTP.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use attachlink::clock::SettableClock;
use attachlink::config::{Config, Environment, Flags};
use attachlink::serve::{self, Running};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

/// The bytes of the one file that there is.
const CONTENT: &[u8] = b"the bytes of the file";
const SITE: &str = "/v1/sites/acme";
const PROJECT: &str = "/v1/sites/acme/projects/SUP";

struct World {
    runtime: Runtime,
    service: Service,
    live: String,
    dead: String,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct Service {
    running: Running,
    client: Client<HttpConnector, Full<Bytes>>,
    key: String,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (service, live, dead) = runtime.block_on(async {
            let service = Service::start().await;
            let (live, dead) = service.furnish().await;
            (service, live, dead)
        });
        Self { runtime, service, live, dead }
    }
}

impl Service {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut environment: Environment = HashMap::new();
        for listener in ["PUBLIC", "API", "OPS"] {
            environment.insert(format!("ATTACHLINK_{listener}_LISTEN").into(), "127.0.0.1:0".into());
        }
        environment.insert("ATTACHLINK_DATA_DIR".into(), dir.path().into());
        // Who asks says who that is, and no limit hides an answer.
        environment.insert("ATTACHLINK_TRUSTED_PROXIES".into(), "127.0.0.0/8".into());
        environment.insert("ATTACHLINK_NOT_FOUND_PER_MINUTE".into(), "1000000".into());
        environment.insert("ATTACHLINK_NOT_FOUND_BURST".into(), "1000000".into());
        let config = Config::load(&Flags::new(), &environment).expect("a right configuration");
        let clock = SettableClock::at(time::macros::datetime!(2026-11-21 10:00:00 UTC));
        let running = serve::start(config, Arc::clone(&clock) as _).await.expect("the service starts");
        let key = std::fs::read_to_string(dir.path().join("first-api-key")).expect("a first key");
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { running, client, key: key.trim().to_owned(), _dir: dir }
    }

    /// A file with two links, one of them withdrawn: their tokens.
    async fn furnish(&self) -> (String, String) {
        self.call(Method::PUT, SITE, r#"{"plan": "standard", "safe_notifications": false}"#).await;
        self.call(Method::PUT, &format!("{PROJECT}/attachment-security"), r#"{"mode": "secured_link"}"#).await;
        let attachment = format!("{PROJECT}/comments/c1/attachments/a1");
        self.call(Method::PUT, &format!("{attachment}/content?filename=log.txt"), CONTENT).await;
        let links = format!("{attachment}/links");
        let issue = || self.call(Method::POST, &links, r#"{"recipients": ["r-1"]}"#);
        let (live, dead): (serde_json::Value, serde_json::Value) = (json(&issue().await), json(&issue().await));
        let id = dead["links"][0]["link_id"].as_str().expect("an id");
        self.call(Method::DELETE, &format!("{SITE}/links/{id}"), "").await;
        (token(&live), token(&dead))
    }

    async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Bytes {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.running.api_addr))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .expect("a request");
        let reply = self.ask(request).await;
        assert!(reply.status().is_success(), "{path}: {:?}", reply.body());
        reply.into_body()
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let (head, body) = self.client.request(request).await.expect("an answer").into_parts();
        Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes())
    }
}

fn json(body: &Bytes) -> serde_json::Value {
    serde_json::from_slice(body).expect("JSON")
}

fn token(issued: &serde_json::Value) -> String {
    let url = issued["links"][0]["url"].as_str().expect("an address");
    url.split('/').nth(4).expect("a token").to_owned()
}

/// The file for a link that works, and for nothing else; never a failure.
pub fn check(input: &[u8]) {
    let world = &*WORLD;
    let Some(request) = read(world, input) else { return };
    let (method, path, asked) = (request.method().clone(), request.uri().path().to_owned(), request.headers().clone());
    let reply = world.runtime.block_on(world.service.ask(request));
    let status = reply.status();
    assert!(!status.is_server_error(), "{status} {:?}", reply.body());
    let opens = path.strip_prefix("/a/").is_some_and(|rest| rest.split('/').next() == Some(&*world.live));
    if opens && status.is_success() && method != Method::OPTIONS {
        serves(&method, &asked, &reply);
    } else {
        tells_nothing(world, &reply);
    }
}

fn read(world: &World, input: &[u8]) -> Option<Request<Full<Bytes>>> {
    let mut lines = input.split(|octet| *octet == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, path) = first.split_once(' ')?;
    let path = path.replace("{live}", &world.live).replace("{dead}", &world.dead);
    let uri = format!("http://{}{path}", world.service.running.public_addr);
    let mut request = Request::builder().method(method).uri(uri).body(Full::default()).ok()?;
    // The service asked is always this one, whatever the path did to the address.
    let here = world.service.running.public_addr.to_string();
    if request.uri().authority()?.as_str() != here || request.method() == Method::CONNECT {
        return None;
    }
    *request.headers_mut() = fields(lines);
    Some(request)
}

/// The client frames its messages itself.
fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    const FRAMING: [HeaderName; 5] =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE, header::EXPECT];
    let field = |line: &[u8]| {
        let colon = line.iter().position(|octet| *octet == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok().filter(|name| !FRAMING.contains(name))?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    lines.filter_map(field).collect()
}

/// The file or the part of it that the answer names, under the headers that keep browsers from running it.
fn serves(method: &Method, asked: &HeaderMap, reply: &Response<Bytes>) {
    let header = |name: &str| reply.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"));
    assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff", "private, no-store"));
    assert!(header("content-security-policy").starts_with("sandbox"), "{:?}", reply.headers());
    let part = if reply.status() == StatusCode::PARTIAL_CONTENT {
        assert!(asked.contains_key(header::RANGE), "nobody asked for a part");
        let range = header("content-range").strip_prefix("bytes ").and_then(|range| range.split_once('/'));
        let ((first, last), size) =
            range.map(|(range, size)| (range.split_once('-').expect("two"), size)).expect("a range");
        assert_eq!(size, CONTENT.len().to_string());
        let octet = |text: &str| text.parse::<usize>().expect("a number");
        &CONTENT[octet(first)..=octet(last)]
    } else {
        CONTENT
    };
    assert_eq!(header("content-length"), part.len().to_string());
    assert_eq!(reply.body(), if method == Method::HEAD { b"" } else { part });
}

/// Neither the file nor a token.
fn tells_nothing(world: &World, reply: &Response<Bytes>) {
    let body = String::from_utf8_lossy(reply.body());
    let headers = format!("{:?}", reply.headers());
    for secret in [&*world.live, &*world.dead, std::str::from_utf8(CONTENT).expect("text")] {
        assert!(!body.contains(secret) && !headers.contains(secret), "{}: {headers} {body}", reply.status());
    }
}

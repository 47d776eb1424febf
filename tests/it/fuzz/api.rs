//! Bodies of the API: a first line `OPERATION?QUERY`, named as the description names it, then the body.
//!
//! The calls are those of the service's own description, so a new one is tried too. They go through the real router, with
//! a real database and a real directory behind it.

use std::sync::LazyLock;

use http::{Method, Request};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::api_router::{Api, Reply};

/// A call that may have a body.
struct Operation {
    id: String,
    method: Method,
    path: String,
    /// Its answers, by their statuses.
    statuses: Vec<u16>,
    takes_octets: bool,
    takes_a_body: bool,
}

struct World {
    runtime: Runtime,
    api: Api,
    operations: Vec<Operation>,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The names of things in paths.
const IDS: [(&str, &str); 8] = [
    ("{site}", "acme"),
    ("{project}", "SUP"),
    ("{comment}", "c1"),
    ("{attachment}", "a1"),
    ("{request}", "SUP-42"),
    ("{organization}", "customers"),
    ("{email}", "ana@customer.example"),
    ("{link_id}", "0198c9a0-0000-7000-8000-000000000000"),
];

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (api, operations) = runtime.block_on(async {
            let api = Api::start().await;
            furnish(&api).await;
            let description = api.get("/openapi.json").await.ok(200).json();
            (api, Operation::all(&description))
        });
        Self { runtime, api, operations }
    }

    /// The call of that name; whatever is none names one of them too, so that every input asks for something.
    fn operation(&self, name: &str) -> &Operation {
        let any = name.bytes().map(usize::from).sum::<usize>() % self.operations.len();
        self.operations.iter().find(|operation| operation.id == name).unwrap_or(&self.operations[any])
    }

    fn ask(&self, operation: &Operation, query: &str, body: &[u8]) -> Option<Reply> {
        let media_type = if operation.takes_octets { "image/png" } else { "application/json" };
        let request = Request::builder()
            .method(operation.method.clone())
            .uri(format!("{}?{query}", operation.path))
            .header("authorization", format!("Bearer {}", self.api.all))
            .header("content-type", media_type)
            .body(axum::body::Body::from(body.to_vec()))
            .ok()?;
        Some(self.runtime.block_on(self.api.send(request)))
    }
}

/// A site with an attachment, so that calls get beyond what is not there.
async fn furnish(api: &Api) {
    let site = r#"{"plan": "standard", "safe_notifications": false, "object_prefix": "acme/"}"#;
    api.put("/v1/sites/acme", site).await.ok(200);
    api.put("/v1/sites/acme/projects/SUP/attachment-security", r#"{"mode": "secured_link"}"#).await.ok(200);
    let content = "/v1/sites/acme/projects/SUP/comments/c1/attachments/a1/content?filename=log.txt";
    api.upload(content, Some("text/plain"), "hello").await.ok(201);
    let folder = api.dir.path().join("objects/acme");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("report.txt"), "in place").expect("room for a file");
}

impl Operation {
    fn all(description: &Value) -> Vec<Self> {
        let paths = description["paths"].as_object().expect("paths").iter();
        let api = paths.filter(|(path, _)| path.starts_with("/v1/") || path.starts_with("/access/"));
        let all: Vec<Self> = api
            .flat_map(|(path, item)| {
                let named = |method| item.get(method).map(|operation| (method, operation));
                ["put", "post"].into_iter().filter_map(named).map(|(method, o)| Self::of(path, method, o))
            })
            .collect();
        assert!(!all.is_empty());
        all
    }

    fn of(path: &str, method: &str, described: &Value) -> Self {
        let path = IDS.into_iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
        assert!(!path.contains('{'), "{path}: say what this names");
        let statuses = described["responses"].as_object().expect("answers").keys();
        Self {
            id: described["operationId"].as_str().expect("a name").to_owned(),
            method: method.to_uppercase().parse().expect("a method"),
            path,
            statuses: statuses.map(|status| status.parse().expect("a status")).collect(),
            takes_octets: described["requestBody"]["content"].get("application/octet-stream").is_some(),
            takes_a_body: described.get("requestBody").is_some(),
        }
    }
}

/// No failure, no answer that is not described, and nothing taken for JSON that is none.
pub fn check(input: &[u8]) {
    let end = input.iter().position(|octet| *octet == b'\n').unwrap_or(input.len());
    let (line, body) = (String::from_utf8_lossy(&input[..end]), input.get(end + 1..).unwrap_or_default());
    let (name, query) = line.split_once('?').unwrap_or((&line, ""));
    let world = &*WORLD;
    let operation = world.operation(name);
    let Some(reply) = world.ask(operation, query, body) else { return };
    let status = reply.status.as_u16();
    assert!(status < 500, "{}: {status} {:?}", operation.id, reply.body);
    assert!(operation.statuses.contains(&status), "{}: {status} is not described: {:?}", operation.id, reply.body);
    answers_in_json(&reply);
    if operation.takes_octets {
        return;
    }
    let nothing = !operation.takes_a_body && body.is_empty();
    let read = json(body);
    let is_object = nothing || read.is_some_and(|read| read.starts_with('{'));
    assert!(is_object || !reply.status.is_success(), "{} took what is no object", operation.id);
    let malformed = status == 400 && reply.json()["code"] == "malformed_json";
    assert_eq!(malformed, !nothing && read.is_none(), "{}: {status} {:?}", operation.id, reply.body);
}

/// The text of a body that is JSON (RFC 8259).
fn json(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok().map(|_| text.trim_ascii())
}

/// A refusal is a problem with a code and its own status.
fn answers_in_json(reply: &Reply) {
    let body: Value = if reply.body.is_empty() { Value::Null } else { reply.json() };
    if reply.status.is_success() {
        return;
    }
    assert_eq!(reply.headers["content-type"], "application/problem+json", "{body}");
    assert_eq!(body["status"], reply.status.as_u16());
    let code = body["code"].as_str().expect("a code");
    assert!(code.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_'), "{code}");
}

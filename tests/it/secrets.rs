//! Nothing secret comes out: tokens and API keys are planted in every part of a request, on every listener, at the most
//! talkative log level; then everything that came out is searched.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::process::Output;

use serde_json::json;

use crate::binary::{Binary, Place, Signal, attachment_path, comment_path, curl, exchange, path_of};

/// What a path, a query, a header and a body hold, each found by its own mark. They are no secrets by their form, and
/// must not come out all the same.
const MARKS: [&str; 4] = ["plantedinpath", "plantedinquery", "plantedinheader", "plantedinbody"];

/// The routes of all listeners by their templates: all that a log line may say of a path.
fn routes() -> HashSet<String> {
    let described = attachlink::http::openapi::document().paths.paths.into_keys();
    described.chain([attachlink::http::UNMATCHED.to_owned()]).collect()
}

/// A secret and the parts of its text that must not come out: its body, and the end of that, where no public id is.
struct Secret(String);

impl Secret {
    fn body(&self) -> &str {
        self.0.split_once('_').expect("a prefix").1
    }

    fn parts(&self) -> [&str; 2] {
        [self.body(), &self.body()[21..]]
    }
}

/// Sends a request with one header; its answer is whatever it is.
pub fn ask(address: SocketAddr, method: &str, path: &str, (name, value): (&str, &str)) {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {value}\r\n\r\n");
    let answer = exchange(address, head.as_bytes()).expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
}

/// In the path, the query and headers.
pub fn plant(address: SocketAddr, secret: &str, key: &str) {
    let bearer = format!("Bearer {key}");
    let authorized = ("Authorization", bearer.as_str());
    for path in [
        format!("/a/{secret}"),
        format!("/a/{secret}/plantedinpath.txt?x=plantedinquery"),
        format!("/a/{secret}/a/b"),
        format!("/a/plantedinpath?token={secret}"),
        format!("/{secret}?plantedinquery={secret}"),
        format!("/metrics?key={secret}"),
        format!("/readyz/{secret}"),
        format!("/v1/sites/{secret}"),
        format!("/v1/sites/acme/links/{secret}?plantedinquery"),
        format!("/v1{}", attachment_path(secret, "plantedinpath")),
        format!("/v1/sites/%00{secret}"),
        format!("/v1/sites/a%20{secret}/projects/plantedinpath"),
    ] {
        for method in ["GET", "HEAD", "DELETE", "PUT", "PATCH"] {
            ask(address, method, &path, authorized);
        }
    }
    let (open, planted) = (format!("/a/{secret}"), format!("plantedinheader {secret}"));
    for name in [
        "Authorization",
        "Cookie",
        "Referer",
        "User-Agent",
        "Accept",
        "Range",
        "If-Range",
        "If-None-Match",
        "X-Forwarded-For",
        "X-Request-Id",
        "traceparent",
        "Content-Type",
        "Expect",
        "Upgrade",
    ] {
        ask(address, "GET", &open, (name, &planted));
        ask(address, "GET", "/v1/sites/acme", (name, &planted));
    }
    for scheme in
        [format!("Basic {secret}"), format!("Bearer {secret}x"), format!("Bearer {secret} {secret}"), secret.to_owned()]
    {
        ask(address, "GET", "/v1/sites/acme", ("Authorization", &scheme));
    }
}

/// In JSON that is wrong in every way, in an upload's body, and where an id should be.
fn plant_in_bodies(service: &Binary, secret: &str) {
    let links = format!("{}/links", attachment_path("c1", "a1"));
    let notifications = format!("{}/notifications", comment_path("c1"));
    for (path, body) in [
        ("/sites/acme", json!({"plan": secret})),
        ("/sites/acme", json!({"portal_url": format!("gopher://plantedinbody.example/{secret}")})),
        ("/sites/acme", json!({"plan": {"plantedinbody": secret}})),
        ("/sites/acme", json!({secret: "plantedinbody"})),
        ("/sites/acme", json!(secret)),
        ("/sites/acme/projects/SUP/attachment-security", json!({"mode": secret})),
        (
            &attachment_path("c1", "a2"),
            json!({"object_key": format!("acme/{secret}"), "filename": "x", "media_type": "a/b"}),
        ),
        (
            &attachment_path("c1", "a2"),
            json!({"object_key": "acme/x", "filename": "x", "media_type": format!("{secret}/plantedinbody")}),
        ),
    ] {
        assert!(service.put(path, &body).status >= 400, "{path} {body}");
    }
    for (path, body) in [
        (&links, json!({"recipients": [format!("{secret}\n")]})),
        (&links, json!({"recipients": secret})),
        (&notifications, json!({"request": "SUP-42", "message_size": secret})),
        (&notifications, json!({"request": format!("plantedinbody/{secret}"), "message_size": 1})),
        (&notifications, json!({"request": "SUP-42", "message_size": 1, "attachments": [secret]})),
    ] {
        assert!(service.post(path, &body).status >= 400, "{path} {body}");
    }
    let content = format!("{}/content?filename=x.txt", attachment_path("c1", "planted"));
    service.upload(&content, "text/plain", format!("plantedinbody {secret}").as_bytes());
    service.upload(&content, &format!("plantedinheader {secret}"), b"x").refused(422, "invalid_request");
}

/// What is hardly HTTP.
fn plant_malformed(address: SocketAddr, secret: &str) {
    let long = "plantedinheader".repeat(20_000);
    for request in [
        format!("{secret}\r\n\r\n"),
        format!("GET /a/{secret}\r\n\r\n"),
        format!("GET /a/{secret} HTTP/9.9\r\n\r\n"),
        format!("{secret} /plantedinpath HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET /a/{secret}\u{1}plantedinpath HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /a/{secret}/ü HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET http://{secret}@x/a/{secret} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET /a/{secret} HTTP/1.1\r\n{secret}\r\n\r\n"),
        format!("GET /a/{secret} HTTP/1.1\r\nHost: x\r\nX-{secret} plantedinheader: {secret}\r\n\r\n"),
        format!("GET /a/{secret} HTTP/1.1\r\nHost: x\r\nX: {secret}\u{0}\r\n\r\n"),
        format!("GET /a/{secret} HTTP/1.1\r\nHost: x\r\nX: {secret}{long}\r\n\r\n"),
        format!(
            "PUT /v1{}/content?filename={secret} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\nTransfer-Encoding: chunked\r\n\r\n{secret}plantedinbody\r\n",
            attachment_path("c1", "cut")
        ),
        format!("POST /a/{secret} HTTP/1.1\r\nHost: x\r\nContent-Length: {secret}\r\n\r\nplantedinbody"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned() + secret,
    ] {
        // An answer, or the connection's end: either will do.
        let _ = exchange(address, request.as_bytes());
    }
}

fn outputs(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// Where a secret may be given to the command line by mistake.
fn on_the_command_line(place: &Place, secret: &str) -> String {
    let mut said = String::new();
    for arguments in [
        vec!["revoke", "--site", "acme", "--link", secret],
        vec!["key", "revoke", secret],
        vec!["revoke", "--link", secret],
    ] {
        let output = place.run(&arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
        said += &outputs(&output);
    }
    said
}

#[test]
fn no_token_and_no_key_comes_out() {
    let place = Place::new();
    let mut service = place.serve(&[("ATTACHLINK_LOG", "trace,sqlx=trace")]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let (live, live_id) = service.link("c1", "a1");
    let (dead, dead_id) = service.link("c1", "a1");
    service.delete(&format!("/sites/acme/links/{dead_id}")).ok(204);
    curl(&[&live]).ok(200);
    curl(&[&dead]).refused(410, "link_withdrawn");

    let token = |url: &str| path_of(url).split('/').nth(1).unwrap().to_owned();
    let forged = |genuine: &str| format!("{}AAAAAAAA", &genuine[..genuine.len() - 8]);
    let created = place.run(&["key", "create", "--scope", "notify"]);
    let made = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let secrets: Vec<Secret> =
        [token(&live), token(&dead), forged(&token(&live)), service.key.clone(), made, forged(&service.key)]
            .map(Secret)
            .into();
    let mut said = String::from_utf8(created.stderr).unwrap();
    for Secret(secret) in &secrets {
        for address in [service.public, service.api, service.ops] {
            plant(address, secret, &service.key);
            plant_malformed(address, secret);
        }
        plant_in_bodies(&service, secret);
        said += &on_the_command_line(&place, secret);
    }
    let metrics = String::from_utf8(curl(&[&format!("http://{}/metrics", service.ops)]).ok(200).body).unwrap();
    service.signal(Signal::TERM);
    assert_eq!(service.wait().code(), Some(0));
    let log = service.log();

    // What was asked has been logged, down to the levels that are off by default: there is something to search.
    assert!(log.contains("\"level\":\"DEBUG\"") && log.contains(&live_id) && log.contains(&dead_id));
    assert!(metrics.contains("attachlink_"));
    for (name, text) in [("log", &log), ("metrics", &metrics), ("command line", &said)] {
        for secret in &secrets {
            for part in secret.parts() {
                let found = text.lines().find(|line| line.contains(part));
                assert_eq!(found, None, "{name}");
            }
        }
    }
    for mark in MARKS {
        for text in [&log, &metrics] {
            assert_eq!(text.lines().find(|line| line.contains(mark)), None, "{mark}");
        }
    }
    only_templates_were_logged(&service);
}

/// Holds the log's lines about requests to the routes that there are.
#[track_caller]
pub fn only_templates_were_logged(service: &Binary) {
    let lines = service.requests();
    let logged: HashSet<String> =
        lines.iter().map(|line| line["route"].as_str().unwrap_or("none").to_owned()).collect();
    let routes = routes();
    assert_eq!(logged.difference(&routes).collect::<Vec<_>>(), Vec::<&String>::new(), "only templates");
    assert!(logged.len() > 8, "{logged:?}");
}

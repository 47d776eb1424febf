//! The calls of the API: what each answers, and in which order it refuses.

use attachlink::domain::access::Binding;
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use super::api_router::Api;

const SITE: &str = "/v1/sites/acme";
const PROJECT: &str = "/v1/sites/acme/projects/SUP";
const SECURITY: &str = "/v1/sites/acme/projects/SUP/attachment-security";
const COMMENT: &str = "/v1/sites/acme/projects/SUP/comments/c1";
const A1: &str = "/v1/sites/acme/projects/SUP/comments/c1/attachments/a1";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0000IHDR and the rest of a picture";

async fn acme() -> Api {
    let api = Api::start().await;
    let settings = json!({"plan": "standard", "object_prefix": "acme/",
        "portal_url": "https://help.acme.example/portal/{project}/{request}"});
    api.put(SITE, &settings.to_string()).await.ok(200);
    api.put(SECURITY, r#"{"mode":"secured_link"}"#).await.ok(200);
    api
}

fn content(attachment: &str, filename: &str) -> String {
    format!("{COMMENT}/attachments/{attachment}/content?filename={filename}")
}

#[tokio::test]
async fn refusals_come_in_a_fixed_order() {
    let api = acme().await;
    let notify = api.key(true, false, Binding::Unbound).await;
    let admin = api.key(false, true, Binding::Unbound).await;
    let project = Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap());
    let bound = api.key(true, true, project).await;
    let elsewhere = api.key(true, true, Binding::Site("other".parse().unwrap())).await;
    let put = |key, path| api.call_as(key, Method::PUT, path, Some("no JSON"));

    put("alk1_nothing", SITE).await.refused(401, "unauthorized", None);
    put(&notify, "/v1/sites/a%20b").await.refused(403, "missing_scope", None);
    put(&admin, "/v1/sites/a%20b").await.refused(422, "invalid_request", Some("site"));
    put(&admin, "/v1/sites/%2e%2e").await.refused(422, "invalid_request", Some("site"));
    put(&elsewhere, SITE).await.refused(404, "site_not_found", None);
    put(&elsewhere, SECURITY).await.refused(404, "site_not_found", None);
    put(&bound, SITE).await.refused(404, "site_not_found", None);
    let other_project = "/v1/sites/acme/projects/OTHER/attachment-security";
    put(&bound, other_project).await.refused(404, "project_not_found", None);
    put(&admin, "/v1/sites/none").await.refused(400, "malformed_json", None);
    let mode = r#"{"mode":"secured_link"}"#;
    api.put("/v1/sites/none/projects/P/attachment-security", mode).await.refused(404, "site_not_found", None);
    api.call_as(&admin, Method::GET, A1, None).await.refused(403, "missing_scope", None);
}

#[tokio::test]
async fn bodies_are_checked_field_by_field() {
    let api = acme().await;
    for (body, status, code, field) in [
        ("{", 400, "malformed_json", None),
        (r#"{"plan":"gold"}"#, 422, "invalid_request", Some("plan")),
        (r#"{"colour":"red"}"#, 422, "invalid_request", Some("colour")),
        (r#"{"portal_url":"http://a.example/"}"#, 422, "invalid_request", Some("portal_url")),
        (r#"{"object_prefix":"../x"}"#, 422, "invalid_request", Some("object_prefix")),
        (r#"{"site":"other"}"#, 422, "invalid_request", Some("site")),
        ("[]", 422, "invalid_request", Some("body")),
    ] {
        api.put(SITE, body).await.refused(status, code, field);
    }
    let large = format!(r#"{{"plan":"{}"}}"#, "x".repeat(1024 * 1024));
    api.put(SITE, &large).await.refused(413, "body_too_large", None);
    let text =
        Request::put(SITE).header("authorization", format!("Bearer {}", api.all)).header("content-type", "text/plain");
    api.send(text.body(Body::from("{}")).unwrap()).await.refused(415, "unsupported_media_type", None);
    assert_eq!(api.get(SITE).await.ok(200).json()["plan"], "standard");
}

#[tokio::test]
async fn what_the_router_does_not_know_is_a_problem() {
    let api = Api::start().await;
    api.get("/v2/sites").await.refused(404, "not_found", None);
    api.get("/v1/sites/").await.refused(404, "not_found", None);
    let reply = api.call_as(&api.all, Method::PATCH, SITE, None).await;
    reply.refused(405, "method_not_allowed", None);
    assert_eq!(reply.headers["allow"], "GET,HEAD,PUT,DELETE");
    let yaml = api.send(Request::get("/openapi.yaml").body(Body::empty()).unwrap()).await.ok(200);
    assert!(yaml.body.starts_with(b"openapi: 3.1"));
    assert_eq!(api.get("/openapi.json").await.ok(200).json()["info"]["title"], "attachlink");
}

#[tokio::test]
async fn a_site_is_replaced_but_plan_and_prefix_stay_unless_named() {
    let api = acme().await;
    let site = json!({"site": "acme", "plan": "standard", "safe_notifications": true, "portal_url": null,
        "object_prefix": "acme/"});
    assert_eq!(api.put(SITE, r#"{"safe_notifications":true}"#).await.ok(200).json(), site);
    assert_eq!(api.get(SITE).await.ok(200).json(), site);
    assert_eq!(api.put(SITE, &site.to_string()).await.ok(200).json(), site);
    let bound = api.key(false, true, Binding::Site("acme".parse().unwrap())).await;
    let as_bound = |method, body| api.call_as(&bound, method, SITE, body);
    as_bound(Method::PUT, Some(r#"{"plan":"standard"}"#)).await.ok(200);
    as_bound(Method::PUT, Some(r#"{"plan":"premium"}"#)).await.refused(403, "unbound_key_required", None);
    as_bound(Method::PUT, Some(r#"{"object_prefix":null}"#)).await.refused(403, "unbound_key_required", None);
    as_bound(Method::DELETE, None).await.refused(403, "unbound_key_required", None);
    api.delete(SITE).await.ok(204);
    api.delete(SITE).await.refused(404, "site_not_found", None);
    as_bound(Method::GET, None).await.refused(401, "unauthorized", None);
}

#[tokio::test]
async fn the_mode_says_what_a_change_would_kill() {
    let api = acme().await;
    api.upload(&content("a1", "x.bin"), None, "x").await.ok(201);
    api.post(&format!("{A1}/links"), r#"{"recipients":["r","s"]}"#).await.ok(201);
    let before = api.get(SECURITY).await.ok(200).json();
    assert_eq!(
        before,
        json!({"mode": "secured_link", "changed_at": "2026-11-21T10:00:00Z", "live_links": 2,
        "live_links_capped": false, "advisories": ["anyone_with_link"]})
    );
    let same = api.put(SECURITY, r#"{"mode":"secured_link"}"#).await.ok(200).json();
    assert_eq!(same["changed"], false);
    api.clock.advance(time::Duration::HOUR);
    let off = api.put(SECURITY, r#"{"mode":"portal_login"}"#).await.ok(200).json();
    assert_eq!(
        off,
        json!({"mode": "portal_login", "changed": true, "changed_at": "2026-11-21T11:00:00Z", "advisories": []})
    );
    assert_eq!(api.get(SECURITY).await.json()["live_links"], 0);
    let fresh = api.get("/v1/sites/acme/projects/NEW/attachment-security").await.ok(200).json();
    assert_eq!((&fresh["mode"], &fresh["changed_at"]), (&"portal_login".into(), &Value::Null));
    api.put(SITE, r#"{"plan":"free"}"#).await.ok(200);
    api.put(SECURITY, r#"{"mode":"secured_link"}"#).await.refused(403, "plan_required", None);
    let bound = Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap());
    let bound = api.key(false, true, bound).await;
    api.call_as(&bound, Method::GET, SECURITY, None).await.ok(200);
    api.call_as(&bound, Method::DELETE, PROJECT, None).await.refused(403, "site_key_required", None);
    for _ in 0..2 {
        api.delete(PROJECT).await.ok(204);
    }
}

#[tokio::test]
async fn uploads_are_whole_or_nothing() {
    let api = acme().await;
    let new = api.upload(&content("a1", "a%20b.png"), Some("text/plain"), PNG).await.ok(201).json();
    for (name, value) in [
        ("id", json!("a1")),
        ("comment", json!("c1")),
        ("filename", json!("a b.png")),
        ("media_type", json!("image/png")),
        ("kind", json!("image")),
        ("size", json!(PNG.len())),
        ("modified_at", json!("2026-11-21T10:00:00Z")),
        ("uploaded", json!(true)),
    ] {
        assert_eq!(new[name], value, "{name}");
    }
    assert_eq!(api.get(A1).await.ok(200).json(), new);
    let bytes = api.get(&format!("{A1}/content")).await.ok(200);
    assert_eq!(bytes.body, PNG);
    assert_eq!(bytes.headers["etag"], new["etag"].as_str().unwrap());
    assert_eq!(bytes.headers["content-length"], PNG.len().to_string());
    assert_eq!(bytes.headers["content-type"], "application/octet-stream");

    let again = api.upload(&content("a1", "b.txt"), None, "text").await.ok(200).json();
    assert_ne!(again["etag"], new["etag"]);
    assert_eq!((&again["kind"], &again["media_type"]), (&"file".into(), &"application/octet-stream".into()));
    let files = api.files().len();
    let cut = futures_util::stream::iter([Ok("half"), Err(std::io::Error::other("gone"))]);
    api.upload(&content("a2", "x"), None, Body::from_stream(cut)).await.refused(400, "incomplete_body", None);
    api.upload(&content("a2", "x"), Some("nonsense"), "x").await.refused(422, "invalid_request", Some("Content-Type"));
    api.get(&format!("{COMMENT}/attachments/a2")).await.refused(404, "attachment_not_found", None);
    assert_eq!(api.files().len(), files, "nothing is left of what failed");
    let listed = api.get(&format!("{COMMENT}/attachments")).await.ok(200).json();
    assert_eq!(listed, json!({"attachments": [again]}));
}

#[tokio::test]
async fn a_configured_limit_holds_with_and_without_a_stated_length() {
    let api = Api::start_with(Some(4)).await;
    api.put(SITE, "{}").await.ok(200);
    api.upload(&content("a1", "x"), None, "12345").await.refused(413, "upload_too_large", None);
    let frames = futures_util::stream::iter(["123", "45"].map(Ok::<_, std::io::Error>));
    api.upload(&content("a1", "x"), None, Body::from_stream(frames)).await.refused(413, "upload_too_large", None);
    assert_eq!(api.files(), Vec::<std::path::PathBuf>::new());
    api.upload(&content("a1", "x"), None, "1234").await.ok(201);
}

#[tokio::test]
async fn objects_are_registered_under_the_prefix_and_nowhere_else() {
    let api = acme().await;
    let objects = api.dir.path().join("objects");
    for dir in ["acme", "acme2"] {
        std::fs::create_dir_all(objects.join(dir)).unwrap();
        std::fs::write(objects.join(dir).join("p.png"), PNG).unwrap();
    }
    let body = |key: &str| json!({"object_key": key, "filename": "p.png", "media_type": "image/jpeg"}).to_string();
    let new = api.put(A1, &body("acme/p.png")).await.ok(201).json();
    assert_eq!((&new["kind"], &new["media_type"]), (&"image".into(), &"image/png".into()));
    assert_eq!((&new["size"], &new["uploaded"]), (&PNG.len().into(), &false.into()));
    assert_eq!(api.put(A1, &body("acme/p.png")).await.ok(200).json(), new);
    api.put(A1, &body("acme2/p.png")).await.refused(403, "object_outside_prefix", Some("object_key"));
    api.put(A1, &body("acme/none")).await.refused(404, "object_not_found", Some("object_key"));
    api.put(A1, &body("acme/../acme2/p.png")).await.refused(422, "invalid_request", Some("object_key"));
    std::fs::remove_file(objects.join("acme/p.png")).unwrap();
    api.get(&format!("{A1}/content")).await.refused(503, "object_unavailable", None);
    api.put(SITE, r#"{"object_prefix":null}"#).await.ok(200);
    api.put(A1, &body("acme/p.png")).await.refused(403, "object_outside_prefix", Some("object_key"));
    for _ in 0..2 {
        api.delete(A1).await.ok(204);
    }
    api.delete(COMMENT).await.ok(204);
    api.put(A1, &body("acme/none")).await.refused(409, "comment_deleted", None);
    api.upload(&content("a1", "x"), None, "x").await.refused(409, "comment_deleted", None);
}

#[tokio::test]
async fn links_are_issued_seen_and_killed() {
    let api = acme().await;
    api.upload(&content("a1", "log%C3%A9.txt"), Some("text/plain"), "log").await.ok(201);
    let links = format!("{A1}/links");
    let issued = api.post(&links, r#"{"recipients":["r-2","r-1"]}"#).await.ok(201).json();
    let link = &issued["links"][0];
    assert_eq!((&link["recipient"], &link["expires_at"]), (&"r-2".into(), &"2026-12-19T10:00:00Z".into()));
    let url = link["url"].as_str().unwrap();
    assert!(url.starts_with("https://files.acme.example/a/al1_") && url.ends_with("/log%C3%A9.txt"), "{url}");
    let path = format!("{SITE}/links/{}", link["link_id"].as_str().unwrap());
    let seen = api.get(&path).await.ok(200).json();
    assert_eq!(
        seen,
        json!({"link_id": link["link_id"], "state": "live", "comment": "c1", "project": "SUP",
        "attachment": "a1", "recipient": "r-2", "issued_at": "2026-11-21T10:00:00Z",
        "expires_at": "2026-12-19T10:00:00Z", "revoked_at": null})
    );
    let other = Binding::Project("acme".parse().unwrap(), "OTHER".parse().unwrap());
    let other = api.key(true, true, other).await;
    for method in [Method::GET, Method::DELETE] {
        api.call_as(&other, method, &path, None).await.refused(404, "link_not_found", None);
    }
    api.clock.advance(time::Duration::MINUTE);
    for _ in 0..2 {
        api.delete(&path).await.ok(204);
    }
    let dead = api.get(&path).await.ok(200).json();
    assert_eq!((&dead["state"], &dead["revoked_at"]), (&"withdrawn".into(), &"2026-11-21T10:01:00Z".into()));
    for unknown in ["nonsense", "019e1e9c-7a00-7c3e-9a61-2f6f0b7d4c11"] {
        api.get(&format!("{SITE}/links/{unknown}")).await.refused(404, "link_not_found", None);
        api.delete(&format!("{SITE}/links/{unknown}")).await.refused(404, "link_not_found", None);
    }
    api.get("/v1/sites/none/links/nonsense").await.refused(404, "site_not_found", None);
    api.post(&links, r#"{"recipients":[]}"#).await.refused(422, "invalid_request", Some("recipients"));
    api.post(&links, r#"{"recipients":["a",""]}"#).await.refused(422, "invalid_request", Some("recipients[1]"));
    let none = format!("{COMMENT}/attachments/none/links");
    api.post(&none, r#"{"recipients":["a"]}"#).await.refused(404, "attachment_not_found", None);
    api.put(SITE, r#"{"safe_notifications":true}"#).await.ok(200);
    api.post(&links, r#"{"recipients":["a"]}"#).await.refused(409, "secured_links_off", None);
    api.put(SITE, "{}").await.ok(200);
    api.put(SECURITY, r#"{"mode":"portal_login"}"#).await.ok(200);
    api.post(&links, r#"{"recipients":["a"]}"#).await.refused(409, "secured_links_off", None);
    // It is remembered for longer than its site.
    api.delete(SITE).await.ok(204);
    api.get(&path).await.refused(404, "site_not_found", None);
    api.delete(&path).await.refused(404, "site_not_found", None);
}

#[tokio::test]
async fn a_notification_says_what_each_email_shows() {
    let api = acme().await;
    api.upload(&content("a1", "p.png"), None, PNG).await.ok(201);
    api.upload(&content("a2", "log.txt"), Some("text/plain"), "log").await.ok(201);
    let notifications = format!("{COMMENT}/notifications");
    let ask = |more: Value| {
        let mut body = json!({"request": "SUP-42", "message_size": 1000});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (api, notifications) = (&api, &notifications);
        async move { api.post(notifications, &body.to_string()).await }
    };
    let all = ask(json!({"recipients": ["r-1", "r-2"], "attachments": ["a2", "a1"]})).await.ok(200).json();
    assert_eq!((&all["images"], &all["mode"]), (&"inline".into(), &"secured_link".into()));
    assert_eq!(all["portal_url"], "https://help.acme.example/portal/SUP/SUP-42");
    assert_eq!(all["size"]["total"], 1000 + all["size"]["images"].as_u64().unwrap());
    let shown = |email: usize, index: usize| &all["emails"][email]["attachments"][index];
    assert_eq!((&all["emails"][1]["recipient"], &shown(1, 0)["id"]), (&"r-2".into(), &"a2".into()));
    assert_eq!((&shown(0, 0)["rendering"], &shown(0, 0)["access"]), (&"link".into(), &"anyone_with_link".into()));
    assert_ne!(shown(0, 0)["url"], shown(1, 0)["url"]);
    assert_eq!(shown(0, 1)["encoded_size"], all["size"]["images"]);
    assert!(shown(0, 1)["mime_headers"].as_str().unwrap().ends_with("\r\n"));
    assert!(shown(0, 1).get("url").is_none() && shown(0, 0).get("content_id").is_none());

    let plain = ask(json!({})).await.ok(200).json();
    assert_eq!(plain["emails"][0]["recipient"], Value::Null);
    assert_eq!(plain["emails"][0]["attachments"][0]["id"], "a1");

    api.put(SECURITY, r#"{"mode":"portal_login"}"#).await.ok(200);
    let portal = ask(json!({"attachments": ["a2"]})).await.ok(200).json();
    let link = json!({"id": "a2", "filename": "log.txt", "media_type": "text/plain", "size": 3, "rendering": "link",
        "access": "portal_login", "url": "https://help.acme.example/portal/SUP/SUP-42"});
    assert_eq!((&portal["images"], &portal["emails"][0]["attachments"][0]), (&"none".into(), &link));

    api.put(SITE, r#"{"safe_notifications":true}"#).await.ok(200);
    let omitted = ask(json!({})).await.ok(200).json();
    let first =
        json!({"id": "a1", "filename": "p.png", "media_type": "image/png", "size": PNG.len(), "rendering": "omit"});
    assert_eq!((&omitted["images"], &omitted["emails"][0]["attachments"][0]), (&"omit".into(), &first));
    assert_eq!((&omitted["portal_url"], &omitted["safe_notifications"]), (&Value::Null, &true.into()));
    api.put(SITE, "{}").await.ok(200);
    let nowhere = ask(json!({"attachments": ["a2"]})).await.ok(200).json();
    let nowhere = nowhere["emails"][0]["attachments"][0].as_object().unwrap().clone();
    assert_eq!(nowhere.get("url"), Some(&Value::Null));

    for (more, code, field) in [
        (json!({"attachments": ["a1", "x"]}), "attachment_not_found", "attachments[1]"),
        (json!({"attachments": ["a1", "a1"]}), "invalid_request", "attachments[1]"),
        (json!({"recipients": []}), "invalid_request", "recipients"),
        (json!({"message_size": 9_007_199_254_740_992_u64}), "invalid_request", "message_size"),
        (json!({"message_size": -1}), "invalid_request", "message_size"),
        (json!({"recipients": vec!["r"; 5001]}), "invalid_request", "recipients"),
        (json!({"subject": "hello"}), "invalid_request", "subject"),
    ] {
        ask(more).await.refused(422, code, Some(field));
    }
    for _ in 0..2 {
        api.delete(COMMENT).await.ok(204);
    }
    ask(json!({})).await.refused(409, "comment_deleted", None);
}

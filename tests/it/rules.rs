//! The rules of attachment security, one after the other, through the API and the public listener.

use http::Method;
use serde_json::json;
use time::Duration;

use crate::harness::{PNG, comment_path};
use crate::keeps::{Keeps, with_each_database_and_bucket};

with_each_database_and_bucket!(
    rule_1_the_mode_decides_where_a_link_leads,
    rule_2_changing_the_mode_kills_every_link_and_toggling_back_revives_none,
    rule_3_plans,
    rule_5_the_compliance_switch_hides_attachments_and_leaves_old_links_alone,
    rule_6_a_link_dies_exactly_28_days_after_its_issue,
    rule_7_deleting_a_comment_kills_its_links_and_leaves_a_tombstone,
    rule_8_every_deletion_kills_what_is_under_it_and_nothing_else,
    rule_9_a_url_shows_nothing_but_the_token_and_the_name,
    registration_is_idempotent_and_new_bytes_come_under_a_new_etag,
);

async fn rule_1_the_mode_decides_where_a_link_leads(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let ask = json!({"request": "SUP-42", "message_size": 100, "recipients": ["r-1"]});
    let path = format!("{}/notifications", comment_path("c1"));

    let portal = service.post(&path, ask.clone()).await.ok(200).json();
    let shown = &portal["emails"][0]["attachments"][0];
    assert_eq!((&portal["mode"], &shown["access"]), (&json!("portal_login"), &json!("portal_login")));
    assert_eq!(shown["url"], "https://help.acme.example/portal/SUP/SUP-42");
    assert_eq!((shown.get("link_id"), shown.get("expires_at")), (None, None));

    service.mode("acme", "SUP", "secured_link").await.ok(200);
    let secured = service.post(&path, ask).await.ok(200).json();
    let shown = &secured["emails"][0]["attachments"][0];
    assert_eq!((&secured["mode"], &shown["access"]), (&json!("secured_link"), &json!("anyone_with_link")));
    let reply = service.open(shown["url"].as_str().unwrap()).await.ok(200);
    assert_eq!(reply.body, "hello");
}

async fn rule_2_changing_the_mode_kills_every_link_and_toggling_back_revives_none(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, link_id) = service.link("c1", "a1").await;

    let same = service.mode("acme", "SUP", "secured_link").await.ok(200).json();
    assert_eq!(same["changed"], false);
    service.open(&url).await.ok(200);
    let security = "/sites/acme/projects/SUP/attachment-security";
    assert_eq!(service.get(security).await.ok(200).json()["live_links"], 1);

    let changed = service.mode("acme", "SUP", "portal_login").await.ok(200).json();
    assert_eq!((&changed["changed"], &changed["advisories"]), (&json!(true), &json!([])));
    service.open(&url).await.refused(410, "link_withdrawn");
    let back = service.mode("acme", "SUP", "secured_link").await.ok(200).json();
    assert_eq!((&back["changed"], &back["advisories"]), (&json!(true), &json!(["anyone_with_link"])));
    service.open(&url).await.refused(410, "link_withdrawn");
    let state = service.get(&format!("/sites/acme/links/{link_id}")).await.ok(200).json();
    assert_eq!(state["state"], "withdrawn");
    assert_eq!(service.get(security).await.ok(200).json()["live_links"], 0);
}

async fn rule_3_plans(on: Keeps) {
    let service = on.service().await;
    service.put("/sites/acme", json!({"plan": "free", "safe_notifications": false})).await.ok(200);
    service.mode("acme", "SUP", "secured_link").await.refused(403, "plan_required");
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a1").await;

    service.put("/sites/acme", json!({"plan": "free", "safe_notifications": false})).await.ok(200);
    service.open(&url).await.refused(410, "link_withdrawn");
    let security = "/sites/acme/projects/SUP/attachment-security";
    assert_eq!(service.get(security).await.json()["mode"], "portal_login");
    service.put("/sites/acme", json!({"plan": "premium", "safe_notifications": false})).await.ok(200);
    assert_eq!(service.get(security).await.json()["mode"], "portal_login");
    service.open(&url).await.refused(410, "link_withdrawn");
}

async fn rule_5_the_compliance_switch_hides_attachments_and_leaves_old_links_alone(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "x.png", "image/png", PNG).await;
    service.attach("c1", "a2", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a2").await;
    let site = |on: bool| json!({"plan": "standard", "safe_notifications": on});
    service.put("/sites/acme", site(true)).await.ok(200);

    let notifications = format!("{}/notifications", comment_path("c1"));
    let ask = json!({"request": "SUP-1", "message_size": 10});
    let answer = service.post(&notifications, ask.clone()).await.ok(200).json();
    assert_eq!((&answer["images"], &answer["safe_notifications"]), (&json!("omit"), &json!(true)));
    for shown in answer["emails"][0]["attachments"].as_array().unwrap() {
        assert_eq!(shown["rendering"], "omit");
        for hidden in ["url", "link_id", "content_id", "mime_headers"] {
            assert_eq!(shown.get(hidden), None, "{hidden}");
        }
    }
    let links = format!("{}/attachments/a2/links", comment_path("c1"));
    service.post(&links, json!({"recipients": ["r"]})).await.refused(409, "secured_links_off");
    service.open(&url).await.ok(200);
    service.put("/sites/acme", site(false)).await.ok(200);
    service.open(&url).await.ok(200);
    assert_eq!(service.post(&notifications, ask).await.ok(200).json()["images"], "inline");
}

async fn rule_6_a_link_dies_exactly_28_days_after_its_issue(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, link_id) = service.link("c1", "a1").await;
    let link = format!("/sites/acme/links/{link_id}");
    let state = service.get(&link).await.ok(200).json();
    assert_eq!(state["issued_at"], "2026-11-21T10:00:00Z");
    assert_eq!(state["expires_at"], "2026-12-19T10:00:00Z");

    service.clock.advance(Duration::days(28) - Duration::SECOND);
    service.open(&url).await.ok(200);
    service.clock.advance(Duration::SECOND);
    service.open(&url).await.refused(410, "link_expired");
    assert_eq!(service.get(&link).await.json()["state"], "expired");
    // A conditional request for a dead link is refused like any other.
    service
        .open_with(Method::GET, &url, &[("if-none-match", "*"), ("range", "bytes=0-1")])
        .await
        .refused(410, "link_expired");
    service.clock.advance(Duration::days(60) - Duration::SECOND);
    service.open(&url).await.refused(410, "link_expired");
    service.clock.advance(Duration::SECOND);
    service.open(&url).await.refused(404, "not_found");
}

async fn rule_7_deleting_a_comment_kills_its_links_and_leaves_a_tombstone(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    for (comment, attachment) in [("c1", "a1"), ("c1", "a2"), ("c2", "a1")] {
        service.attach(comment, attachment, "log.txt", "text/plain", comment.to_owned()).await;
    }
    let (first, _) = service.link("c1", "a1").await;
    let (second, _) = service.link("c1", "a2").await;
    let (other, _) = service.link("c2", "a1").await;

    let comment = comment_path("c1");
    for _ in 0..3 {
        let reply = service.delete(&comment).await.ok(204);
        assert!(reply.body.is_empty());
        service.open(&first).await.refused(410, "link_withdrawn");
        service.open(&second).await.refused(410, "link_withdrawn");
    }
    assert_eq!(service.open(&other).await.ok(200).body, "c2");
    service.delete(&comment_path("never-heard-of")).await.ok(204);

    for comment in ["c1", "never-heard-of"] {
        let comment = comment_path(comment);
        let register = json!({"object_key": "acme/x", "filename": "x", "media_type": "text/plain"});
        service.put(&format!("{comment}/attachments/a1"), register).await.refused(409, "comment_deleted");
        let upload = format!("{comment}/attachments/a1/content?filename=x");
        service.upload(&upload, "text/plain", "late").await.refused(409, "comment_deleted");
        let notify = json!({"request": "SUP-1", "message_size": 1});
        service.post(&format!("{comment}/notifications"), notify).await.refused(409, "comment_deleted");
    }
    // The tombstone outlives its project and its site.
    service.delete("/sites/acme/projects/SUP").await.ok(204);
    service.delete("/sites/acme").await.ok(204);
    service.acme().await;
    let upload = format!("{comment}/attachments/a1/content?filename=x");
    service.upload(&upload, "text/plain", "late").await.refused(409, "comment_deleted");
}

async fn rule_8_every_deletion_kills_what_is_under_it_and_nothing_else(on: Keeps) {
    for what in ["link", "attachment", "project", "site"] {
        let service = on.service().await;
        service.acme().await;
        service.attach("c1", "a1", "log.txt", "text/plain", "uploaded").await;
        service.attach("c1", "a2", "log.txt", "text/plain", "sibling").await;
        service.place("acme/report.txt", b"in place").await;
        let register = json!({"object_key": "acme/report.txt", "filename": "r.txt", "media_type": "text/plain"});
        service.put(&format!("{}/attachments/a3", comment_path("c1")), register).await.ok(201);

        let (url, link_id) = service.link("c1", "a1").await;
        let (twin, _) = service.link("c1", "a1").await;
        let (sibling, _) = service.link("c1", "a2").await;
        let (registered, _) = service.link("c1", "a3").await;
        assert_eq!(service.open(&registered).await.ok(200).body, "in place");
        let path = match what {
            "link" => format!("/sites/acme/links/{link_id}"),
            "attachment" => format!("{}/attachments/a1", comment_path("c1")),
            "project" => "/sites/acme/projects/SUP".to_owned(),
            _ => "/sites/acme".to_owned(),
        };
        service.delete(&path).await.ok(204);
        service.open(&url).await.refused(410, "link_withdrawn");
        assert_eq!(service.open(&twin).await.status.is_success(), what == "link", "{what}");
        let narrow = matches!(what, "link" | "attachment");
        assert_eq!(service.open(&sibling).await.status.is_success(), narrow, "{what}");
        assert_eq!(service.open(&registered).await.status.is_success(), narrow, "{what}");

        // What starts anew revives nothing.
        service.acme().await;
        service.attach("c1", "a1", "log.txt", "text/plain", "anew").await;
        service.open(&url).await.refused(410, "link_withdrawn");
        let (fresh, _) = service.link("c1", "a1").await;
        assert_eq!(service.open(&fresh).await.ok(200).body, "anew");
        service.purge().await;
        assert!(service.has_object("acme/report.txt").await, "{what}: registered in place, and never deleted");
    }
}

async fn rule_9_a_url_shows_nothing_but_the_token_and_the_name(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "%C3%BC%20%22x%22.txt", "text/plain", "x").await;
    let (url, _) = service.link("c1", "a1").await;
    let base = format!("http://{}/a/al1_", service.public());
    assert!(url.starts_with(&base), "{url}");
    let (token, name) = url.strip_prefix(&format!("http://{}/a/", service.public())).unwrap().split_once('/').unwrap();
    assert_eq!((token.len(), name), (52, "%C3%BC%20%22x%22.txt"));
    // The name in the URL is for people only.
    for path in ["", "/", "/other.txt"] {
        let reply = service.open(&format!("http://{}/a/{token}{path}", service.public())).await.ok(200);
        assert_eq!(reply.body, "x");
    }
    // Whatever is no genuine token gets one and the same answer.
    let nothing = service.open(&format!("http://{}/a/nonsense", service.public())).await;
    nothing.refused(404, "not_found");
    let mut forged = token.to_owned().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let refused = service.open(&format!("http://{}/a/{forged}", service.public())).await;
    assert_eq!((refused.status, &refused.body), (nothing.status, &nothing.body));
}

async fn registration_is_idempotent_and_new_bytes_come_under_a_new_etag(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    let content = format!("{}/attachments/a1/content?filename=v.txt", comment_path("c1"));
    service.upload(&content, "text/plain", "one").await.ok(201);
    let (url, _) = service.link("c1", "a1").await;
    let first = service.open(&url).await.ok(200);
    service.upload(&content, "text/plain", "two!").await.ok(200);
    let second = service.open(&url).await.ok(200);
    assert_eq!((&first.body[..], &second.body[..]), (&b"one"[..], &b"two!"[..]));
    assert_ne!(first.header("etag"), second.header("etag"));
    let list = service.get(&format!("{}/attachments", comment_path("c1"))).await.ok(200).json();
    assert_eq!(list["attachments"].as_array().map(Vec::len), Some(1), "{list}");
}

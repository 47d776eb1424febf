//! For a portal that does its own login: links of five minutes.

use attachlink::domain::access::Binding;
use http::Method;
use serde_json::{Value, json};

use super::{ANA, BEN};
use crate::harness::{Reply, Service, comment_path};
use crate::keeps::{Keeps, with_each_database};
use crate::promise::{must_be_cut, slow_download_with};

with_each_database!(
    a_link_lives_five_minutes_and_no_mode_kills_it,
    whoever_the_rules_refuse_gets_none,
    every_deletion_kills_it,
    whatever_takes_its_customer_away_kills_it_and_resets_what_runs,
    it_lives_while_an_organization_or_a_tag_gives_the_file,
    a_mode_still_kills_the_links_of_emails_after_everything_was_revoked,
);

const CALL: &str = "/sites/acme/portal-downloads";
const REQUEST: &str = "/sites/acme/projects/SUP/requests/SUP-1";
const LARGE: usize = 64 * 1024 * 1024;

async fn desk(on: Keeps) -> Service {
    desk_with(on, b"what the log says".to_vec()).await
}

async fn desk_with(on: Keeps, octets: Vec<u8>) -> Service {
    let service = on.service().await;
    service.site("acme").await;
    service.attach("c1", "a1", "log.txt", "text/plain", octets).await;
    let notification = json!({"request": "SUP-1", "message_size": 1});
    service.post(&format!("{}/notifications", comment_path("c1")), notification).await.ok(200);
    let request = json!({"reporter": ANA, "channel": "portal"});
    service.put(REQUEST, request).await.ok(201);
    service
}

fn body(customer: &str, attachment: &str) -> Value {
    json!({"customer": customer, "project": "SUP", "comment": "c1", "attachment": attachment})
}

async fn link(service: &Service) -> (String, String) {
    let link = service.post(CALL, body(ANA, "a1")).await.ok(201).json();
    let text = |name: &str| link[name].as_str().expect("a text").to_owned();
    (text("url"), text("link_id"))
}

async fn a_link_lives_five_minutes_and_no_mode_kills_it(on: Keeps) {
    let service = desk(on).await;
    let link = service.post(CALL, body(ANA, "a1")).await.ok(201).json();
    assert_eq!(link["expires_at"], "2026-11-21T10:05:00Z");
    let url = link["url"].as_str().unwrap();
    service.open(url).await.ok(200);
    // Neither the attachment security nor the plan nor the compliance switch.
    service.mode("acme", "SUP", "secured_link").await.ok(200);
    service.mode("acme", "SUP", "portal_login").await.ok(200);
    service.put("/sites/acme", json!({"plan": "free", "safe_notifications": true})).await.ok(200);
    service.open(url).await.ok(200);
    let shown = service.get(&format!("/sites/acme/links/{}", link["link_id"].as_str().unwrap())).await.ok(200).json();
    assert_eq!((&shown["state"], &shown["recipient"]), (&json!("live"), &json!(ANA)));

    service.clock.advance(time::Duration::minutes(5) - time::Duration::SECOND);
    service.open(url).await.ok(200);
    service.clock.advance(time::Duration::SECOND);
    let refused: Reply = service.open(url).await;
    refused.refused(410, "link_expired");
    assert!(refused.json()["detail"].as_str().unwrap().contains("five minutes"));
}

async fn whoever_the_rules_refuse_gets_none(on: Keeps) {
    let service = desk(on).await;
    for (customer, attachment, reason) in [
        (BEN, "a1", "unknown_customer"),
        ("ana@other.example", "a1", "unknown_customer"),
        (ANA, "a2", "not_on_request"),
    ] {
        let refused = service.post(CALL, body(customer, attachment)).await;
        refused.refused(403, "download_not_allowed");
        assert!(refused.json()["detail"].as_str().unwrap().starts_with(reason), "{}", refused.json());
    }
    service.post(CALL, body("no address", "a1")).await.refused(422, "invalid_request");
    service.post("/sites/nowhere/portal-downloads", body(ANA, "a1")).await.refused(404, "site_not_found");
    service.delete(&comment_path("c1")).await.ok(204);
    service.post(CALL, body(ANA, "a1")).await.refused(403, "download_not_allowed");

    let project = |name: &str| Binding::Project("acme".parse().unwrap(), name.parse().unwrap());
    let other = crate::portal_settings::key(&service, true, false, project("OTHER")).await;
    service.call_as(&other, Method::POST, CALL, Some(body(ANA, "a1"))).await.refused(404, "project_not_found");
    let admin = crate::portal_settings::key(&service, false, true, project("SUP")).await;
    service.call_as(&admin, Method::POST, CALL, Some(body(ANA, "a1"))).await.refused(403, "missing_scope");
}

async fn every_deletion_kills_it(on: Keeps) {
    for what in ["comment", "attachment", "link", "project", "site"] {
        let service = desk(on).await;
        let (url, link_id) = link(&service).await;
        let path = match what {
            "comment" => comment_path("c1"),
            "attachment" => format!("{}/attachments/a1", comment_path("c1")),
            "link" => format!("/sites/acme/links/{link_id}"),
            "project" => "/sites/acme/projects/SUP".to_owned(),
            _ => "/sites/acme".to_owned(),
        };
        service.delete(&path).await.ok(204);
        service.open(&url).await.refused(410, "link_withdrawn");
    }
}

async fn a_mode_still_kills_the_links_of_emails_after_everything_was_revoked(on: Keeps) {
    use attachlink::store::RevokeTarget;
    let service = desk(on).await;
    service.mode("acme", "SUP", "secured_link").await.ok(200);
    let (site, project) = ("acme".parse().unwrap(), "SUP".parse().unwrap());
    for target in [RevokeTarget::Site(site), RevokeTarget::Project("acme".parse().unwrap(), project)] {
        let ((brief, _), (long, _)) = (link(&service).await, service.link("c1", "a1").await);
        let store = &service.running.app().store;
        store.revoke_under(&target, crate::harness::START).await.unwrap();
        service.open(&brief).await.refused(410, "link_withdrawn");
        service.open(&long).await.refused(410, "link_withdrawn");
        // One generation is never the other.
        let (long, _) = service.link("c1", "a1").await;
        service.mode("acme", "SUP", "portal_login").await.ok(200);
        service.open(&long).await.refused(410, "link_withdrawn");
        service.mode("acme", "SUP", "secured_link").await.ok(200);
    }
}

async fn whatever_takes_its_customer_away_kills_it_and_resets_what_runs(on: Keeps) {
    for what in ["reporter", "request", "account", "link", "comment"] {
        let service = desk_with(on, vec![7; LARGE]).await;
        let (url, link_id) = link(&service).await;
        let mut stream = slow_download_with(&service, &url, "").await;
        let answer = match what {
            "reporter" => service.put(REQUEST, json!({"reporter": BEN, "channel": "portal"})).await,
            "request" => service.delete(REQUEST).await,
            "account" => service.delete(&format!("/sites/acme/accounts/{ANA}")).await,
            "link" => service.delete(&format!("/sites/acme/links/{link_id}")).await,
            _ => service.delete(&comment_path("c1")).await,
        };
        assert!(answer.status.is_success(), "{what}: {:?}", answer.body);
        must_be_cut(&mut stream, what).await;
        service.open(&url).await.refused(410, "link_withdrawn");
        service.open_with(Method::HEAD, &url, &[]).await.ok(410);
    }
}

async fn it_lives_while_an_organization_or_a_tag_gives_the_file(on: Keeps) {
    let service = desk(on).await;
    let member = format!("/sites/acme/organizations/globex/members/{BEN}");
    let tag = format!("{}/customers/{BEN}", comment_path("c1"));
    let shared = json!({"reporter": ANA, "channel": "portal", "organizations": ["globex"]});
    service.put(REQUEST, shared).await.ok(200);
    service.put(&member, json!({})).await.ok(201);
    let url = service.post(CALL, body(BEN, "a1")).await.ok(201).json()["url"].as_str().unwrap().to_owned();
    let part = service.open_with(Method::GET, &url, &[("range", "bytes=5-7")]).await.ok(206);
    assert_eq!(&part.body[..], b"the");
    service.delete(&member).await.ok(204);
    service.open(&url).await.refused(410, "link_withdrawn");
    service.put(&tag, json!({})).await.ok(201);
    service.open(&url).await.ok(200);
    service.delete(&tag).await.ok(204);
    service.open(&url).await.refused(410, "link_withdrawn");

    // The comment becomes another request's.
    let (hers, _) = link(&service).await;
    service.open(&hers).await.ok(200);
    let other = json!({"request": "SUP-2", "message_size": 1});
    service.post(&format!("{}/notifications", comment_path("c1")), other).await.ok(200);
    service.open(&hers).await.refused(410, "link_withdrawn");
}

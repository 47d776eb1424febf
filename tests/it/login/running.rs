//! The promise on revocation, for downloads by customers who are logged in: the rules are asked for each request, and
//! what runs is reset when they say no.

use std::time::Duration;

use attachlink::domain::attachment::Attachment;
use attachlink::domain::portal::{SESSION_LIFETIME, Session, SessionId};
use attachlink::liveness::SWEEP_INTERVAL;
use attachlink::login::{Kind, random_text};
use attachlink::store::{NewAttachment, RevokeTarget};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::ANA;
use crate::harness::{START, Service, comment_path};
use crate::keeps::{Keeps, with_each_database};
use crate::promise::{must_be_cut, slow_download_with};
use crate::store_contract::comment;

with_each_database!(
    whatever_takes_access_away_resets_a_running_download_at_once,
    what_is_about_links_in_emails_cuts_nothing,
    the_rules_are_asked_for_each_request,
    a_project_made_again_has_requests_of_its_own,
    what_has_the_ids_of_a_deleted_attachment_is_another_one,
);

pub const LARGE: usize = 64 * 1024 * 1024;
const REQUEST: &str = "/sites/acme/projects/SUP/requests/SUP-1";
const PROVIDER: &str = "/sites/acme/login-provider";

/// A service with a provider that is never asked: who is logged in, a cookie of the service's own key says.
pub struct Desk {
    pub service: Service,
    pub url: String,
}

impl Desk {
    pub async fn open(on: Keeps, octets: usize) -> Self {
        let service = on
            .service_around(&[("ATTACHLINK_PORTAL_KEY", "a key of the tests that is long enough")], |query| query)
            .await;
        service.site("acme").await;
        service.put(PROVIDER, provider()).await.ok(200);
        service.attach("c1", "a1", "big.bin", "application/octet-stream", vec![7_u8; octets]).await;
        let notification = format!("{}/notifications", comment_path("c1"));
        service.post(&notification, json!({"request": "SUP-1", "message_size": 1})).await.ok(200);
        service.put(REQUEST, json!({"reporter": ANA, "channel": "portal"})).await.ok(201);
        let url = format!("{}/p/acme/SUP/c1/a1", service.running.public_url);
        Self { service, url }
    }

    /// The cookie of somebody who logged in just now.
    pub async fn cookie(&self, customer: &str) -> String {
        let app = self.service.running.app();
        let stored = app.store.login_provider(&"acme".parse().unwrap()).await.unwrap().unwrap().unwrap();
        let session = Session {
            id: SessionId::named(random_text()),
            site: "acme".to_owned(),
            provider: stored.number,
            customer: customer.parse().unwrap(),
            over_at: (START + SESSION_LIFETIME).unix_timestamp(),
        };
        app.store.begin_session(&session.id, session.over_at).await.unwrap();
        let text = serde_json::to_string(&session).unwrap();
        format!("attachlink-session={}", app.login.key.as_ref().unwrap().seal(Kind::Session, "", &text))
    }

    async fn as_customer(&self, customer: &str) -> crate::harness::Reply {
        let cookie = self.cookie(customer).await;
        self.service.open_with(http::Method::GET, &self.url, &[("cookie", &cookie)]).await
    }
}

fn provider() -> Value {
    json!({"issuer": "https://login.acme.example", "client_id": "c", "client_secret": "s"})
}

async fn whatever_takes_access_away_resets_a_running_download_at_once(on: Keeps) {
    for what in ["reporter", "request", "account", "comment", "attachment", "project", "site", "settings", "provider"] {
        let desk = Desk::open(on, LARGE).await;
        let service = &desk.service;
        let cookie = format!("Cookie: {}\r\n", desk.cookie(ANA).await);
        let mut stream = slow_download_with(service, &desk.url, &cookie).await;
        let answer = match what {
            "reporter" => service.put(REQUEST, json!({"reporter": "ben@x.example", "channel": "portal"})).await,
            "request" => service.delete(REQUEST).await,
            "account" => service.delete(&format!("/sites/acme/accounts/{ANA}")).await,
            "comment" => service.delete(&comment_path("c1")).await,
            "attachment" => service.delete(&format!("{}/attachments/a1", comment_path("c1"))).await,
            "project" => service.delete("/sites/acme/projects/SUP").await,
            "site" => service.delete("/sites/acme").await,
            "settings" => service.put(PROVIDER, provider()).await,
            _ => service.delete(PROVIDER).await,
        };
        assert!(answer.status.is_success(), "{what}: {:?}", answer.body);
        must_be_cut(&mut stream, what).await;
    }
}

async fn what_is_about_links_in_emails_cuts_nothing(on: Keeps) {
    let desk = Desk::open(on, LARGE).await;
    let service = &desk.service;
    let cookie = format!("Cookie: {}\r\n", desk.cookie(ANA).await);
    let mut stream = slow_download_with(service, &desk.url, &cookie).await;
    service.mode("acme", "SUP", "secured_link").await.ok(200);
    service.mode("acme", "SUP", "portal_login").await.ok(200);
    service.put("/sites/acme", json!({"plan": "free", "safe_notifications": true})).await.ok(200);
    // Past a link's 28 days, and the session's hour: what runs, runs to its end.
    service.clock.advance(time::Duration::days(29));
    let mut rest = vec![0; LARGE - 4096];
    stream.read_exact(&mut rest).await.unwrap();
    assert!(rest.iter().all(|octet| *octet == 7));
}

async fn the_rules_are_asked_for_each_request(on: Keeps) {
    let desk = Desk::open(on, 100).await;
    let service = &desk.service;
    let (cara, org) = ("cara@globex.example", "/sites/acme/organizations/globex/members/cara@globex.example");
    desk.as_customer(ANA).await.ok(200);
    desk.as_customer(cara).await.refused(403, "download_not_allowed");
    service.put(org, json!({})).await.ok(201);
    desk.as_customer(cara).await.refused(403, "download_not_allowed");
    let shared = json!({"reporter": ANA, "channel": "portal", "organizations": ["globex"]});
    service.put(REQUEST, shared).await.ok(200);
    desk.as_customer(cara).await.ok(200);
    service.delete(org).await.ok(204);
    desk.as_customer(cara).await.refused(403, "download_not_allowed");

    // A participant, until the request is private.
    let with = |private: bool, participants: &[&str]| json!({"reporter": ANA, "channel": "portal", "participants": participants, "private": private});
    service.put(REQUEST, with(false, &[cara])).await.ok(200);
    desk.as_customer(cara).await.ok(200);
    service.put(REQUEST, with(true, &[])).await.ok(200);
    desk.as_customer(cara).await.refused(403, "download_not_allowed");

    // Somebody who is tagged gets that comment's attachments, also of a private request.
    service.put(&format!("{}/customers/{cara}", comment_path("c1")), json!({})).await.ok(201);
    desk.as_customer(cara).await.ok(200);

    // Conditions and ranges are those of links, and come after the rules.
    let cookie = desk.cookie(ANA).await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", &*cookie)];
        all.extend_from_slice(headers);
        service.open_with(http::Method::GET, &desk.url, &all).await
    };
    let whole = ask(&[]).await.ok(200);
    let part = ask(&[("range", "bytes=90-")]).await.ok(206);
    assert_eq!((part.header("content-range"), part.body.len()), ("bytes 90-99/100", 10));
    ask(&[("if-none-match", whole.header("etag"))]).await.ok(304);
    service.delete(&comment_path("c1")).await.ok(204);
    ask(&[("if-none-match", whole.header("etag"))]).await.refused(404, "attachment_not_found");
    desk.as_customer(cara).await.refused(403, "download_not_allowed");
}

async fn a_project_made_again_has_requests_of_its_own(on: Keeps) {
    let desk = Desk::open(on, 100).await;
    let (service, cara) = (&desk.service, "cara@globex.example");
    desk.as_customer(ANA).await.ok(200);
    service.delete("/sites/acme/projects/SUP").await.ok(204);
    service.attach("c1", "a1", "new.bin", "application/octet-stream", vec![8_u8; 100]).await;
    service.put(REQUEST, json!({"reporter": cara, "channel": "portal"})).await.ok(201);
    for customer in [ANA, cara] {
        desk.as_customer(customer).await.refused(403, "download_not_allowed");
    }
    let notification = format!("{}/notifications", comment_path("c1"));
    service.post(&notification, json!({"request": "SUP-1", "message_size": 1})).await.ok(200);
    desk.as_customer(cara).await.ok(200);
}

async fn what_has_the_ids_of_a_deleted_attachment_is_another_one(on: Keeps) {
    let desk = Desk::open(on, LARGE).await;
    let store = desk.service.running.app().store.clone();
    let cookie = format!("Cookie: {}\r\n", desk.cookie(ANA).await);
    let path = comment("acme", "SUP", "c1").attachment("a1".parse().unwrap());
    let register = async |was: Attachment| {
        let Attachment { filename, media_type, kind, object, .. } = was;
        let new = NewAttachment { filename, media_type, kind, object, uploaded: false };
        store.register(&path, new, START).await.unwrap();
    };
    // Replaced, and the links of the command line's `revoke` renewed, it is the same one.
    let mut stream = slow_download_with(&desk.service, &desk.url, &cookie).await;
    let was = store.attachment(&path).await.unwrap().unwrap();
    register(was.clone()).await;
    store.revoke_under(&RevokeTarget::Comment(path.comment.clone()), START).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut rest = vec![0; LARGE - 4096];
    stream.read_exact(&mut rest).await.unwrap();

    // Both between two sweeps, mostly: nobody sees that there was none.
    let mut stream = slow_download_with(&desk.service, &desk.url, &cookie).await;
    store.delete_attachment(&path, START).await.unwrap();
    register(was).await;
    tokio::time::sleep(SWEEP_INTERVAL * 2).await;
    must_be_cut(&mut stream, "another attachment").await;
    desk.as_customer(ANA).await.ok(200);
}

//! The settings, through the API.

use attachlink::domain::access::Binding;
use http::Method;
use serde_json::json;

use crate::harness::{Service, comment_path};
use crate::keeps::{Keeps, with_each_database};

with_each_database!(a_provider_is_set_shown_and_taken_away, wrong_settings_are_named);

const PROVIDER: &str = "/sites/acme/login-provider";
const SECRET: &str = "s3cr3t-of-the-test";

async fn acme(on: Keeps) -> Service {
    let service =
        on.service_around(&[("ATTACHLINK_PORTAL_KEY", "a key of the tests that is long enough")], |query| query).await;
    service.acme().await;
    service
}

async fn a_provider_is_set_shown_and_taken_away(on: Keeps) {
    let service = acme(on).await;
    service.get(PROVIDER).await.refused(404, "login_provider_not_found");
    service.delete(PROVIDER).await.refused(404, "login_provider_not_found");
    let body = json!({"issuer": "https://login.acme.example", "client_id": "c", "client_secret": SECRET});
    let shown = service.put(PROVIDER, body.clone()).await.ok(200);
    let redirect = format!("{}/p/acme/logged-in", service.running.public_url);
    let expected = json!({"issuer": "https://login.acme.example", "client_id": "c", "redirect_url": redirect});
    assert_eq!(shown.json(), expected);
    assert_eq!(service.get(PROVIDER).await.ok(200).json(), expected);
    // Nothing of the secret can be read from what the database holds.
    let stored = service.running.app().store.login_provider(&"acme".parse().unwrap()).await.unwrap().unwrap().unwrap();
    assert!(!format!("{stored:?}").contains(SECRET));

    // Links in emails follow the site's choice, where the mode is to log in.
    service.attach("c1", "a1", "log.txt", "text/plain", "x").await;
    let url = |reply: crate::harness::Reply| reply.json()["emails"][0]["attachments"][0]["url"].clone();
    let notify = async || {
        let body = json!({"request": "R-1", "message_size": 1});
        url(service.post(&format!("{}/notifications", comment_path("c1")), body).await.ok(200))
    };
    assert!(notify().await.as_str().unwrap().contains("/a/al1_"));
    service.mode("acme", "SUP", "portal_login").await.ok(200);
    assert_eq!(notify().await, format!("{}/p/acme/SUP/c1/a1", service.running.public_url));
    service.delete(PROVIDER).await.ok(204);
    assert_eq!(notify().await, "https://help.acme.example/portal/SUP/R-1");

    // A site made anew has nothing of the old one.
    service.put(PROVIDER, body).await.ok(200);
    service.delete("/sites/acme").await.ok(204);
    service.get(PROVIDER).await.refused(404, "site_not_found");
    service.site("acme").await;
    service.get(PROVIDER).await.refused(404, "login_provider_not_found");
}

async fn wrong_settings_are_named(on: Keeps) {
    let service = acme(on).await;
    let good = json!({"issuer": "https://login.acme.example", "client_id": "c", "client_secret": SECRET});
    for (field, bad) in [
        ("issuer", json!("http://login.acme.example")),
        ("issuer", json!("https://login.acme.example/?x")),
        ("client_id", json!("")),
        ("client_secret", json!("\n")),
        ("client_secret", json!(null)),
        ("more", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = bad;
        let refused = service.put(PROVIDER, body).await;
        refused.refused(422, "invalid_request");
        assert_eq!(refused.json()["field"], field);
        assert!(!refused.json().to_string().contains(SECRET));
    }
    service.put("/sites/nowhere/login-provider", good.clone()).await.refused(404, "site_not_found");
    // It is a matter of the whole site.
    let binding = Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap());
    let project = crate::portal_settings::key(&service, true, true, binding).await;
    service.call_as(&project, Method::PUT, PROVIDER, Some(good)).await.refused(404, "site_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_without_a_key_has_no_logins() {
    let service = Keeps::Postgres.service().await;
    service.acme().await;
    let body = json!({"issuer": "https://login.acme.example", "client_id": "c", "client_secret": SECRET});
    let refused = service.put(PROVIDER, body).await;
    refused.refused(409, "login_not_set_up");
    assert!(refused.json()["detail"].as_str().unwrap().contains("portal_key"));
}

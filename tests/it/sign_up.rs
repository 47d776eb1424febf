//! Sign-up tokens, through the API: for one address, once, and for a stated time.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Reply, Service};
use crate::keeps::{Keeps, with_each_database};

with_each_database!(
    a_token_signs_its_address_up_once,
    after_its_life_the_password_must_be_reset,
    it_is_for_one_address_of_one_site_and_no_other_kind_of_token,
    of_many_that_redeem_at_once_one_does,
    the_purge_forgets_old_ones,
);

const TOKENS: &str = "/sites/acme/sign-up-tokens";
const ANA: &str = "ana@customer.example";

async fn acme(on: Keeps) -> Service {
    let service = on.service().await;
    service.site("acme").await;
    service
}

async fn token(service: &Service, body: Value) -> String {
    service.post(TOKENS, body).await.ok(201).json()["token"].as_str().unwrap().to_owned()
}

async fn redeem(service: &Service, token: &str, email: &str) -> Reply {
    service.post(&format!("{TOKENS}/redemptions"), json!({"token": token, "email": email})).await
}

async fn a_token_signs_its_address_up_once(on: Keeps) {
    let service = acme(on).await;
    // Somebody raised a request without a login: nothing proves the address.
    let request = json!({"reporter": ANA, "channel": "portal_without_login"});
    let path = "/sites/acme/projects/SUP/requests/SUP-1";
    let before = service.put(path, request).await.ok(201).json();
    let made = service.post(TOKENS, json!({"email": "Ana@Customer.Example"})).await.ok(201).json();
    assert_eq!((&made["email"], &made["expires_at"]), (&json!(ANA), &json!("2026-11-24T10:00:00Z")));
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("als1_") && token.len() == 53, "{token}");
    assert!(!made["token_id"].as_str().unwrap().contains(&token[30..]));

    assert_eq!(redeem(&service, token, "ANA@customer.example").await.ok(200).json(), json!({"email": ANA}));
    redeem(&service, token, ANA).await.refused(409, "sign_up_token_used");
    let accounts = service.get("/sites/acme/accounts").await.ok(200).json();
    assert_eq!(accounts["people"], json!([{"email": ANA}]));
    let after = service.get(path).await.ok(200).json();
    assert_eq!((&before["address_unproved"], &after["address_unproved"]), (&json!(true), &json!(false)));
}

async fn after_its_life_the_password_must_be_reset(on: Keeps) {
    let service = acme(on).await;
    let (usual, short) = (
        token(&service, json!({"email": ANA})).await,
        token(&service, json!({"email": ANA, "lifetime_hours": 1})).await,
    );
    service.clock.advance(time::Duration::HOUR);
    redeem(&service, &short, ANA).await.refused(410, "password_reset_required");
    service.clock.advance(time::Duration::hours(71));
    redeem(&service, &usual, ANA).await.refused(410, "password_reset_required");
    service.clock.advance(-time::Duration::SECOND);
    redeem(&service, &usual, ANA).await.ok(200);
    for (field, bad) in [("lifetime_hours", json!(0)), ("lifetime_hours", json!(721)), ("email", json!("no address"))] {
        let mut body = json!({"email": ANA});
        body[field] = bad;
        let refused = service.post(TOKENS, body).await;
        refused.refused(422, "invalid_request");
        assert_eq!(refused.json()["field"], field);
    }
    service.post(TOKENS, json!({"email": "no-reply@a.example"})).await.refused(422, "automatic_address");
}

async fn it_is_for_one_address_of_one_site_and_no_other_kind_of_token(on: Keeps) {
    let service = acme(on).await;
    service.site("other").await;
    let hers = token(&service, json!({"email": ANA})).await;
    redeem(&service, &hers, "ben@customer.example").await.refused(404, "sign_up_token_not_found");
    let elsewhere = json!({"token": hers, "email": ANA});
    let elsewhere = service.post("/sites/other/sign-up-tokens/redemptions", elsewhere).await;
    elsewhere.refused(404, "sign_up_token_not_found");
    let changed = format!("{}{}", &hers[..52], if hers.ends_with('A') { 'B' } else { 'A' });
    redeem(&service, &changed, ANA).await.refused(404, "sign_up_token_not_found");

    // A link is none, and it opens no download.
    service.mode("acme", "SUP", "secured_link").await.ok(200);
    service.attach("c1", "a1", "log.txt", "text/plain", "x").await;
    let (url, _) = service.link("c1", "a1").await;
    let link = url.split('/').find(|part| part.starts_with("al1_")).unwrap();
    redeem(&service, link, ANA).await.refused(404, "sign_up_token_not_found");
    redeem(&service, &link.replace("al1_", "als1_"), ANA).await.refused(404, "sign_up_token_not_found");
    for text in [hers.clone(), hers.replace("als1_", "al1_")] {
        service.open(&format!("{}/a/{text}", service.running.public_url)).await.refused(404, "not_found");
    }
    redeem(&service, &hers, ANA).await.ok(200);

    // A site made anew knows nothing of it.
    let hers = token(&service, json!({"email": ANA})).await;
    service.delete("/sites/acme").await.ok(204);
    redeem(&service, &hers, ANA).await.refused(404, "site_not_found");
    service.site("acme").await;
    redeem(&service, &hers, ANA).await.refused(404, "sign_up_token_not_found");
}

async fn of_many_that_redeem_at_once_one_does(on: Keeps) {
    let service = Arc::new(acme(on).await);
    for _ in 0..5 {
        let token = token(&service, json!({"email": ANA})).await;
        let mut tries = JoinSet::new();
        for _ in 0..8 {
            let (service, token) = (Arc::clone(&service), token.clone());
            tries.spawn(async move { redeem(&service, &token, ANA).await.status.as_u16() });
        }
        let mut statuses = tries.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    }
}

async fn the_purge_forgets_old_ones(on: Keeps) {
    let service = acme(on).await;
    let old = token(&service, json!({"email": ANA})).await;
    let store = &service.running.app().store;
    service.clock.advance(time::Duration::days(90));
    let now = attachlink::clock::Clock::now(&*service.clock);
    assert_eq!(store.purge_sign_ups(now, 100).await.unwrap(), 0);
    redeem(&service, &old, ANA).await.refused(410, "password_reset_required");
    let young = token(&service, json!({"email": ANA})).await;
    assert_eq!(store.purge_sign_ups(now + time::Duration::SECOND, 100).await.unwrap(), 1);
    redeem(&service, &old, ANA).await.refused(404, "sign_up_token_not_found");
    redeem(&service, &young, ANA).await.ok(200);
}

//! How a provider may sign who logged in: with a key of its own, by whatever kind of it.

use serde_json::json;

use super::by_program::Steps;
use super::{ANA, Desk, LOG};
use crate::harness::Service;

async fn comes_back(algorithm: &str) -> (Desk, Steps, String, String) {
    let desk = Desk::with_provider(Service::start().await, &json!({"alg": algorithm})).await;
    let (link, mut steps) = (desk.link_of_an_email().await, Steps::default());
    let back = steps.way_back(&desk, &link, ANA).await;
    (desk, steps, link, back)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_of_its_own_will_do() {
    for algorithm in ["PS256", "ES256", "EdDSA"] {
        let (desk, mut steps, link, back) = comes_back(algorithm).await;
        steps.open(&desk.service, &back).await.ok(303);
        assert_eq!(steps.open(&desk.service, &link).await.ok(200).body, LOG, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_secret_signs_nothing() {
    let (desk, mut steps, _, back) = comes_back("HS256").await;
    steps.open(&desk.service, &back).await.ok(502);
    assert!(!steps.cookies.contains_key("attachlink-session"));
}

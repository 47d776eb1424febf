//! Who a request is counted for, when proxies say who their client is.

use http::Method;

use super::serve;
use crate::harness::{Reply, Service};

const ONE_MISS: [(&str, &str); 2] = [("ATTACHLINK_NOT_FOUND_PER_MINUTE", "1"), ("ATTACHLINK_NOT_FOUND_BURST", "1")];
const TRUSTED: (&str, &str) = ("ATTACHLINK_TRUSTED_PROXIES", "127.0.0.0/8");
const TWO_HOPS: (&str, &str) = ("ATTACHLINK_TRUSTED_PROXY_HOPS", "2");

async fn miss(service: &Service, forwarded: &[&str]) -> Reply {
    let lines: Vec<(&str, &str)> = forwarded.iter().map(|line| ("x-forwarded-for", *line)).collect();
    service.open_with(Method::GET, &format!("http://{}/nothing", service.public()), &lines).await
}

async fn limited(more: &[(&str, &str)]) -> Service {
    serve(&[&ONE_MISS, more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_trusted_proxy_a_forged_header_changes_nothing() {
    let service = limited(&[]).await;
    miss(&service, &["198.51.100.1"]).await.refused(404, "not_found");
    for forged in ["198.51.100.2", "127.0.0.9", "::1", "", "x"] {
        miss(&service, &[forged]).await.refused(429, "too_many_requests");
    }
    miss(&service, &[]).await.refused(429, "too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_rightmost_address_is_the_client() {
    let service = limited(&[TRUSTED]).await;
    miss(&service, &["198.51.100.1"]).await.refused(404, "not_found");
    // What the client wrote itself stands further left, in the same line or in one before.
    for forged in [
        &["198.51.100.2, 198.51.100.1"][..],
        &["198.51.100.3", "198.51.100.1"],
        &["x, 198.51.100.1:4711"],
        &["198.51.100.1"],
    ] {
        miss(&service, forged).await.refused(429, "too_many_requests");
    }
    miss(&service, &["198.51.100.1, 198.51.100.2"]).await.refused(404, "not_found");
    // An IPv6 client has a whole /64.
    miss(&service, &["2001:db8:1:2::1"]).await.refused(404, "not_found");
    miss(&service, &["2001:db8:1:2:ffff::9"]).await.refused(429, "too_many_requests");
    miss(&service, &["2001:db8:1:3::1"]).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_two_proxies_the_second_address_from_the_right_is_the_client() {
    let service = limited(&[TRUSTED, TWO_HOPS]).await;
    miss(&service, &["198.51.100.1, 10.0.0.9"]).await.refused(404, "not_found");
    miss(&service, &["198.51.100.7, 198.51.100.1", "10.0.0.8"]).await.refused(429, "too_many_requests");
    miss(&service, &["198.51.100.2, 10.0.0.9"]).await.refused(404, "not_found");
    // Too few addresses: counted for the proxy, whatever they are.
    miss(&service, &["198.51.100.3"]).await.refused(404, "not_found");
    miss(&service, &["198.51.100.4"]).await.refused(429, "too_many_requests");
    miss(&service, &[]).await.refused(429, "too_many_requests");
}

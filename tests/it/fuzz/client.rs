//! Who a request comes from: a first line with the number of trusted proxies, then `X-Forwarded-For`, a field on each line.

use std::net::IpAddr;

use attachlink::edge::{Client, TrustedProxies};
use http::{HeaderMap, HeaderValue};

/// Fields as they come: an inner proxy's last.
fn headers(lines: &[&[u8]]) -> HeaderMap {
    let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (http::header::HeaderName::from_static("x-forwarded-for"), value)).collect()
}

fn one(address: &str) -> Client {
    address.parse::<IpAddr>().expect("an address").into()
}

/// Nobody is believed but trusted proxies, and of what they hand on only what they wrote themselves.
pub fn check(input: &[u8]) {
    let mut lines: Vec<&[u8]> = input.split(|octet| *octet == b'\n').collect();
    let Some(hops) = std::str::from_utf8(lines.remove(0)).ok().and_then(|hops| hops.parse().ok()) else { return };
    let proxies = TrustedProxies { networks: vec!["10.0.0.0/8".parse().expect("a network")], hops };
    let of = |peer: &str, lines: &[&[u8]]| proxies.client(peer.parse().expect("an address"), &headers(lines));
    assert_eq!(of("203.0.113.9", &lines), one("203.0.113.9"), "a stranger is believed");
    let told = of("10.1.2.3", &lines);
    let commas = lines.iter().flat_map(|line| line.iter()).filter(|octet| **octet == b',').count();
    let places = lines.iter().filter(|line| HeaderValue::from_bytes(line).is_ok()).count() + commas;
    if hops == 0 || hops > places {
        assert_eq!(told, one("10.1.2.3"), "nobody said who it is");
    }
    // What the client adds on the left changes nothing, once all the proxies have written.
    let added = [&[&b"198.51.100.7, x"[..]], &lines[..]].concat();
    let all_wrote = lines.iter().filter(|line| HeaderValue::from_bytes(line).is_ok()).count() >= hops;
    assert!(!all_wrote || of("10.1.2.3", &added) == told, "a forged address counts");
    // Behind one proxy more, which says where it was called from.
    let further = TrustedProxies { networks: proxies.networks.clone(), hops: hops.saturating_add(1) };
    let seen =
        further.client("10.1.2.3".parse().expect("an address"), &headers(&[&lines[..], &[b"10.9.9.9"]].concat()));
    assert!(hops == 0 || hops == usize::MAX || seen == told, "one proxy more is another client");
}

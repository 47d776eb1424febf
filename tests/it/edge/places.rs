//! One client cannot take all connections.

use std::net::{IpAddr, Ipv4Addr};

use tokio::net::TcpStream;

use super::{OTHER, ask, connect_from, eventually, is_refused, serve};
use crate::harness::Service;

const ROBOTS: &str = "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";
const THREE: (&str, &str) = ("ATTACHLINK_MAX_CONNECTIONS_PER_CLIENT", "3");
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A connection from there that is served.
async fn served(service: &Service, from: IpAddr) -> TcpStream {
    let mut stream = connect_from(from, service.public()).await.expect("a place");
    let (head, _) = ask(&mut stream, ROBOTS).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_so_many_connections_and_others_have_theirs() {
    let service = serve(&[THREE]).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(served(&service, ATTACKER).await);
    }
    for _ in 0..10 {
        assert!(is_refused(ATTACKER, service.public()).await);
    }
    let refused = "attachlink_connections_refused_total{listener=\"public\"}";
    assert!((service.metric(refused).await - 10.0).abs() < 0.1);
    served(&service, OTHER).await;
    // Each listener counts for itself, and a place that is given up is free again.
    service.open(&format!("http://{}/livez", service.running.ops_addr)).await.ok(200);
    held.pop();
    let open = "attachlink_connections_open{listener=\"public\"}";
    eventually("the connection is over", async || service.metric(open).await < 2.5).await;
    served(&service, ATTACKER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_of_one_client_lock_nobody_out() {
    // Without a limit for each client, twenty would be all there are.
    let service = serve(&[THREE, ("ATTACHLINK_MAX_CONNECTIONS", "20")]).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        // Most are refused.
        silent.extend(connect_from(ATTACKER, service.public()).await);
    }
    for _ in 0..5 {
        served(&service, OTHER).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_have_any_number() {
    let service = serve(&[THREE, ("ATTACHLINK_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")]).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(served(&service, ATTACKER).await);
    }
    for _ in 0..3 {
        held.push(served(&service, OTHER).await);
    }
    assert!(is_refused(OTHER, service.public()).await, "another one is no proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_are_wait_and_are_not_refused() {
    let service = serve(&[("ATTACHLINK_MAX_CONNECTIONS", "2")]).await;
    let held = [served(&service, ATTACKER).await, served(&service, ATTACKER).await];
    let mut waiting = connect_from(OTHER, service.public()).await.expect("a place");
    let answered = ask(&mut waiting, ROBOTS);
    tokio::pin!(answered);
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut answered).await;
    assert!(early.is_err(), "two are held");
    drop(held);
    assert!(answered.await.0.starts_with("HTTP/1.1 200"));
}

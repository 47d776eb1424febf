//! When the provider is down, wrong, or not there at all.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::Service;

async fn answers(service: &Service, issuer: &str, status: u16, words: &str) {
    let body = json!({"issuer": issuer, "client_id": "c", "client_secret": "s"});
    service.put("/sites/acme/login-provider", body).await.ok(200);
    let link = format!("{}/p/acme/SUP/c1/a1", service.running.public_url);
    let page = service.open_with(http::Method::GET, &link, &[("accept", "text/html")]).await.ok(status);
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains(words), "{text}");
    assert_eq!(page.headers.contains_key("retry-after"), status == 503);
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
}

/// A server that answers everything with this.
async fn server(answer: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.replace("ISSUER", &issuer);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // A connection that is closed with something unread is reset.
            let _ = stream.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ =
                stream.write_all(format!("{head}content-length: {}\r\n\r\n{answer}", answer.len()).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    issuer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_or_wrong_gives_a_page_that_says_so() {
    let service = Service::start().await;
    service.site("acme").await;
    // A port that was free a moment ago.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    answers(&service, &format!("http://{closed}"), 503, "does not answer").await;
    answers(&service, &server("{}").await, 502, "not set up as it should be").await;
    let other = server(
        r#"{"issuer": "https://other.example", "authorization_endpoint": "https://other.example/",
        "jwks_uri": "https://other.example/", "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"]}"#,
    );
    answers(&service, &other.await, 502, "not set up as it should be").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_what_exists_before_a_login() {
    let service = Service::start().await;
    service.site("acme").await;
    service.attach("c1", "a1", "log.txt", "text/plain", "x").await;
    let base = &service.running.public_url;
    // Neither a site without a provider, nor one that is not, nor something that cannot be one.
    for path in ["acme/SUP/c1/a1", "acme/SUP/c1/a9", "nowhere/SUP/c1/a1", "a%20b/SUP/c1/a1", "acme/%2e%2e/c1/a1"] {
        let refused = service.open(&format!("{base}/p/{path}")).await;
        refused.refused(404, "not_found");
    }
    // A forged cookie is none.
    let link = format!("{base}/p/acme/SUP/c1/a1");
    let forged = [("cookie", "attachlink-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    service.open_with(http::Method::GET, &link, &forged).await.refused(404, "not_found");
    service.open_with(http::Method::POST, &link, &[]).await.refused(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_wait_for_a_provider_one_asks_it() {
    let service = std::sync::Arc::new(Service::start().await);
    service.site("acme").await;
    // It takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", silent.local_addr().unwrap());
    let body = json!({"issuer": issuer, "client_id": "c", "client_secret": "s"});
    service.put("/sites/acme/login-provider", body).await.ok(200);
    let link = format!("{}/p/acme/SUP/c1/a1", service.running.public_url);
    let mut customers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (service, link) = (std::sync::Arc::clone(&service), link.clone());
        customers.spawn(async move { service.open(&link).await.status.as_u16() });
    }
    let (_held, _) = silent.accept().await.unwrap();
    assert_eq!(customers.join_all().await, [503; 20]);
    let another = tokio::time::timeout(std::time::Duration::from_millis(100), silent.accept()).await;
    assert!(another.is_err(), "a second connection");
}

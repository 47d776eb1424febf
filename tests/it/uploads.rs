//! Uploads: whole or not at all.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Service, comment_path};

fn content(attachment: &str) -> String {
    format!("{}/attachments/{attachment}/content", comment_path("c1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_leaves_nothing() {
    let service = Service::start().await;
    service.acme().await;
    let mut stream = TcpStream::connect(service.running.api_addr).await.unwrap();
    let head = format!(
        "PUT /v1{}?filename=x.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1000000\r\n\r\n",
        content("a1"),
        service.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 600_000]).await.unwrap();
    drop(stream);
    // The service has seen the end of the connection once it answers the next call of the same attachment.
    for _ in 0..20 {
        service.get(&format!("{}/attachments/a1", comment_path("c1"))).await.refused(404, "attachment_not_found");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let uploads = service.dir.path().join("data/objects/attachlink-uploads");
    let files =
        std::fs::read_dir(uploads).map_or(0, |entries| entries.flatten().filter(|e| e.path().is_file()).count());
    assert_eq!(files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_upload_is_whole_and_a_broken_one_is_refused() {
    let service = Service::start().await;
    service.acme().await;
    let head = format!(
        "PUT /v1{}?filename=x.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        content("a1"),
        service.key
    );
    for (body, status) in [("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "201"), ("5\r\nhello\r\nzz\r\n", "400")] {
        let mut stream = TcpStream::connect(service.running.api_addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{body:?}: {answer}");
    }
    let reply = service.get(&content("a1")).await.ok(200);
    assert_eq!(reply.body, "hello world");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_limit_refuses_larger_uploads() {
    let service = Service::start_with(&[("ATTACHLINK_MAX_UPLOAD_OCTETS", "1000")], |query| query).await;
    service.acme().await;
    service.upload(&content("a1"), "text/plain", vec![b'x'; 1001]).await.refused(413, "upload_too_large");
    service.get(&format!("{}/attachments/a1", comment_path("c1"))).await.refused(404, "attachment_not_found");
    service.upload(&content("a1"), "text/plain", vec![b'x'; 1000]).await.ok(201);
}

/// Programs that go on with an upload send the rest of it alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_file_or_a_packed_one_is_not_taken_for_it() {
    let service = Service::start().await;
    service.acme().await;
    service.upload(&content("a1"), "text/plain", "0123456789").await.ok(201);
    for (name, value) in [("Content-Range", "bytes 4-9/10"), ("Content-Encoding", "gzip")] {
        let head = format!(
            "PUT /v1{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{name}: {value}\r\nConnection: close\r\n\
             Content-Length: 6\r\n\r\n456789",
            content("a1"),
            service.key
        );
        let answer = exchanged(&service, &head).await;
        assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains(&format!("\"field\":\"{name}\"")), "{answer}");
    }
    let plain = format!(
        "PUT /v1{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Encoding: identity\r\n\
         Connection: close\r\nContent-Length: 6\r\n\r\n456789",
        content("a2"),
        service.key
    );
    assert!(exchanged(&service, &plain).await.starts_with("HTTP/1.1 201 "));
    let (url, _) = service.link("c1", "a1").await;
    assert_eq!(service.open(&url).await.ok(200).body, "0123456789");
}

async fn exchanged(service: &Service, request: &str) -> String {
    let mut stream = TcpStream::connect(service.running.api_addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_names() {
    let service = Service::start().await;
    service.acme().await;
    let made =
        service.upload(&format!("{}?filename=a%2Fb%0A%C3%A9.txt", content("a1")), "text/plain", "hello").await.ok(201);
    let told = service.get(&format!("{}/attachments/a1", comment_path("c1"))).await.ok(200).json();
    assert_eq!(made.json(), told);
    for (name, value) in
        [("id", json!("a1")), ("size", json!(5)), ("media_type", json!("text/plain")), ("kind", json!("file"))]
    {
        assert_eq!(told[name], value, "{told}");
    }
    let (url, _) = service.link("c1", "a1").await;
    let reply = service.open(&url).await.ok(200);
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"a_b _.txt\"; filename*=UTF-8''a_b%20%C3%A9.txt"
    );
    service.upload(&content("a2"), "not a type", "x").await.refused(422, "invalid_request");
    let bad = "/sites/acme/projects/SUP/comments/c1/attachments/a%20b/content";
    service.upload(bad, "text/plain", "x").await.refused(422, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_are_told_apart() {
    let service = Service::start().await;
    service.acme().await;
    let send = async |body: &str, media_type: &str| {
        let request = http::Request::put(format!("http://{}/v1/sites/acme", service.running.api_addr))
            .header("authorization", format!("Bearer {}", service.key))
            .header("content-type", media_type)
            .body(http_body_util::Full::new(bytes::Bytes::from(body.to_owned())))
            .unwrap();
        service.send(request).await
    };
    send("{", "application/json").await.refused(400, "malformed_json");
    send("{\"plan\": \"gold\"}", "application/json").await.refused(422, "invalid_request");
    send("{\"plam\": \"free\"}", "application/json").await.refused(422, "invalid_request");
    send("plan=free", "text/plain").await.refused(415, "unsupported_media_type");
    let large = format!("{{\"portal_url\": \"{}\"}}", "x".repeat(2_000_000));
    send(&large, "application/json").await.refused(413, "body_too_large");
    service.call_as(&service.key, Method::PATCH, "/sites/acme", None).await.refused(405, "method_not_allowed");
    service.get("/nothing").await.refused(404, "not_found");
}

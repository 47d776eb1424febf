//! The whole service on S3. What a service does on a bucket as anywhere else is in `rules`, `downloads` and `promise`.

use http::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::bucket::Bucket;
use super::server::S3Server;
use crate::harness::{PNG, Service, comment_path};
use crate::keeps::{Keeps, with_each_bucket, with_services};
use crate::objects_contract::soon;

with_each_bucket!(
    uploads_links_and_deletions,
    objects_are_registered_in_place,
    parts_of_a_stream,
    an_upload_that_is_cut_leaves_nothing,
    a_bucket_that_goes_and_comes_back,
);
with_services!(versioned, Moto: links_serve_the_version_they_were_registered_with, uploads_go_in_all_their_versions);

/// With the site `acme`, and nothing in memory: what is served was read from the bucket.
async fn uncached(on: Keeps) -> Service {
    let service = on.service_around(&[("ATTACHLINK_CACHE_BYTES", "0")], |query| query).await;
    service.acme().await;
    service
}

fn bucket(service: &Service) -> &Bucket {
    service.bucket.as_ref().expect("on a bucket")
}

fn sample(octets: u32) -> Vec<u8> {
    (0..octets).map(|n| n.to_be_bytes()[3]).collect()
}

async fn uploads_links_and_deletions(on: Keeps) {
    upload_link_and_delete(uncached(on).await).await;
}

/// s3s checks signatures without `scripts/test --genuine` too.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_links_and_deletions_on_s3s() {
    let service = Bucket::fresh(S3Server::s3s().await).await.service(&[]).await;
    service.acme().await;
    upload_link_and_delete(service).await;
}

async fn upload_link_and_delete(service: Service) {
    for (id, media_type, bytes) in [
        ("small", "image/png", PNG.to_vec()),
        ("empty", "text/plain", Vec::new()),
        ("large", "application/octet-stream", sample(20_000_000)),
    ] {
        service.attach("c1", id, "a.bin", media_type, bytes.clone()).await;
        let (url, _) = service.link("c1", id).await;
        let whole = service.open(&url).await.ok(200);
        assert!(whole.body == bytes, "{id}");
        assert_eq!(whole.header("content-length"), bytes.len().to_string());
        let content = service.get(&format!("{}/attachments/{id}/content", comment_path("c1"))).await.ok(200);
        assert!(content.body == bytes, "{id}");
    }
    let keys = bucket(&service).keys().await;
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.starts_with("desk/attachlink-uploads/")), "{keys:?}");
    let (url, _) = service.link("c1", "large").await;
    service.delete(&comment_path("c1")).await.ok(204);
    service.open(&url).await.refused(410, "link_withdrawn");
    service.purge().await;
    assert_eq!(bucket(&service).keys().await, [] as [String; 0]);
    service.running.shutdown().await;
}

fn register(key: &str) -> serde_json::Value {
    json!({"object_key": key, "filename": "s.png", "media_type": "image/png"})
}

async fn objects_are_registered_in_place(on: Keeps) {
    let service = uncached(on).await;
    service.place("acme/2026/screen.png", PNG).await;
    service.place("other/secret.png", PNG).await;
    bucket(&service).put("acme/beside.png", PNG).await;
    let path = format!("{}/attachments/a1", comment_path("c1"));
    let made = service.put(&path, register("acme/2026/screen.png")).await.ok(201).json();
    assert_eq!(made["size"], PNG.len());
    for missing in ["acme/none.png", "acme/beside.png"] {
        service.put(&path, register(missing)).await.refused(404, "object_not_found");
    }
    service.put(&path, register("other/secret.png")).await.refused(403, "object_outside_prefix");
    let (url, _) = service.link("c1", "a1").await;
    assert_eq!(service.open(&url).await.ok(200).body, PNG);

    // Other bytes under the key are not what was registered.
    service.place("acme/2026/screen.png", b"after").await;
    service.open(&url).await.refused(503, "object_unavailable");
    service.put(&path, register("acme/2026/screen.png")).await.ok(200);
    assert_eq!(service.open(&url).await.ok(200).body, "after");
    bucket(&service).remove("desk/acme/2026/screen.png").await;
    service.open(&url).await.refused(503, "object_unavailable");
    // An attachment that was only registered is deleted without its object.
    service.place("acme/2026/screen.png", b"after").await;
    service.delete(&comment_path("c1")).await.ok(204);
    service.purge().await;
    assert!(service.has_object("acme/2026/screen.png").await);
}

async fn parts_of_a_stream(on: Keeps) {
    let service = uncached(on).await;
    let octets = sample(9_000_000);
    service.attach("c1", "a1", "a.bin", "application/octet-stream", octets.clone()).await;
    let (url, _) = service.link("c1", "a1").await;
    let head = service.open_with(Method::HEAD, &url, &[]).await.ok(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("9000000", 0));
    let etag = head.header("etag").to_owned();
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=8999999-", 8_999_999..9_000_000),
        ("bytes=-1000001", 7_999_999..9_000_000),
        ("bytes=4000000-8000000", 4_000_000..8_000_001),
        ("bytes=5-99999999", 5..9_000_000),
    ] {
        for condition in [None, Some(("if-range", etag.as_str()))] {
            let headers: Vec<_> = [("range", range)].into_iter().chain(condition).collect();
            let part = service.open_with(Method::GET, &url, &headers).await.ok(206);
            assert!(part.body == octets[expected.clone()], "{range}");
            let content_range = format!("bytes {}-{}/9000000", expected.start, expected.end - 1);
            assert_eq!(part.header("content-range"), content_range);
        }
    }
    let other = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert!(service.open_with(Method::GET, &url, &other).await.ok(200).body == octets);
    service.open_with(Method::GET, &url, &[("if-none-match", &etag)]).await.ok(304);
    service.open_with(Method::GET, &url, &[("if-match", "\"other\"")]).await.refused(412, "precondition_failed");
    let beyond = service.open_with(Method::GET, &url, &[("range", "bytes=9000000-")]).await;
    beyond.refused(416, "range_not_satisfiable");
}

/// Cut in the first part, in the second, and in the third.
async fn an_upload_that_is_cut_leaves_nothing(on: Keeps) {
    const MIB: usize = 1024 * 1024;
    let service = uncached(on).await;
    for sent in [MIB, 12 * MIB, 20 * MIB] {
        let mut stream = TcpStream::connect(service.running.api_addr).await.unwrap();
        let head = format!(
            "PUT /v1{}/attachments/a1/content?filename=x.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            comment_path("c1"),
            service.key,
            100 * MIB
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![7; sent]).await.unwrap();
        let begun = usize::from(sent > 8 * MIB);
        soon("it is under way", || async { bucket(&service).unfinished().await == begun }).await;
        drop(stream);
        soon("it is given up", || async { bucket(&service).unfinished().await == 0 }).await;
        assert_eq!(bucket(&service).keys().await, [] as [String; 0]);
        service.get(&format!("{}/attachments/a1", comment_path("c1"))).await.refused(404, "attachment_not_found");
    }
    soon("each is counted", || async {
        service.metrics().await.contains("attachlink_uploads_total{outcome=\"failed\"} 3")
    })
    .await;
}

async fn a_bucket_that_goes_and_comes_back(on: Keeps) {
    let service = uncached(on).await;
    let Bucket { client, name, .. } = bucket(&service);
    client.delete_bucket().bucket(name).send().await.unwrap();
    let says = async |status: u16, of_objects: &str| {
        let (answered, said) = service.readiness_of("objects").await;
        answered == status && said == of_objects
    };
    soon("it is missed", || says(503, "there is no such bucket")).await;
    let content = format!("{}/attachments/a1/content", comment_path("c1"));
    service.upload(&content, "text/plain", "hello").await.refused(503, "unavailable");
    client.create_bucket().bucket(name).send().await.unwrap();
    soon("it is back", || says(200, "ok")).await;
    service.attach("c1", "a1", "x.txt", "text/plain", "hello").await;
    assert_eq!(service.open(&service.link("c1", "a1").await.0).await.ok(200).body, "hello");
}

async fn links_serve_the_version_they_were_registered_with(on: Keeps) {
    let service = uncached(on).await;
    bucket(&service).keep_versions().await;
    service.place("acme/report.txt", b"first").await;
    let path = format!("{}/attachments/a1", comment_path("c1"));
    service.put(&path, register("acme/report.txt")).await.ok(201);
    let (url, _) = service.link("c1", "a1").await;
    let first = service.open(&url).await.ok(200);
    service.place("acme/report.txt", b"second").await;
    bucket(&service).remove("desk/acme/report.txt").await;
    let again = service.open(&url).await.ok(200);
    assert_eq!((&again.body[..], again.header("etag")), (&b"first"[..], first.header("etag")));
    service.place("acme/report.txt", b"third").await;
    service.put(&path, register("acme/report.txt")).await.ok(200);
    let third = service.open(&url).await.ok(200);
    assert_eq!(third.body, "third");
    assert_ne!(third.header("etag"), first.header("etag"));
}

async fn uploads_go_in_all_their_versions(on: Keeps) {
    let service = uncached(on).await;
    bucket(&service).keep_versions().await;
    for (id, octets) in [("small", 10), ("large", 9_000_000)] {
        service.attach("c1", id, "x.bin", "application/octet-stream", sample(octets)).await;
        assert!(service.open(&service.link("c1", id).await.0).await.ok(200).body == sample(octets));
    }
    assert_eq!(bucket(&service).versions().await, 2);
    service.delete(&comment_path("c1")).await.ok(204);
    service.purge().await;
    assert_eq!(bucket(&service).versions().await, 0);
}

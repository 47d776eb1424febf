//! The whole service on S3.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use super::server::S3Server;
use crate::harness::{PNG, Service, comment_path};

/// A service on a bucket of its own, with the site `acme`.
async fn on(server: &S3Server, more: &[(&str, &str)]) -> (Service, String) {
    let bucket = server.fresh_bucket().await;
    let service = Service::start_on_s3(server, &bucket, more).await;
    service.acme().await;
    (service, bucket)
}

async fn uploads_links_and_deletions(server: S3Server) {
    let (service, bucket) = on(&server, &[]).await;
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    for (id, media_type, bytes) in [
        ("small", "image/png", PNG.to_vec()),
        ("empty", "text/plain", Vec::new()),
        ("large", "application/octet-stream", large),
    ] {
        service.attach("c1", id, "a.bin", media_type, bytes.clone()).await;
        let (url, _) = service.link("c1", id).await;
        let whole = service.open(&url).await.ok(200);
        assert!(whole.body == bytes, "{id}");
        assert_eq!(whole.header("content-length"), bytes.len().to_string());
        if bytes.len() > 9 {
            let part = service.open_with(Method::GET, &url, &[("range", "bytes=5-9")]).await.ok(206);
            assert_eq!(part.body, bytes[5..10]);
        }
        let content = service.get(&format!("{}/attachments/{id}/content", comment_path("c1"))).await.ok(200);
        assert!(content.body == bytes, "{id}");
    }
    let client = server.client().await;
    let objects = || async {
        let listed = client.list_objects_v2().bucket(&bucket).send().await.unwrap();
        let keys = listed.contents().iter().map(|object| object.key().unwrap().to_owned());
        // The mark of the newest revocation is the service's own, and stays.
        keys.filter(|key| !key.starts_with("desk/attachlink-history/")).collect::<Vec<_>>()
    };
    assert!(objects().await.iter().all(|key| key.starts_with("desk/attachlink-uploads/")), "{:?}", objects().await);
    let (url, _) = service.link("c1", "large").await;
    service.delete(&comment_path("c1")).await.ok(204);
    service.open(&url).await.refused(410, "link_withdrawn");
    attachlink::purge::Purge::default().round(service.running.app()).await.unwrap();
    assert_eq!(objects().await, [] as [String; 0]);
    service.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_links_and_deletions_on_moto() {
    uploads_links_and_deletions(S3Server::moto().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_links_and_deletions_on_s3s() {
    uploads_links_and_deletions(S3Server::s3s().await).await;
}

mod garage {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn uploads_links_and_deletions() {
        super::uploads_links_and_deletions(S3Server::garage().await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_registered_in_place() {
    let server = S3Server::moto().await;
    let (service, bucket) = on(&server, &[]).await;
    let client = server.client().await;
    let put = async |key: &str, bytes: &'static [u8]| {
        client.put_object().bucket(&bucket).key(key).body(Bytes::from_static(bytes).into()).send().await.unwrap();
    };
    put("desk/acme/2026/screen.png", PNG).await;
    put("desk/other/secret.png", PNG).await;
    put("acme/beside.png", PNG).await;
    let path = format!("{}/attachments/a1", comment_path("c1"));
    let register = |key: &str| json!({"object_key": key, "filename": "s.png", "media_type": "image/png"});
    let made = service.put(&path, register("acme/2026/screen.png")).await.ok(201).json();
    assert_eq!(made["size"], PNG.len());
    for missing in ["acme/none.png", "acme/beside.png"] {
        service.put(&path, register(missing)).await.refused(404, "object_not_found");
    }
    let (url, _) = service.link("c1", "a1").await;
    assert_eq!(service.open(&url).await.ok(200).body, PNG);

    // Other bytes under the key are not what was registered. What is in memory already is.
    let (service, bucket) = on(&server, &[("ATTACHLINK_CACHE_BYTES", "0")]).await;
    let put = async |bytes: &'static [u8]| {
        client
            .put_object()
            .bucket(&bucket)
            .key("desk/acme/x.bin")
            .body(Bytes::from_static(bytes).into())
            .send()
            .await
            .unwrap();
    };
    put(b"before").await;
    service.put(&path, register("acme/x.bin")).await.ok(201);
    let (url, _) = service.link("c1", "a1").await;
    put(b"after").await;
    service.open(&url).await.refused(503, "object_unavailable");
    service.put(&path, register("acme/x.bin")).await.ok(200);
    assert_eq!(service.open(&url).await.ok(200).body, "after");
    client.delete_object().bucket(&bucket).key("desk/acme/x.bin").send().await.unwrap();
    service.open(&url).await.refused(503, "object_unavailable");
    // An attachment that was only registered is deleted without its object.
    put(b"after").await;
    service.delete(&comment_path("c1")).await.ok(204);
    attachlink::purge::Purge::default().round(service.running.app()).await.unwrap();
    client.head_object().bucket(&bucket).key("desk/acme/x.bin").send().await.unwrap();
}

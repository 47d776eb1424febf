//! Downloads: headers, conditions, ranges, sizes, names, pages.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use serde_json::json;

use crate::harness::{PNG, Service, comment_path};
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(
    a_file_is_served_with_the_stated_headers,
    conditions_and_ranges,
    an_empty_file_is_a_file,
    a_date_never_joins_two_versions_that_replaced_each_other_within_a_second,
);

async fn with(filename: &str, media_type: &str, bytes: &'static [u8]) -> (Service, String) {
    with_on(Keeps::Embedded, filename, media_type, bytes).await
}

async fn with_on(on: Keeps, filename: &str, media_type: &str, bytes: &'static [u8]) -> (Service, String) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", filename, media_type, bytes).await;
    let (url, _) = service.link("c1", "a1").await;
    (service, url)
}

async fn a_file_is_served_with_the_stated_headers(on: Keeps) {
    let (service, url) = with_on(on, "log.txt", "text/plain", b"0123456789").await;
    let get = service.open(&url).await.ok(200);
    assert_eq!(get.body, "0123456789");
    for (name, value) in [
        ("content-length", "10"),
        ("content-type", "text/plain"),
        ("content-disposition", "attachment; filename=\"log.txt\"; filename*=UTF-8''log.txt"),
        ("accept-ranges", "bytes"),
        ("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "private, no-store"),
        ("x-robots-tag", "noindex"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(get.header(name), value, "{name}");
    }
    assert!(get.header("etag").starts_with('"'), "{}", get.header("etag"));
    let head = service.open_with(Method::HEAD, &url, &[]).await.ok(200);
    assert!(head.body.is_empty());
    let comparable = |reply: &crate::harness::Reply| {
        let mut headers = reply.headers.clone();
        headers.remove("date");
        headers
    };
    assert_eq!(comparable(&head), comparable(&get));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_shown_and_what_could_run_is_only_saved() {
    for (filename, media_type, bytes, expected_type, disposition) in [
        ("x.png", "image/png", PNG, "image/png", "inline"),
        ("x.png", "text/html", PNG, "image/png", "inline"),
        ("x.png", "image/png", b"<script>alert(1)</script>" as &[u8], "application/octet-stream", "attachment"),
        ("x.html", "text/html", b"<script>alert(1)</script>", "application/octet-stream", "attachment"),
        (
            "x.svg",
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "application/octet-stream",
            "attachment",
        ),
        ("x.js", "text/javascript", b"alert(1)", "application/octet-stream", "attachment"),
        ("x.pdf", "application/pdf", b"%PDF-1.4", "application/pdf", "attachment"),
    ] {
        let (service, url) = with(filename, media_type, bytes).await;
        let reply = service.open(&url).await.ok(200);
        assert_eq!(reply.header("content-type"), expected_type, "{filename} {media_type}");
        assert!(reply.header("content-disposition").starts_with(disposition), "{filename} {media_type}");
        let saved = service.open(&format!("{url}?download")).await.ok(200);
        assert!(saved.header("content-disposition").starts_with("attachment"), "{filename}");
    }
}

async fn conditions_and_ranges(on: Keeps) {
    let (service, url) = with_on(on, "log.txt", "text/plain", b"0123456789").await;
    let etag = service.open(&url).await.header("etag").to_owned();
    let date = "Sat, 21 Nov 2026 10:00:00 GMT";
    let earlier = "Sat, 21 Nov 2026 09:59:59 GMT";
    for (headers, status, range, body) in [
        (vec![("range", "bytes=0-3")], 206, "bytes 0-3/10", "0123"),
        (vec![("range", "bytes=-3")], 206, "bytes 7-9/10", "789"),
        (vec![("range", "bytes=8-")], 206, "bytes 8-9/10", "89"),
        (vec![("range", "bytes=8-100")], 206, "bytes 8-9/10", "89"),
        (vec![("range", "bytes=0-1,4-5")], 200, "", "0123456789"),
        (vec![("range", "bytes=x")], 200, "", "0123456789"),
        (vec![("range", "lines=0-1")], 200, "", "0123456789"),
        (vec![("range", "bytes=0-1"), ("if-range", etag.as_str())], 206, "bytes 0-1/10", "01"),
        (vec![("range", "bytes=0-1"), ("if-range", "\"other\"")], 200, "", "0123456789"),
        (vec![("range", "bytes=0-1"), ("if-range", date)], 206, "bytes 0-1/10", "01"),
        (vec![("range", "bytes=0-1"), ("if-range", earlier)], 200, "", "0123456789"),
        (vec![("if-none-match", etag.as_str())], 304, "", ""),
        (vec![("if-modified-since", date)], 304, "", ""),
        (vec![("if-modified-since", earlier)], 200, "", "0123456789"),
        (vec![("if-match", etag.as_str())], 200, "", "0123456789"),
        (vec![("if-unmodified-since", date)], 200, "", "0123456789"),
    ] {
        let reply = service.open_with(Method::GET, &url, &headers).await.ok(status);
        assert_eq!(reply.header("content-range"), range, "{headers:?}");
        assert_eq!(reply.body, body, "{headers:?}");
    }
    service.open_with(Method::GET, &url, &[("if-match", "\"other\"")]).await.refused(412, "precondition_failed");
    service.open_with(Method::GET, &url, &[("if-unmodified-since", earlier)]).await.refused(412, "precondition_failed");
    let beyond = service.open_with(Method::GET, &url, &[("range", "bytes=10-")]).await;
    beyond.refused(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), "bytes */10");
}

async fn a_date_never_joins_two_versions_that_replaced_each_other_within_a_second(on: Keeps) {
    let (service, url) = with_on(on, "log.txt", "text/plain", b"AAAAAAAAAA").await;
    let first = service.open(&url).await.header("last-modified").to_owned();
    service.attach("c1", "a1", "log.txt", "text/plain", &b"BBBBBBBBBB"[..]).await;
    let headers = [("range", "bytes=5-"), ("if-range", first.as_str())];
    let reply = service.open_with(Method::GET, &url, &headers).await.ok(200);
    assert_eq!(reply.body, "BBBBBBBBBB");
    service.open_with(Method::GET, &url, &[("if-modified-since", first.as_str())]).await.ok(200);
}

async fn an_empty_file_is_a_file(on: Keeps) {
    let (service, url) = with_on(on, "empty.txt", "text/plain", b"").await;
    let reply = service.open(&url).await.ok(200);
    assert_eq!((reply.header("content-length"), reply.body.len()), ("0", 0));
    service.open_with(Method::GET, &url, &[("range", "bytes=0-")]).await.refused(416, "range_not_satisfiable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_4_gib_has_its_size_and_its_far_ranges() {
    const FAR: u64 = 5 * 1024 * 1024 * 1024;
    let service = Service::start().await;
    service.acme().await;
    let dir = service.dir.path().join("data/objects/acme");
    std::fs::create_dir_all(&dir).unwrap();
    let mut file = std::fs::File::create(dir.join("disk.img")).unwrap();
    file.seek(SeekFrom::Start(FAR)).unwrap();
    file.write_all(b"the end").unwrap();
    drop(file);
    let register =
        json!({"object_key": "acme/disk.img", "filename": "disk.img", "media_type": "application/octet-stream"});
    let path = format!("{}/attachments/a1", comment_path("c1"));
    assert_eq!(service.put(&path, register).await.ok(201).json()["size"], FAR + 7);
    let (url, _) = service.link("c1", "a1").await;
    let head = service.open_with(Method::HEAD, &url, &[]).await.ok(200);
    assert_eq!(head.header("content-length"), (FAR + 7).to_string());
    let range = format!("bytes={}-", FAR - 2);
    let reply = service.open_with(Method::GET, &url, &[("range", range.as_str())]).await.ok(206);
    assert_eq!(&reply.body[..], b"\0\0the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_from_before_1970_is_served_with_the_first_date_there_is() {
    let service = Service::start().await;
    service.acme().await;
    service.place("acme/old.txt", b"old").await;
    let file = std::fs::File::options().write(true).open(service.dir.path().join("data/objects/acme/old.txt")).unwrap();
    file.set_modified(UNIX_EPOCH - Duration::from_hours(24)).unwrap();
    let register = json!({"object_key": "acme/old.txt", "filename": "old.txt", "media_type": "text/plain"});
    service.put(&format!("{}/attachments/a1", comment_path("c1")), register).await.ok(201);
    let (url, _) = service.link("c1", "a1").await;
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (method, headers, status) in [
        (Method::GET, &[][..], 200),
        (Method::HEAD, &[], 200),
        (Method::GET, &[("range", "bytes=1-")], 206),
        (Method::GET, &[("if-modified-since", date)], 304),
        (Method::GET, &[("if-unmodified-since", date)], 200),
    ] {
        assert_eq!(service.open_with(method, &url, headers).await.ok(status).header("last-modified"), date);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_or_changed_is_unavailable_and_not_short() {
    let service = Service::start().await;
    service.acme().await;
    let dir = service.dir.path().join("data/objects/acme");
    std::fs::create_dir_all(&dir).unwrap();
    let register = |key: &str| json!({"object_key": key, "filename": "x", "media_type": "text/plain"});
    let path = format!("{}/attachments/a1", comment_path("c1"));
    service.put(&path, register("acme/none")).await.refused(404, "object_not_found");
    service.put(&path, register("other/x")).await.refused(403, "object_outside_prefix");
    service.put(&path, register("acme/../x")).await.refused(422, "invalid_request");
    std::fs::write(dir.join("x"), "first").unwrap();
    service.put(&path, register("acme/x")).await.ok(201);
    let (url, _) = service.link("c1", "a1").await;
    std::fs::write(dir.join("x"), "rewritten").unwrap();
    service.open(&url).await.refused(503, "object_unavailable");
    // Registering it again makes the new bytes known.
    service.put(&path, register("acme/x")).await.ok(200);
    assert_eq!(service.open(&url).await.ok(200).body, "rewritten");
    std::fs::remove_file(dir.join("x")).unwrap();
    service.open(&url).await.refused(503, "object_unavailable");
    std::fs::write(dir.join("big"), vec![7; 1_000_000]).unwrap();
    service.put(&path, register("acme/big")).await.ok(200);
    std::fs::remove_file(dir.join("big")).unwrap();
    let gone = service.open(&url).await;
    gone.refused(503, "object_unavailable");
    assert!(!gone.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_pages_and_programs_get_problems() {
    let (service, url) = with("log.txt", "text/plain", b"hello").await;
    let notify = json!({"request": "SUP-42", "message_size": 1});
    service.post(&format!("{}/notifications", comment_path("c1")), notify).await.ok(200);
    service.delete(&comment_path("c1")).await.ok(204);
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let page = service.open_with(Method::GET, &url, &browser).await.ok(410);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("This link was withdrawn"), "{text}");
    assert!(text.contains("https://help.acme.example/portal/SUP/SUP-42"), "{text}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("style-src 'sha256-") && !policy.contains("sandbox"), "{policy}");
    service.open(&url).await.refused(410, "link_withdrawn");

    let nothing = format!("http://{}/nothing", service.public());
    let page = service.open_with(Method::GET, &nothing, &browser).await.ok(404);
    assert!(String::from_utf8(page.body.to_vec()).unwrap().contains("Nothing here"));
    service.open_with(Method::POST, &url, &[]).await.refused(405, "method_not_allowed");
    let robots = service.open(&format!("http://{}/robots.txt", service.public())).await.ok(200);
    assert!(robots.body.starts_with(b"User-agent: *\nDisallow: /"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_listeners_are_not_reachable_through_public() {
    let service = Service::start().await;
    for path in ["/v1/sites/acme", "/openapi.yaml", "/metrics", "/livez", "/readyz", "/a/../metrics", "//metrics"] {
        service.open(&format!("http://{}{path}", service.public())).await.refused(404, "not_found");
    }
    let ops = |path: &str| format!("http://{}{path}", service.running.ops_addr);
    service.open(&ops("/livez")).await.ok(200);
    service.open(&ops("/v1/sites/acme")).await.refused(404, "not_found");
    service.open_with(Method::POST, &ops("/livez"), &[]).await.refused(405, "method_not_allowed");
    assert_eq!(service.open(&ops("/readyz")).await.ok(200).json()["ready"], true);
    let metrics = service.open(&ops("/metrics")).await.ok(200);
    assert!(String::from_utf8(metrics.body.to_vec()).unwrap().contains("attachlink_links_issued_total 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_opens_uses_up_nothing() {
    let (service, url) = with("log.txt", "text/plain", b"hello").await;
    for n in 0..50 {
        let method = if n % 2 == 0 { Method::GET } else { Method::HEAD };
        service.open_with(method, &url, &[("user-agent", "a mail scanner")]).await.ok(200);
    }
    assert_eq!(service.open(&url).await.ok(200).body, "hello");
}

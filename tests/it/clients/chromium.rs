//! A real Chromium on links: what it saves, what it shows, and that nothing in a file ever runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::world::{World, mebibytes};
use crate::binary::comment_path;
use crate::keeps::{Keeps, with_each_object_store};
use crate::login::browser::Browser;

const PHOTO: &[u8] = include_bytes!("../../../assets/demo/photo.jpg");
const MANUAL: &[u8] = include_bytes!("../../../assets/demo/manual.pdf");
/// What a file would do if it ran: change the title, leave a cookie, call home.
const EVIL: &str = "document.title='it ran';document.cookie='ran=1';fetch('HOME');";

with_each_object_store!(files_are_saved_and_images_are_shown, nothing_in_a_file_runs);

/// Whether it shows a picture of this size in pixels, as the document.
async fn shows_a_picture(browser: &Browser) -> bool {
    let script = serde_json::json!({"script": "return document.images[0]?.naturalWidth ?? 0", "args": []});
    browser.call(Method::POST, "/execute/sync", script).await.as_u64().is_some_and(|width| width > 1)
}

async fn files_are_saved_and_images_are_shown(keeps: Keeps) {
    let world = World::on(keeps).await;
    let browser = Browser::open().await;
    let octets = mebibytes(3, 0);
    for (attachment, name, saved, media_type, octets) in [
        ("a1", "gro%C3%9F%20%231.bin", "groß #1.bin", "application/octet-stream", &octets[..]),
        ("a2", "manual.pdf", "manual.pdf", "application/pdf", MANUAL),
        ("a3", "log.txt", "log.txt", "text/plain", b"hello"),
    ] {
        browser.go(&world.upload(attachment, name, media_type, octets)).await;
        let (name, content) = browser.next_download().await;
        assert_eq!(name, saved);
        assert!(content == octets, "{name}");
    }
    let url = world.upload("a4", "photo.jpg", "image/jpeg", PHOTO);
    browser.go(&url).await;
    assert!(browser.title().await.starts_with("photo.jpg"), "{}", browser.title().await);
    assert!(shows_a_picture(&browser).await);
    assert!(browser.has_nothing(), "it is shown, and not saved");
    browser.go(&format!("{url}?download")).await;
    assert_eq!(browser.next_download().await, ("photo.jpg".to_owned(), PHOTO.to_vec()));

    world.service.delete(&comment_path("c1")).ok(204);
    browser.go(&url).await;
    assert!(!shows_a_picture(&browser).await, "a copy of the browser's own");
    let heading = browser.call(Method::POST, "/element", serde_json::json!({"using": "css selector", "value": "h1"}));
    assert!(heading.await.is_object(), "a page: {}", browser.text().await);
    assert!(browser.has_nothing());
    browser.close().await;
}

/// Files that would run in a browser that took them for what they are, with their claims. The last is an image to its
/// first octets.
fn evil_files(home: &str) -> Vec<(&'static str, &'static str, String)> {
    let evil = EVIL.replace("HOME", home);
    let html = format!("<!doctype html><title>file</title><script>{evil}</script>");
    let namespace = "http://www.w3.org/2000/svg";
    let svg = format!("<svg xmlns='{namespace}'><title>file</title><script>{evil}</script></svg>");
    let xhtml = format!("<html xmlns='http://www.w3.org/1999/xhtml'><body><script>{evil}</script></body></html>");
    vec![
        ("x.html", "text/html", html.clone()),
        ("x.svg", "image/svg+xml", svg.clone()),
        ("x.xhtml", "application/xhtml+xml", xhtml.clone()),
        ("x.xml", "text/xml", xhtml),
        ("x.js", "text/javascript", evil.clone()),
        ("x.png", "image/png", html.clone()),
        ("x.txt", "text/plain", html.clone()),
        ("x.svg.gif", "image/gif", svg),
        ("y.gif", "image/gif", format!("GIF89a/*{html}*/=1;{evil}")),
    ]
}

/// What of it happened.
async fn ran(browser: &Browser) -> bool {
    let cookies = browser.call(Method::GET, "/cookie", Value::Null).await;
    browser.title().await == "it ran" || cookies.as_array().is_some_and(|cookies| !cookies.is_empty())
}

async fn nothing_in_a_file_runs(keeps: Keeps) {
    let world = World::on(keeps).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let home = format!("http://{}/home", careless_server(Arc::clone(&calls), String::new()).await);
    let browser = Browser::open().await;
    for (n, (name, media_type, content)) in evil_files(&home).into_iter().enumerate() {
        let url = world.upload(&format!("a{n}"), name, media_type, content.as_bytes());
        browser.go("about:blank").await;
        browser.go(&url).await;
        if name != "y.gif" {
            assert_eq!(browser.next_download().await, (name.to_owned(), content.into_bytes()), "{media_type}");
        }
        assert!(!ran(&browser).await, "{name} as {media_type}");
        // Nor where a page of ours, the dead link's, has taken the place.
        browser.go(&format!("http://{}/a/nothing", world.service.public)).await;
        assert!(!ran(&browser).await, "{name} as {media_type}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0, "nobody called home");
    // The same page from a server that takes no care: this is what was looked for.
    let html = evil_files(&home).swap_remove(0).2;
    let careless = careless_server(Arc::new(AtomicUsize::new(0)), html).await;
    browser.go(&format!("http://{careless}/")).await;
    browser.reads("").await;
    assert!(ran(&browser).await);
    crate::binary::eventually(std::time::Duration::from_secs(10), "a call home", || {
        (calls.load(Ordering::Relaxed) > 0).then_some(())
    });
    browser.close().await;
}

/// Serves one text as HTML to whoever asks, and counts.
async fn careless_server(calls: Arc<AtomicUsize>, html: String) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (calls, html) = (Arc::clone(&calls), html.clone());
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Chromium opens connections that it may not use.
                if socket.read(&mut request).await.is_ok_and(|octets| octets > 0) {
                    calls.fetch_add(1, Ordering::Relaxed);
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
                    let answer = format!("{head}Content-Length: {}\r\n\r\n{html}", html.len());
                    let _ = socket.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    address
}

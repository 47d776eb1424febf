//! The built binary, driven from outside with the real `curl` through every rule of attachment security and through the
//! email decision.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::binary::{
    Answer, Background, Binary, Place, attachment_path, binary, comment_path, curl, curl_command, eventually, path_of,
};
use crate::harness::PNG;

const SECURITY: &str = "/sites/acme/projects/SUP/attachment-security";

/// A service with one text file in a project that is in `secured_link`.
fn with_a_file(place: &Place) -> Binary {
    let service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"0123456789");
    service
}

fn decided(service: &Binary, comment: &str, message_size: u64) -> Value {
    let ask = json!({"request": "SUP-42", "message_size": message_size, "recipients": ["r-1"]});
    service.post(&format!("{}/notifications", comment_path(comment)), &ask).ok(200).json()
}

fn shown(answer: &Value) -> &Value {
    &answer["emails"][0]["attachments"][0]
}

/// `HEAD`: curl would show the head where a body goes.
#[track_caller]
fn head(url: &str) -> Answer {
    curl(&["-I", "-o", "/dev/null", url])
}

#[track_caller]
fn withdrawn(url: &str) {
    curl(&[url]).refused(410, "link_withdrawn");
    head(url).ok(410);
}

#[test]
fn rule_1_the_mode_decides_where_a_link_leads() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.site();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let portal = decided(&service, "c1", 100);
    assert_eq!((&portal["mode"], &shown(&portal)["access"]), (&json!("portal_login"), &json!("portal_login")));
    assert_eq!(shown(&portal)["url"], "https://help.acme.example/portal/SUP/SUP-42");
    service.mode("secured_link").ok(200);
    let secured = decided(&service, "c1", 100);
    assert_eq!(shown(&secured)["access"], "anyone_with_link");
    assert_eq!(curl(&[shown(&secured)["url"].as_str().unwrap()]).ok(200).body, b"hello");
}

#[test]
fn rule_2_changing_the_mode_kills_every_link_and_toggling_back_revives_none() {
    let place = Place::new();
    let service = with_a_file(&place);
    let (url, _) = service.link("c1", "a1");
    assert_eq!(service.mode("secured_link").ok(200).json()["changed"], false);
    curl(&[&url]).ok(200);
    for (mode, live) in [("portal_login", 1), ("secured_link", 0)] {
        assert_eq!(service.get(SECURITY).ok(200).json()["live_links"], live);
        assert_eq!(service.mode(mode).ok(200).json()["changed"], true);
        withdrawn(&url);
    }
}

#[test]
fn rule_3_secured_links_need_a_plan() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.put("/sites/acme", &json!({"plan": "free"})).ok(200);
    service.mode("secured_link").refused(403, "plan_required");
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let (url, _) = service.link("c1", "a1");
    for plan in ["free", "enterprise"] {
        service.put("/sites/acme", &json!({"plan": plan})).ok(200);
        assert_eq!(service.get(SECURITY).ok(200).json()["mode"], "portal_login");
        withdrawn(&url);
    }
}

#[test]
fn rule_4_keys_do_what_they_are_for_and_no_more() {
    let place = Place::new();
    let service = with_a_file(&place);
    let key = |arguments: &[&str]| place.done(&[&["key", "create"], arguments].concat()).trim().to_owned();
    let notify = key(&["--scope", "notify"]);
    let project = key(&["--scope", "admin", "--site", "acme", "--project", "SUP"]);
    let site = key(&["--scope", "admin", "--site", "acme"]);
    let mode = json!({"mode": "secured_link"});
    service.call_as(&notify, "PUT", SECURITY, Some(&mode)).refused(403, "missing_scope");
    service.call_as(&project, "GET", &attachment_path("c1", "a1"), None).refused(403, "missing_scope");
    let other = SECURITY.replace("SUP", "OTHER");
    service.call_as(&project, "PUT", SECURITY, Some(&mode)).ok(200);
    service.call_as(&project, "PUT", &other, Some(&mode)).refused(404, "project_not_found");
    service.call_as(&project, "GET", "/sites/acme", None).ok(404);
    service.call_as(&site, "PUT", &other, Some(&mode)).ok(200);
    service.call_as(&site, "PUT", "/sites/acme", Some(&json!({"plan": "free"}))).refused(403, "unbound_key_required");
    service.call_as(&site, "GET", "/sites/other", None).refused(404, "site_not_found");
    service.call_as("alk1_wrong", "GET", "/sites/acme", None).refused(401, "unauthorized");
}

#[test]
fn rule_5_the_compliance_switch_hides_attachments_and_leaves_old_links_alone() {
    let place = Place::new();
    let service = with_a_file(&place);
    service.attach("c1", "a2", "x.png", "image/png", PNG);
    let (url, _) = service.link("c1", "a1");
    service.put("/sites/acme", &json!({"plan": "standard", "safe_notifications": true})).ok(200);
    let answer = decided(&service, "c1", 10);
    assert_eq!((&answer["images"], &answer["safe_notifications"]), (&json!("omit"), &json!(true)));
    for shown in answer["emails"][0]["attachments"].as_array().unwrap() {
        assert_eq!((&shown["rendering"], shown.get("url"), shown.get("content_id")), (&json!("omit"), None, None));
    }
    let links = format!("{}/links", attachment_path("c1", "a1"));
    service.post(&links, &json!({"recipients": ["r"]})).refused(409, "secured_links_off");
    curl(&[&url]).ok(200);
    service.put("/sites/acme", &json!({"plan": "standard", "safe_notifications": false})).ok(200);
    curl(&[&url]).ok(200);
    assert_eq!(decided(&service, "c1", 10)["images"], "inline");
}

/// Where Debian and its like put the multi-threaded `libfaketime`.
fn faketime_library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let roots = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    roots.map(|root| root.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

#[test]
fn rule_6_a_link_dies_exactly_28_days_after_its_issue() {
    let library = faketime_library().expect("the tests need libfaketime (Debian: faketime)");
    let place = Place::new();
    let clock = place.path("clock");
    // The calendar's clock stands still until it is set; clocks that measure durations run on.
    let set = |now: &str| {
        let next = place.path("clock.next");
        std::fs::write(&next, now).unwrap();
        std::fs::rename(&next, &clock).unwrap();
    };
    let serve = || {
        let mut command = place.command(binary());
        command.arg("serve").env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("TZ", "UTC");
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        Binary::start(command, &place.data())
    };
    set("2026-11-21 10:00:00");
    let mut service = serve();
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let (url, id) = service.link("c1", "a1");
    let link = service.get(&format!("/sites/acme/links/{id}")).ok(200).json();
    assert_eq!(link["issued_at"], "2026-11-21T10:00:00Z");
    assert_eq!(link["expires_at"], "2026-12-19T10:00:00Z");
    set("2026-12-19 09:59:59");
    assert_eq!(curl(&[&url]).ok(200).body, b"hello");
    set("2026-12-19 10:00:00");
    curl(&[&url]).refused(410, "link_expired");
    curl(&["-H", "If-None-Match: *", "-r", "0-1", &url]).refused(410, "link_expired");

    // A restart does not make it younger.
    service.kill();
    let service = serve();
    let url = format!("http://{}/{}", service.public, path_of(&url));
    curl(&[&url]).refused(410, "link_expired");
    set("2026-12-19 09:59:59");
    curl(&[&url]).ok(200);
}

#[test]
fn rule_7_deleting_a_comment_kills_its_links_and_leaves_a_tombstone() {
    let place = Place::new();
    let service = with_a_file(&place);
    service.attach("c2", "a1", "log.txt", "text/plain", b"other");
    let ((url, _), (other, _)) = (service.link("c1", "a1"), service.link("c2", "a1"));
    for comment in ["c1", "c1", "never-heard-of"] {
        assert_eq!(service.delete(&comment_path(comment)).ok(204).body, b"");
        withdrawn(&url);
        let content = format!("{}/content?filename=x", attachment_path(comment, "a1"));
        service.upload(&content, "text/plain", b"late").refused(409, "comment_deleted");
        let notify = json!({"request": "SUP-42", "message_size": 1});
        service.post(&format!("{}/notifications", comment_path(comment)), &notify).refused(409, "comment_deleted");
    }
    assert_eq!(curl(&[&other]).ok(200).body, b"other");
}

#[test]
fn rule_8_every_deletion_kills_what_is_under_it() {
    let place = Place::new();
    let service = with_a_file(&place);
    let (twin, _) = service.link("c1", "a1");
    for what in ["link", "attachment", "project", "site"] {
        service.acme();
        service.attach("c1", "a1", "log.txt", "text/plain", what.as_bytes());
        let (url, id) = service.link("c1", "a1");
        assert_eq!(curl(&[&url]).ok(200).body, what.as_bytes());
        let path = match what {
            "link" => format!("/sites/acme/links/{id}"),
            "attachment" => attachment_path("c1", "a1"),
            "project" => "/sites/acme/projects/SUP".to_owned(),
            _ => "/sites/acme".to_owned(),
        };
        service.delete(&path).ok(204);
        withdrawn(&url);
        // A link dies alone; everything else takes the links under it along.
        assert_eq!(curl(&[&twin]).status, if what == "link" { 200 } else { 410 }, "{what}");
    }
}

#[test]
fn rule_9_links_cannot_be_guessed_and_tell_nothing() {
    let place = Place::new();
    let service = with_a_file(&place);
    let (url, _) = service.link("c1", "a1");
    let (token, name) = path_of(&url).strip_prefix("a/").unwrap().split_once('/').unwrap();
    assert_eq!((token.len(), &token[..4], name), (52, "al1_", "log.txt"));
    let (body, host) = (&token[4..], format!("http://{}", service.public));
    let other = if body.ends_with('A') { 'B' } else { 'A' };
    let nothing = curl(&[&format!("{host}/a/nothing")]);
    nothing.refused(404, "not_found");
    for forged in [format!("al1_{}{other}", &body[..47]), token[..51].to_owned(), token.to_lowercase()] {
        let refused = curl(&[&format!("{host}/a/{forged}/log.txt")]);
        assert_eq!((refused.status, &refused.body), (404, &nothing.body), "{forged}");
    }
    // The database opens nothing: it holds the link's id (16 octets), and of its secret (20 octets) only a hash.
    let octets = URL_SAFE_NO_PAD.decode(body).unwrap();
    let (id, secret) = octets.split_at(16);
    let mut database = Vec::new();
    for name in ["attachlink.db", "attachlink.db-wal"] {
        database.extend(std::fs::read(place.data().join(name)).unwrap_or_default());
    }
    let holds = |part: &[u8]| database.windows(part.len()).any(|window| window == part);
    assert!(holds(id) && !holds(secret) && !holds(&body.as_bytes()[22..]));
}

#[test]
fn rule_10_a_running_download_is_cut_within_a_second() {
    let place = Place::new();
    let service = with_a_file(&place);
    let large = vec![7; 32 * 1024 * 1024];
    service.attach("c1", "big", "big.bin", "application/octet-stream", &large);
    let (url, _) = service.link("c1", "big");
    let saved = place.path("saved");
    // So slow that it would run for eight seconds.
    let mut slow = curl_command();
    slow.args(["--limit-rate", "4M", "-o"]).arg(&saved).arg(&url).stderr(Stdio::null());
    let mut running = Background::start(&mut slow);
    let size = || std::fs::metadata(&saved).map_or(0, |metadata| metadata.len());
    eventually(Duration::from_secs(20), "the download begins", || (size() > 0).then_some(()));
    service.delete(&comment_path("c1")).ok(204);
    withdrawn(&url);
    let metrics = || String::from_utf8(curl(&[&format!("http://{}/metrics", service.ops)]).body).unwrap();
    eventually(Duration::from_secs(1), "the cut", || {
        metrics().contains("attachlink_downloads_cut_total{reason=\"revoked\"} 1").then_some(())
    });
    // curl reads what its kernel holds at its own slow pace, then sees the reset.
    let status = running.wait();
    assert!(!status.success(), "never a clean short end");
    assert!(size() < large.len() as u64, "{}", size());
}

/// Runs `curl` in a directory of its own, for what it writes there.
fn curl_in(folder: &PathBuf, arguments: &[&str]) -> Output {
    std::fs::create_dir_all(folder).unwrap();
    let output = curl_command().current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn downloads_are_resumable_and_exact() {
    let place = Place::new();
    let service = with_a_file(&place);
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    service.attach("c1", "big", "big.bin", "application/octet-stream", &bytes);
    let (url, _) = service.link("c1", "big");
    let folder = place.path("downloads");
    curl_in(&folder, &["-r", "0-1234567", "-o", "part", &url]);
    assert_eq!(std::fs::read(folder.join("part")).unwrap(), bytes[..=1_234_567]);
    curl_in(&folder, &["-C", "-", "-o", "part", &url]);
    assert!(std::fs::read(folder.join("part")).unwrap() == bytes, "resumed");

    let head = head(&url).ok(200);
    assert_eq!(head.header("content-length"), "12000000");
    for (range, expected) in
        [("0-3", &bytes[..4]), ("-4", &bytes[bytes.len() - 4..]), ("11999998-", &bytes[bytes.len() - 2..])]
    {
        assert_eq!(curl(&["-r", range, &url]).ok(206).body, expected, "{range}");
    }
    let refused = curl(&["-r", "12000000-", &url]);
    refused.refused(416, "range_not_satisfiable");
    assert_eq!(refused.header("content-range"), "bytes */12000000");
    let again = format!("If-None-Match: {}", head.header("etag"));
    assert_eq!(curl(&["-H", &again, &url]).ok(304).body, b"");
    // Nothing is compressed on its way: ranges and lengths are those of the file.
    let plain = curl(&["--compressed", &url]).ok(200);
    assert_eq!((plain.header("content-encoding"), plain.header("content-length")), ("", "12000000"));
    assert!(plain.body == bytes, "--compressed");
}

#[test]
fn files_keep_their_names_in_any_script() {
    let place = Place::new();
    let service = with_a_file(&place);
    let folder = place.path("downloads");
    for (n, (given, in_url, saved)) in [
        ("report%20(1).pdf", "report%20%281%29.pdf", "report (1).pdf"),
        ("%D0%BE%D1%82%D1%87%D1%91%D1%82%20%22%C3%BC%22.txt", "%D0%BE%D1%82%D1%87%D1%91%D1%82%20%22%C3%BC%22.txt", ""),
        ("a%2Fb%2F..%2Fc.txt", "a_b_.._c.txt", "a_b_.._c.txt"),
    ]
    .into_iter()
    .enumerate()
    {
        let attachment = format!("n{n}");
        service.attach("c1", &attachment, given, "application/octet-stream", given.as_bytes());
        let (url, _) = service.link("c1", &attachment);
        assert!(url.is_ascii() && path_of(&url).ends_with(&format!("/{in_url}")), "{url}");
        let disposition = head(&url).ok(200).header("content-disposition").to_owned();
        assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
        assert!(disposition.ends_with(&format!("filename*=UTF-8''{in_url}")), "{disposition}");
        // curl knows the plain name only; what it makes of one that is not ASCII is its own affair.
        if !saved.is_empty() {
            curl_in(&folder, &["-OJ", &url]);
            assert_eq!(std::fs::read(folder.join(saved)).unwrap(), given.as_bytes());
        }
    }
}

#[test]
fn people_get_a_page_that_names_the_portal() {
    let place = Place::new();
    let service = with_a_file(&place);
    let url = shown(&decided(&service, "c1", 1))["url"].as_str().unwrap().to_owned();
    service.delete(&comment_path("c1")).ok(204);
    withdrawn(&url);
    let page = curl(&["-H", "Accept: text/html,*/*;q=0.8", &url]).ok(410);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.contains("https://help.acme.example/portal/SUP/SUP-42"), "{text}");
}

#[test]
fn the_email_decision_turns_at_the_limit() {
    let place = Place::new();
    let service = with_a_file(&place);
    service.attach("c2", "i1", "x.png", "image/png", PNG);
    service.attach("c2", "i2", "y.bin", "application/octet-stream", PNG);
    let limit = 6_291_456;
    let images = decided(&service, "c2", 0)["size"]["images"].as_u64().unwrap();
    for (total, expected) in [(limit - 1, "inline"), (limit, "link"), (limit + 1, "link"), ((1 << 53) - 1, "link")] {
        let answer = decided(&service, "c2", total - images);
        assert_eq!((&answer["images"], &answer["size"]["total"]), (&json!(expected), &json!(total)));
        let all = answer["emails"][0]["attachments"].as_array().unwrap();
        assert!(all.len() == 2 && all.iter().all(|shown| shown["rendering"] == expected), "{answer}");
    }
    let files = decided(&service, "c1", limit - 1);
    assert_eq!((&files["images"], &shown(&files)["rendering"]), (&json!("none"), &json!("link")));
    service.mode("portal_login").ok(200);
    assert_eq!(decided(&service, "c2", 0)["images"], "inline", "an inline image shows in either mode");
    assert_eq!(shown(&decided(&service, "c2", limit))["access"], "portal_login");
    let wrong = json!({"request": "SUP-42", "message_size": 1_u64 << 53});
    service.post(&format!("{}/notifications", comment_path("c2")), &wrong).refused(422, "invalid_request");
}

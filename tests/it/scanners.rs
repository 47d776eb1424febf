//! Mail scanners and previews: whatever opens links, and however often, changes nothing; and it is told from people, as
//! far as it can be.

use http::Method;
use serde_json::Value;
use sqlx::Row as _;
use time::Duration;

use crate::binary::{Place, Signal, curl};
use crate::fault_server::Mood;
use crate::harness::{Service, comment_path};
use crate::keeps::{Keeps, with_each_database};
use crate::s3::failing_store;

with_each_database!(whatever_is_opened_and_however_often_nothing_changes);

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const SCANNER: &str = "Mozilla/5.0 (compatible; BarracudaCentral/1.0; +http://www.barracudacentral.org)";
const PREVIEW: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";

/// As often everything is opened, with each method.
const ROUNDS: usize = 150;

/// All rows of all tables, as text.
async fn rows(service: &Service) -> Vec<String> {
    if let Some(database) = &service.database {
        let mut server = database.admin().await;
        let names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        let names = sqlx::query(names).fetch_all(&mut server).await.unwrap();
        let mut rows = Vec::new();
        for name in names.iter().map(|row| row.get::<String, _>(0)) {
            let all = format!("SELECT t::text FROM \"{name}\" AS t ORDER BY 1");
            let all = sqlx::query(sqlx::AssertSqlSafe(all)).fetch_all(&mut server).await.unwrap();
            rows.extend(all.iter().map(|row| format!("{name} {}", row.get::<String, _>(0))));
        }
        return rows;
    }
    let file = service.dir.path().join("data/attachlink.db");
    let dump = std::process::Command::new("sqlite3").arg("-readonly").arg(file).arg(".dump").output().unwrap();
    assert!(dump.status.success(), "{dump:?}");
    String::from_utf8(dump.stdout).unwrap().lines().map(str::to_owned).collect()
}

async fn whatever_is_opened_and_however_often_nothing_changes(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "what the log says").await;
    service.attach("c2", "a1", "log.txt", "text/plain", "what the log said").await;
    let (expired, _) = service.link("c1", "a1").await;
    service.clock.advance(Duration::days(28));
    let (live, id) = service.link("c1", "a1").await;
    let (withdrawn, _) = service.link("c2", "a1").await;
    service.delete(&comment_path("c2")).await.ok(204);
    let nothing = format!("{}/a/al1_nothing", service.running.public_url);
    let portal = format!("{}/p/acme/SUP/c1/a1", service.running.public_url);
    let before = rows(&service).await;
    assert!(before.len() > 20, "{before:?}");
    let shown = service.get(&format!("/sites/acme/links/{id}")).await.ok(200).json();

    for round in 0..ROUNDS {
        let agent = [CHROME, SCANNER, PREVIEW, "curl/8.5.0", "x"][round % 5];
        let headers = [("user-agent", agent), ("accept", ["*/*", "text/html"][round % 2])];
        for (url, status) in [(&live, 200), (&expired, 410), (&withdrawn, 410), (&nothing, 404), (&portal, 404)] {
            for method in [Method::GET, Method::HEAD] {
                service.open_with(method, url, &headers).await.ok(status);
            }
        }
    }
    assert_eq!(rows(&service).await, before);
    assert_eq!(service.get(&format!("/sites/acme/links/{id}")).await.ok(200).json(), shown);
    assert_eq!(service.open(&live).await.ok(200).body, "what the log says");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_asks_the_store_for_nothing() {
    let place = failing_store::Place::start(&[]).await;
    let url = place.link("a1", &failing_store::sample(400_000)).await;
    let get = place.begin(&url, None).await.headers().clone();
    let gets = place.server.gets();
    // Whatever asked it for anything would be refused now.
    place.server.mood(Mood::Away);
    for _ in 0..200 {
        let head = place.service.open_with(Method::HEAD, &url, &[]).await.ok(200);
        let without_date = |headers: &http::HeaderMap| {
            let mut headers = headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(without_date(&head.headers), without_date(&get));
        assert!(head.body.is_empty());
    }
    assert_eq!(place.server.gets(), gets);
    place.service.open(&url).await.refused(503, "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guess_is_counted() {
    let service = Service::start_with(&[("ATTACHLINK_PUBLIC_URL", "https://files.acme.example")], |query| query).await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "what the log says").await;
    let url = service.here(&service.link("c1", "a1").await.0);
    let navigation = ("sec-fetch-mode", "navigate");
    for (headers, status) in [
        (vec![("user-agent", CHROME), navigation], 200),
        // It says that it is a browser, and does not behave as one.
        (vec![("user-agent", CHROME)], 200),
        (vec![("user-agent", SCANNER)], 200),
        (vec![("user-agent", PREVIEW), ("if-match", "\"another\"")], 412),
        (vec![("user-agent", CHROME), navigation, ("sec-purpose", "prefetch")], 200),
        (vec![], 200),
    ] {
        service.open_with(Method::GET, &url, &headers).await.ok(status);
    }
    service.open(&format!("http://{}/robots.txt", service.public())).await.ok(200);
    for (client, result, expected) in [
        ("browser", "answered", 1.0),
        ("scanner", "answered", 2.0),
        ("preview", "answered", 1.0),
        ("preview", "refused", 1.0),
        ("program", "answered", 1.0),
        ("program", "refused", 0.0),
    ] {
        let series = format!("attachlink_file_requests_total{{probable_client=\"{client}\",result=\"{result}\"}}");
        assert!((service.metric(&series).await - expected).abs() < f64::EPSILON, "{series}");
    }
}

#[test]
fn the_audit_has_the_guess_and_not_what_it_was_made_from() {
    let place = Place::new();
    let mut service = place.serve(&[("ATTACHLINK_LOG_FORMAT", "json"), ("ATTACHLINK_LOG", "trace")]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"what the log says");
    let (url, _) = service.link("c1", "a1");
    curl(&["-A", SCANNER, &url]).ok(200);
    curl(&["-A", "curl/plantedinagent", &url]).ok(200);
    service.delete("/sites/acme/projects/SUP/comments/c1").ok(204);
    curl(&["-A", CHROME, "-H", "Purpose: plantedinpurpose", &url]).ok(410);
    curl(&["-A", CHROME, &url]).ok(410);
    service.signal(Signal::TERM);
    service.wait();
    let log = service.log();
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events = events.filter(|line| line["target"] == "attachlink::audit").filter_map(|line| {
        let (event, client) = (line["event"].as_str()?, line["probable_client"].as_str()?);
        Some(format!("{event} {client}"))
    });
    let seen: Vec<String> = events.collect();
    assert_eq!(seen, ["downloaded scanner", "downloaded program", "refused preview", "refused browser"]);
    for planted in ["Barracuda", "plantedinagent", "plantedinpurpose", "AppleWebKit"] {
        assert!(!log.contains(planted), "{planted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crawlers_are_sent_away() {
    let service = Service::start().await;
    let url = format!("http://{}/robots.txt", service.public());
    let robots = service.open(&url).await.ok(200);
    assert_eq!(robots.body, "User-agent: *\nDisallow: /\n");
    assert_eq!(robots.header("content-type"), "text/plain; charset=utf-8");
    let head = service.open_with(Method::HEAD, &url, &[]).await.ok(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("26", 0));
}

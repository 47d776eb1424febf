//! Revocations survive a restore of the database: it is found out, and nothing is served or issued until `recover`.

use std::path::Path;
use std::time::Duration;

use attachlink::clock::SettableClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authzen;
use crate::binary::{self, Place, Signal, curl, eventually};
use crate::harness::{Reply, START, Service, comment_path};

const KEPT_WITHIN: Duration = Duration::from_secs(5);

/// Copies the database as a backup does, while the service runs.
async fn back_up(service: &Service) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    service.running.app().store.backup(&to.path().join("copy.db")).await.unwrap();
    to
}

/// Stops the service, puts the copy in the database's place, and starts it again.
async fn restore(service: Service, copy: &TempDir) -> Service {
    let Service { running, dir, .. } = service;
    running.shutdown().await;
    let database = dir.path().join("data/attachlink.db");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("data/attachlink.db{suffix}")));
    }
    std::fs::copy(copy.path().join("copy.db"), database).unwrap();
    Service::start_in(dir, SettableClock::at(START), &[], |query| query).await
}

async fn restart(service: Service) -> Service {
    let Service { running, dir, .. } = service;
    running.shutdown().await;
    Service::start_in(dir, SettableClock::at(START), &[], |query| query).await
}

/// Waits until the newest revocation is in the object store, and the ones before it are removed.
async fn kept(service: &Service) {
    let app = service.running.app();
    let newest: Vec<_> = app.store.newest_mark().await.unwrap().into_iter().collect();
    for _ in 0..100 {
        if app.objects.marks().await.unwrap() == newest {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the newest revocation is not in the object store after two seconds");
}

fn recover(dir: &Path) -> String {
    recover_with_log(dir).0
}

/// What the command says, and what it logs.
fn recover_with_log(dir: &Path) -> (String, String) {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_attachlink"))
        .args(["recover", "--data-dir"])
        .arg(dir.join("data"))
        .env_remove("ATTACHLINK_LOG")
        .output()
        .unwrap();
    let [said, logged] = [done.stdout, done.stderr].map(|octets| String::from_utf8(octets).unwrap());
    assert!(done.status.success(), "{logged}");
    (said, logged)
}

/// Redeems a sign-up token of the address that all of them are for.
async fn redeem(service: &Service, token: &Value) -> Reply {
    let body = json!({"token": token, "email": "ana@customer.example"});
    service.post("/sites/acme/sign-up-tokens/redemptions", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_token_is_redeemed_once_also_across_a_restore() {
    let service = Service::start().await;
    service.acme().await;
    let made =
        service.post("/sites/acme/sign-up-tokens", json!({"email": "ana@customer.example"})).await.ok(201).json();
    let copy = back_up(&service).await;
    redeem(&service, &made["token"]).await.ok(200);
    kept(&service).await;
    let service = restore(service, &copy).await;
    redeem(&service, &made["token"]).await.refused(503, "recovery_required");
    assert!(recover(service.dir.path()).contains("sign-up token"));
    let service = restart(service).await;
    redeem(&service, &made["token"]).await.refused(404, "sign_up_token_not_found");
}

/// A service with one live and one revoked link, whose database is a backup from before the revocation.
async fn restored() -> (Service, String, String) {
    let service = Service::start().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    service.attach("c2", "a1", "x.txt", "text/plain", "x").await;
    let (live, _) = service.link("c1", "a1").await;
    let (dead, _) = service.link("c2", "a1").await;
    let copy = back_up(&service).await;
    service.delete(&comment_path("c2")).await.ok(204);
    kept(&service).await;
    let service = restore(service, &copy).await;
    let here = |url: &str| format!("http://{}/{}", service.public(), url.splitn(4, '/').nth(3).unwrap());
    let (live, dead) = (here(&live), here(&dead));
    (service, live, dead)
}

async fn serves_and_issues_nothing(service: &Service, live: &str, dead: &str) {
    service.open(live).await.refused(503, "unavailable");
    service.open(dead).await.refused(503, "unavailable");
    let links = format!("{}/attachments/a1/links", comment_path("c1"));
    service.post(&links, json!({"recipients": ["r"]})).await.refused(503, "recovery_required");
    let notifications = format!("{}/notifications", comment_path("c1"));
    service.post(&notifications, json!({"request": "R", "message_size": 1})).await.refused(503, "recovery_required");
    let asked = json!({"subject": {"type": "agent", "id": "7"}, "action": {"name": "view_portal"},
        "resource": {"type": "portal", "id": "acme/SUP"}});
    authzen::post(service, "/access/v1/evaluation", &asked).await.refused(503, "recovery_required");
    let ready = service.open(&format!("http://{}/readyz", service.running.ops_addr)).await.ok(503);
    assert!(ready.json()["database"].as_str().unwrap().contains("attachlink recover"), "{:?}", ready.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_serves_and_issues_nothing_across_restarts_until_recovered() {
    let (service, live, dead) = restored().await;
    serves_and_issues_nothing(&service, &live, &dead).await;
    let dir = service.dir.path().to_owned();
    let before = (live.clone(), dead.clone());
    let service = restart(service).await;
    let here = |url: &str| format!("http://{}/{}", service.public(), url.splitn(4, '/').nth(3).unwrap());
    let (live, dead) = (here(&before.0), here(&before.1));
    serves_and_issues_nothing(&service, &live, &dead).await;

    let (said, logged) = recover_with_log(&dir);
    assert!(said.contains("is dead, in 1 project, and") && said.contains("delete the comments"), "{said}");
    assert!(!logged.contains("ERROR") && !logged.contains("attachlink recover"), "{logged}");
    let audited = "attachlink::audit: event=\"revoked\" reason=\"recovery\" projects=1\n";
    assert_eq!(logged.matches("event=").count(), 1, "{logged}");
    assert!(logged.ends_with(audited), "{logged}");
    attachlink::history::compare(&service.running.app().store, &service.running.app().objects).await.unwrap();
    service.open(&live).await.refused(410, "link_withdrawn");
    service.open(&dead).await.refused(410, "link_withdrawn");
    let (fresh, _) = service.link("c1", "a1").await;
    service.open(&fresh).await.ok(200);
    let (said, logged) = recover_with_log(&dir);
    assert!(said.contains("nothing to recover"), "{said}");
    assert!(!logged.contains("event="), "{logged}");
    service.open(&fresh).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_found_out_also_when_revocations_go_on_after_the_restore() {
    let (service, live, dead) = restored().await;
    // They are answered, for they only take away; but they hide nothing of the history that was lost.
    for _ in 0..5 {
        service.delete(&comment_path("c9")).await.ok(204);
    }
    let app = service.running.app();
    let in_store = app.objects.marks().await.unwrap().into_iter().max().unwrap();
    assert!(app.store.newest_mark().await.unwrap().unwrap().number > in_store.number);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(app.objects.marks().await.unwrap().into_iter().max().unwrap(), in_store, "the lost mark stays");
    let before = (live, dead);
    let service = restart(service).await;
    let here = |url: &str| format!("http://{}/{}", service.public(), url.splitn(4, '/').nth(3).unwrap());
    serves_and_issues_nothing(&service, &here(&before.0), &here(&before.1)).await;
    recover(service.dir.path());
    let service = restart(service).await;
    let (fresh, _) = service.link("c1", "a1").await;
    service.open(&fresh).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_a_restore_changes_nothing() {
    let service = Service::start().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let (url, _) = service.link("c1", "a1").await;
    kept(&service).await;
    service.delete(&comment_path("c2")).await.ok(204);
    kept(&service).await;
    let service = restart(service).await;
    let url = format!("http://{}/{}", service.public(), url.splitn(4, '/').nth(3).unwrap());
    service.open(&url).await.ok(200);
}

/// The mark that a directory of objects has.
fn marks(place: &Place) -> Vec<String> {
    let folder = std::fs::read_dir(place.data().join("objects/attachlink-history")).unwrap();
    folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Whoever restores a database stops the service first.
#[test]
fn what_is_revoked_last_is_in_the_store_before_the_service_has_ended() {
    for on_the_command_line in [false, true] {
        let place = Place::new();
        let mut service = place.serve(&[]);
        service.acme();
        service.attach("c1", "a1", "x.txt", "text/plain", b"x");
        let path = binary::path_of(&service.link("c1", "a1").0).to_owned();
        eventually(KEPT_WITHIN, "a mark", || (!marks(&place).is_empty()).then_some(()));
        let copy = place.path("copy.db");
        place.done(&["backup", copy.to_str().unwrap()]);
        let before = marks(&place);
        if !on_the_command_line {
            service.delete(&comment_path("c1")).ok(204);
        }
        service.signal(Signal::TERM);
        assert_eq!(service.wait().code(), Some(0));
        if on_the_command_line {
            place.done(&["revoke", "--site", "acme"]);
        }
        assert_ne!(marks(&place), before);

        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(place.data().join(format!("attachlink.db{suffix}")));
        }
        std::fs::copy(&copy, place.data().join("attachlink.db")).unwrap();
        let service = place.serve(&[]);
        curl(&[&format!("http://{}/{path}", service.public)]).refused(503, "unavailable");
    }
}

/// The links are dead all the same.
#[test]
fn a_command_that_revokes_says_where_the_store_could_not_be_told() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.acme();
    service.signal(Signal::TERM);
    service.wait();
    let mut command = place.command(binary::binary());
    command.args(["revoke", "--site", "acme"]).env("ATTACHLINK_OBJECTS", "file:/nonexistent");
    let revoked = command.output().unwrap();
    assert!(revoked.status.success(), "{revoked:?}");
    let said = String::from_utf8(revoked.stderr).unwrap();
    assert!(said.contains("the object store could not be told"), "{said}");
}

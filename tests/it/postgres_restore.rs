//! A PostgreSQL database that is dumped and restored by the server's own tools, while revocations go on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use attachlink::clock::SettableClock;
use serde_json::json;
use sqlx::PgConnection;

use crate::harness::{START, Service, comment_path};
use crate::postgres_server::{Cluster, Database, programs};
use crate::postgres_service::service_on;

/// Within this running services go on after `recover`, and a database restored under living connections is found out.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// Within this every replica knows the newest revocation.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);
const LAG: &str = "attachlink_history_lag_seconds";

/// How the operator puts the dump back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The database is dropped and made anew, and `pg_restore` fills it.
    Recreated,
    /// As before, from a dump in plain text that `psql` reads.
    PlainText,
    /// `pg_restore --clean` replaces the tables in the living database: no connection ends.
    InPlace,
}

fn tool(name: &str, arguments: &[&str]) {
    let mut tool = Command::new(programs().join(name));
    tool.args(["-h", "127.0.0.1", "-p", &Cluster::shared().port().to_string(), "-U", "attachlink"]);
    let done = tool.args(arguments).env("PGSSLMODE", "disable").output().expect("the tool runs");
    assert!(done.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn dump(way: Way, database: &Database, to: &Path) -> PathBuf {
    let file = to.join("dump");
    let format = if way == Way::PlainText { "--format=plain" } else { "--format=custom" };
    tool("pg_dump", &[format, "--file", file.to_str().unwrap(), &database.name]);
    file
}

async fn put_back(way: Way, database: &Database, dump: &Path) {
    let (name, dump) = (&*database.name, dump.to_str().unwrap());
    if way != Way::InPlace {
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        Cluster::shared().say(&[&drop, &format!("CREATE DATABASE {name} OWNER attachlink")]).await;
    }
    let arguments = match way {
        Way::Recreated => vec!["--dbname", name, dump],
        Way::PlainText => vec!["--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file", dump, name],
        Way::InPlace => vec!["--clean", "--if-exists", "--single-transaction", "--dbname", name, dump],
    };
    let name = if way == Way::PlainText { "psql" } else { "pg_restore" };
    tokio::task::block_in_place(|| tool(name, &arguments));
}

fn recover(service: &Service, database: &Database) -> String {
    let objects = format!("file:{}", service.dir.path().join("data/objects").display());
    let done = Command::new(env!("CARGO_BIN_EXE_attachlink"))
        .arg("recover")
        .env("ATTACHLINK_DATABASE_URL", database.url())
        .env("ATTACHLINK_OBJECTS", objects)
        .env("ATTACHLINK_DATABASE_STATEMENT_TIMEOUT_MS", "200")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

async fn generations(admin: &mut PgConnection) -> Vec<(String, i64)> {
    sqlx::query_as("SELECT project, generation FROM projects ORDER BY project").fetch_all(admin).await.unwrap()
}

/// Waits until each replica knows the newest revocation, and the store does.
async fn kept(replicas: &[Service; 2]) {
    let app = replicas[0].running.app();
    let newest: Vec<_> = app.store.newest_mark().await.unwrap().into_iter().collect();
    let begun = Instant::now();
    while app.objects.marks().await.unwrap() != newest {
        assert!(begun.elapsed() < NOTICED_WITHIN, "the newest revocation is not in the object store");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nothing shows that the other replica knows it too: it looks every 250 ms, on a busy machine later.
    tokio::time::sleep(KNOWN_WITHIN).await;
    for replica in replicas {
        shows_lag(replica, |lag| lag < f64::EPSILON).await;
    }
}

/// Waits for it: a replica looks every 250 ms, and later when it is slow or has to connect again.
async fn shows_lag(replica: &Service, expected: impl Fn(f64) -> bool) {
    let begun = Instant::now();
    loop {
        let lag = replica.metric(LAG).await;
        if expected(lag) {
            return;
        }
        assert!(begun.elapsed() < NOTICED_WITHIN, "the lag of the history is not as expected: {lag} s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn restart(replica: Service, url: &str, objects: &str) -> Service {
    let Service { running, dir, .. } = replica;
    running.shutdown().await;
    let settings = [("ATTACHLINK_DATABASE_URL", url), ("ATTACHLINK_OBJECTS", objects)];
    Service::start_in(dir, SettableClock::at(START), &settings, |query| query).await
}

async fn serves_and_issues_nothing(replicas: &[Service; 2], urls: &[&str]) {
    for replica in replicas {
        for url in urls {
            replica.open(&replica.here(url)).await.refused(503, "unavailable");
        }
        let links = format!("{}/attachments/a1/links", comment_path("c1"));
        replica.post(&links, json!({"recipients": ["r"]})).await.refused(503, "recovery_required");
        let ask = json!({"request": "R", "message_size": 1});
        let notifications = format!("{}/notifications", comment_path("c1"));
        replica.post(&notifications, ask).await.refused(503, "recovery_required");
        let (status, reason) = replica.readiness().await;
        assert!(status == 503 && reason.contains("attachlink recover"), "{status} {reason}");
    }
}

async fn is_ready(replica: &Service, ready: bool) {
    let begun = Instant::now();
    while (replica.readiness().await.0 == 200) != ready {
        assert!(begun.elapsed() < NOTICED_WITHIN, "it does not become ready: {ready}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn nothing_opens_until_recovered(way: Way, restarted: bool) {
    let database = Database::fresh().await;
    let (url, dumps) = (database.url(), tempfile::tempdir().unwrap());
    let one = service_on(&url, &[]).await;
    let two = one.replica(&url).await;
    let objects = format!("file:{}", one.dir.path().join("data/objects").display());
    one.acme().await;
    one.mode("acme", "DEV", "secured_link").await.ok(200);
    for comment in ["c1", "c2", "c3"] {
        one.attach(comment, "a1", "x.txt", "text/plain", "x").await;
    }
    let (live, _) = one.link("c1", "a1").await;
    let (deleted, _) = two.link("c2", "a1").await;
    let (revoked, link_id) = one.link("c3", "a1").await;
    let urls = [&*live, &deleted, &revoked];
    let dump = dump(way, &database, dumps.path());
    one.delete(&comment_path("c2")).await.ok(204);
    two.delete(&format!("/sites/acme/links/{link_id}")).await.ok(204);
    let mut replicas = [one, two];
    kept(&replicas).await;
    let lost = replicas[0].running.app().objects.marks().await.unwrap();

    put_back(way, &database, &dump).await;
    let mut admin = database.admin().await;
    let before = generations(&mut admin).await;
    if restarted {
        let [one, two] = replicas;
        replicas = [restart(one, &url, &objects).await, restart(two, &url, &objects).await];
    }
    if way == Way::InPlace {
        for replica in &replicas {
            is_ready(replica, false).await;
        }
    }
    serves_and_issues_nothing(&replicas, &urls).await;
    // Revocations go on, for they only take away, and hide nothing of the history that was lost.
    for (number, replica) in replicas.iter().cycle().take(8).enumerate() {
        replica.delete(&comment_path(&format!("late-{number}"))).await.ok(204);
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    serves_and_issues_nothing(&replicas, &urls).await;
    for replica in &replicas {
        // What the store does not know is shown.
        shows_lag(replica, |lag| lag > 0.3).await;
        assert_eq!(replica.running.app().objects.marks().await.unwrap(), lost);
    }
    assert_eq!(generations(&mut admin).await, before);

    // It takes as long as it takes: here longer than a statement of a call may.
    let mut holder = database.admin().await;
    sqlx::raw_sql("BEGIN; SELECT project FROM projects FOR UPDATE").execute(&mut holder).await.unwrap();
    let released = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    });
    let said = tokio::task::block_in_place(|| recover(&replicas[0], &database));
    released.await.unwrap();
    for redo in
        ["in 2 projects", "delete the comments", "revoke the API keys", "set the modes", "have to be sent again"]
    {
        assert!(said.contains(redo), "{redo} is missing in {said}");
    }
    let after = generations(&mut admin).await;
    assert!(before.len() == 2 && before.iter().zip(&after).all(|(old, new)| old.0 == new.0 && old.1 != new.1));
    for replica in &replicas {
        is_ready(replica, true).await;
        for url in urls {
            replica.open(&replica.here(url)).await.refused(410, "link_withdrawn");
        }
    }
    let (fresh, _) = replicas[0].link("c1", "a1").await;
    replicas[1].open(&replicas[1].here(&fresh)).await.ok(200);
    kept(&replicas).await;
    assert!(tokio::task::block_in_place(|| recover(&replicas[0], &database)).contains("nothing to recover"));
    replicas[1].open(&replicas[1].here(&fresh)).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_put_back_before_a_restart_opens_nothing_until_recovered() {
    nothing_opens_until_recovered(Way::Recreated, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_put_back_under_running_replicas_opens_nothing_until_recovered() {
    nothing_opens_until_recovered(Way::Recreated, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_in_plain_text_put_back_under_running_replicas_opens_nothing_until_recovered() {
    nothing_opens_until_recovered(Way::PlainText, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_replaced_under_living_connections_are_found_out() {
    nothing_opens_until_recovered(Way::InPlace, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_lacks_no_revocation_is_served() {
    let database = Database::fresh().await;
    let (url, dumps) = (database.url(), tempfile::tempdir().unwrap());
    let one = service_on(&url, &[]).await;
    let two = one.replica(&url).await;
    one.acme().await;
    one.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let (live, _) = one.link("c1", "a1").await;
    one.delete(&comment_path("c2")).await.ok(204);
    let replicas = [one, two];
    kept(&replicas).await;
    let dump = dump(Way::Recreated, &database, dumps.path());
    put_back(Way::Recreated, &database, &dump).await;
    for replica in &replicas {
        is_ready(replica, true).await;
        replica.open(&replica.here(&live)).await.ok(200);
    }
}

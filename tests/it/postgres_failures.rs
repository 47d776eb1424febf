//! The database fails in each of its ways while the service runs: refused, with a reason and counts, and used again by
//! itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::harness::{Service, comment_path};
use crate::postgres_server::{Cluster, Database};
use crate::postgres_service::service_on;

/// How long recovery may take once the cause is gone.
const RECOVERY: Duration = Duration::from_secs(10);
const REFUSED: &str = "attachlink_refusals_total{code=\"unavailable\"}";
const FAILED: &str = "attachlink_liveness_failures_total";

fn own_cluster() -> &'static Cluster {
    Box::leak(Box::new(Cluster::own(&[])))
}

/// Downloads and revocations are refused, `/readyz` says why, and it is counted.
async fn is_refused(service: &Service, url: &str, why: &str) {
    let (failed, refused) = (service.metric(FAILED).await, service.metric(REFUSED).await);
    service.open(url).await.refused(503, "unavailable");
    service.delete(&comment_path("other")).await.refused(503, "unavailable");
    let (status, reason) = service.readiness().await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && reason.contains(why), "{status} {reason}");
    assert!(service.metric(FAILED).await > failed && service.metric(REFUSED).await >= refused + 2.0, "{why}");
}

/// Downloads, revocations and readiness are back.
async fn recovers(service: &Service, url: &str) {
    let begun = Instant::now();
    while service.open(url).await.status != StatusCode::OK {
        assert!(begun.elapsed() < RECOVERY, "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.delete(&comment_path("other")).await.ok(204);
    assert_eq!(service.readiness().await, (StatusCode::OK, "ok".to_owned()));
}

async fn with_a_link(database_url: &str, more: &[(&str, &str)]) -> (Service, String) {
    let service = service_on(database_url, more).await;
    service.acme().await;
    service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a1").await;
    service.open(&url).await.ok(200);
    (service, url)
}

/// A database of somebody who is no superuser, and where it is.
async fn of_strict(cluster: &'static Cluster) -> (Database, String) {
    let database = cluster.database().await;
    let name = &*database.name;
    cluster.say(&[&format!("ALTER DATABASE {name} OWNER TO strict")]).await;
    let url = format!("postgres://strict:throw-away@127.0.0.1:{}/{name}?sslmode=disable", cluster.port());
    (database, url)
}

/// More calls at once than there are connections, of a server that takes no further one.
#[tokio::test(flavor = "multi_thread")]
async fn where_no_further_connection_can_be_had_those_that_there_are_do() {
    let cluster = own_cluster();
    let (database, url) = of_strict(cluster).await;
    let (service, link) = with_a_link(&url, &[]).await;
    cluster.say(&[&format!("ALTER DATABASE {} CONNECTION LIMIT 0", database.name)]).await;
    let paths: Vec<String> = (0..64).map(|number| comment_path(&format!("many{number}"))).collect();
    for answer in join_all(paths.iter().map(|path| service.delete(path))).await {
        answer.ok(204);
    }
    service.open(&link).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_in_is_refused_for_and_then_used_again() {
    let cluster = own_cluster();
    let (database, url) = of_strict(cluster).await;
    let name = &*database.name;
    let (service, link) = with_a_link(&url, &[]).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'strict'";
    let away = format!("{name}_away");
    let renamed = |from: &str, to: &str| format!("ALTER DATABASE {from} RENAME TO {to}");
    for (breaks, why, mends) in [
        ("ALTER ROLE strict PASSWORD 'another'".to_owned(), "refuses the password in database_url", {
            "ALTER ROLE strict PASSWORD 'throw-away'".to_owned()
        }),
        (format!("ALTER DATABASE {name} CONNECTION LIMIT 0"), "no connection left", {
            format!("ALTER DATABASE {name} CONNECTION LIMIT -1")
        }),
        ("ALTER ROLE strict NOLOGIN".to_owned(), "refuses the user in database_url", {
            "ALTER ROLE strict LOGIN".to_owned()
        }),
    ] {
        cluster.say(&[&breaks, end]).await;
        is_refused(&service, &link, why).await;
        cluster.say(&[&mends]).await;
        recovers(&service, &link).await;
    }
    // A database is renamed while nobody is connected.
    cluster.say(&["ALTER ROLE strict NOLOGIN", end, &renamed(name, &away), "ALTER ROLE strict LOGIN"]).await;
    is_refused(&service, &link, "no database of the name in database_url").await;
    cluster.say(&[&renamed(&away, name)]).await;
    recovers(&service, &link).await;
    assert!(!service.metrics().await.contains("throw-away"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_is_refused_for_and_then_used_again() {
    let cluster = own_cluster();
    let database = cluster.database().await;
    let more = [("ATTACHLINK_DATABASE_STATEMENT_TIMEOUT_MS", "300")];
    let (service, link) = with_a_link(&database.url(), &more).await;
    let mut admin = database.admin().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE links, site_changes, comments, recommits IN ACCESS EXCLUSIVE MODE")
        .execute(&mut admin)
        .await
        .unwrap();
    is_refused(&service, &link, "database_statement_timeout_ms").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut admin).await.unwrap();
    recovers(&service, &link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_is_full_refuses_what_writes_and_serves_what_reads() {
    let cluster = own_cluster();
    let database = cluster.database().await;
    let (service, link) = with_a_link(&database.url(), &[]).await;
    let mut admin = database.admin().await;
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''disk_full''; END'";
    sqlx::raw_sql(full).execute(&mut admin).await.unwrap();
    let tables = ["comments", "links", "doomed_objects", "recommits"];
    for table in tables {
        let trigger = format!(
            "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(&mut admin).await.unwrap();
    }
    let refused = service.metric(REFUSED).await;
    let content = format!("{}/attachments/a2/content?filename=x", comment_path("c1"));
    service.upload(&content, "text/plain", "x").await.refused(507, "storage_full");
    service.delete(&comment_path("c1")).await.refused(503, "unavailable");
    let links = format!("{}/attachments/a1/links", comment_path("c1"));
    service.post(&links, json!({"recipients": ["r"]})).await.refused(503, "unavailable");
    assert!(service.metric(REFUSED).await >= refused + 2.0);
    assert!(service.metric("attachlink_refusals_total{code=\"storage_full\"}").await >= 1.0);
    service.open(&link).await.ok(200);
    for table in tables {
        let dropped = format!("DROP TRIGGER full_disk ON {table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(dropped)).execute(&mut admin).await.unwrap();
    }
    recovers(&service, &link).await;
    service.upload(&content, "text/plain", "x").await.ok(201);
    service.delete(&comment_path("c1")).await.ok(204);
    service.open(&link).await.refused(410, "link_withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_at_the_start_is_told_with_what_to_change() {
    let cluster = own_cluster();
    let database = cluster.database().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("postgres://attachlink@127.0.0.1:{}/x", silent.local_addr().unwrap().port());
    let complaint = async |url: &str| {
        let error = attachlink::store::Store::open(&url.parse().unwrap(), attachlink::store::Migrate::Yes).await;
        error.expect_err("it cannot be opened").to_string()
    };
    cluster.say(&[&format!("ALTER DATABASE {} CONNECTION LIMIT 0", database.name)]).await;
    assert_eq!(
        complaint(&database.url()).await,
        "the server has no connection left: lower database_pool_size, or raise its max_connections"
    );
    assert!(complaint(&nowhere).await.contains("does not answer: correct host and port"));
    tokio::task::block_in_place(|| cluster.stop());
    assert!(complaint(&database.url()).await.contains("nothing listens at the address in database_url"));
}

//! The service on PostgreSQL: behind a pooler, through restarts, with several replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Service, comment_path};
use crate::pgbouncer::Pgbouncer;
use crate::postgres_server::{Cluster, Database};

/// How long recovery may take once the server is back.
const RECOVERY: Duration = Duration::from_secs(10);

/// A service on `database`, which lives longer.
pub async fn service_on(url: &str, more: &[(&str, &str)]) -> Service {
    let mut settings = vec![("ATTACHLINK_DATABASE_URL", url)];
    settings.extend_from_slice(more);
    Service::start_with(&settings, |query| query).await
}

/// One worker: uploads, links, downloads, revokes, and holds the service to its word.
pub async fn work(service: Arc<Service>, worker: usize, rounds: usize) {
    for round in 0..rounds {
        let comment = format!("c{worker}-{round}");
        let bytes = format!("bytes of {comment}");
        service.attach(&comment, "a1", "log.txt", "text/plain", bytes.clone()).await;
        let (kept, _) = service.link(&comment, "a1").await;
        let (revoked, link_id) = service.link(&comment, "a1").await;
        assert_eq!(service.open(&revoked).await.ok(200).body, bytes);
        service.delete(&format!("/sites/acme/links/{link_id}")).await.ok(204);
        service.open(&revoked).await.refused(410, "link_withdrawn");
        let ask = json!({"request": "SUP-1", "message_size": 1, "recipients": ["r-1", "r-2"]});
        service.post(&format!("{}/notifications", comment_path(&comment)), ask).await.ok(200);
        // Enough of them to be copied.
        let many: Vec<_> = (0..40).map(|number| format!("r-{number}")).collect();
        let links = format!("{}/attachments/a1/links", comment_path(&comment));
        let issued = service.post(&links, json!({"recipients": many})).await.ok(201).json();
        let last = issued["links"][39]["url"].as_str().unwrap();
        assert_eq!(service.open(&service.here(last)).await.ok(200).body, bytes);
        assert_eq!(service.open(&kept).await.ok(200).body, bytes);
        service.delete(&comment_path(&comment)).await.ok(204);
        service.open(&kept).await.refused(410, "link_withdrawn");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_in_transaction_mode_under_parallel_load() {
    const WORKERS: usize = 24;
    let database = Database::fresh().await;
    // Far fewer sessions than connections: each transaction runs on whatever session is free.
    let pooler = Pgbouncer::start(Cluster::shared(), 3);
    let url = pooler.url(&database.name);
    let service = Arc::new(service_on(&url, &[("ATTACHLINK_DATABASE_POOLER", "transaction")]).await);
    service.acme().await;
    let mut tasks = JoinSet::new();
    for worker in 0..WORKERS {
        tasks.spawn(work(Arc::clone(&service), worker, 4));
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(service.readiness().await, (StatusCode::OK, "ok".to_owned()));
    let named = "SELECT count(*) FROM pg_prepared_statements";
    for _ in 0..6 {
        // Whatever session this one is, nothing of ours is left in it.
        use sqlx::{ConnectOptions as _, Connection as _};
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        let mut session = options.extra_float_digits(None).connect().await.unwrap();
        let rows = sqlx::raw_sql(named).fetch_all(&mut session).await.unwrap();
        assert_eq!(sqlx::Row::get::<i64, _>(&rows[0], 0), 0);
        session.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_nobody_told_of_is_found_out_at_the_start() {
    let database = Database::fresh().await;
    let pooler = Pgbouncer::start(Cluster::shared(), 3);
    let url = pooler.url(&database.name).parse().unwrap();
    let error = attachlink::store::Store::open(&url, attachlink::store::Migrate::Yes).await.err().unwrap();
    assert!(error.to_string().contains("set database_pooler to transaction"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_under_load_is_refused_for_and_then_used_again() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    for more in [&[][..], &[("ATTACHLINK_DATABASE_POOLER", "transaction")]] {
        let database = cluster.database().await;
        let service = Arc::new(service_on(&database.url(), more).await);
        service.acme().await;
        service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
        let (url, _) = service.link("c1", "a1").await;
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let mut tasks = JoinSet::new();
        for worker in 0..8 {
            let (service, url) = (Arc::clone(&service), url.clone());
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            tasks.spawn(async move {
                let mut refused = 0;
                while !stop.load(Ordering::SeqCst) {
                    let reply = if worker % 2 == 0 {
                        service.open(&url).await
                    } else {
                        service.delete(&comment_path("other")).await
                    };
                    match reply.status.as_u16() {
                        200 | 204 => drop(served.fetch_add(1, Ordering::SeqCst)),
                        503 => {
                            reply.refused(503, "unavailable");
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        other => panic!("{other}: {:?}", reply.body),
                    }
                }
                refused
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| cluster.stop());
        service.open(&url).await.refused(503, "unavailable");
        let (status, _) = service.readiness().await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        tokio::task::block_in_place(|| cluster.start_again());
        let back = Instant::now();
        while service.open(&url).await.status != StatusCode::OK {
            assert!(back.elapsed() < RECOVERY, "it does not recover");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        served.store(0, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::SeqCst);
        let mut refused = 0;
        while let Some(done) = tasks.join_next().await {
            refused += done.unwrap();
        }
        assert!(refused > 0 && served.load(Ordering::SeqCst) > 0, "{refused} {served:?}");
        assert_eq!(service.readiness().await, (StatusCode::OK, "ok".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_revokes_the_other_refuses_at_once() {
    let database = Database::fresh().await;
    let one = service_on(&database.url(), &[]).await;
    let two = one.replica(&database.url()).await;
    assert_eq!(one.running.app().store.keys().await.unwrap().len(), 1);
    one.acme().await;
    for round in 0..20 {
        let comment = format!("c{round}");
        one.attach(&comment, "a1", "log.txt", "text/plain", "hello").await;
        let (url, _) = one.link(&comment, "a1").await;
        let elsewhere = two.here(&url);
        assert_eq!(two.open(&elsewhere).await.ok(200).body, "hello");
        one.delete(&comment_path(&comment)).await.ok(204);
        two.open(&elsewhere).await.refused(410, "link_withdrawn");
    }
}

#[test]
fn the_command_line_works_on_a_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(Database::fresh());
    let place = crate::binary::Place::new();
    let ran = |arguments: &[&str], url: &str| {
        let mut command = place.command(crate::binary::binary());
        let output = command.args(arguments).env("ATTACHLINK_DATABASE_URL", url).output().expect("the binary runs");
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (output.status.code().unwrap_or_default(), text(&output.stdout), text(&output.stderr))
    };
    let url = database.url();
    let (code, _, complaint) = ran(&["key", "list"], &url);
    assert_eq!(code, 1);
    assert!(complaint.contains("run `attachlink migrate`"), "{complaint}");
    assert_eq!(ran(&["migrate"], &url).0, 0);
    assert_eq!(ran(&["migrate"], &url).0, 0, "again");
    let (code, key, complaint) = ran(&["key", "create", "--scope", "notify", "--site", "acme"], &url);
    assert!(code == 0 && key.starts_with("alk1_"), "{key} {complaint}");
    assert!(ran(&["key", "list"], &url).1.contains("acme"));
    let (code, _, complaint) = ran(&["revoke", "--site", "acme"], &url);
    assert!(code == 1 && complaint.contains("there is no site acme"), "{complaint}");
    let (code, _, complaint) = ran(&["backup", "copy.db"], &url);
    assert!(code == 2 && complaint.contains("pg_dump"), "{complaint}");
    assert!(!place.path("copy.db").exists() && !place.data().exists());
    let secret = url.replace("attachlink@", "strict:hunter2@");
    for arguments in [&["serve"][..], &["key", "list"]] {
        let (code, _, complaint) = ran(arguments, &secret);
        assert_eq!(code, 1);
        assert!(complaint.contains("refuses the password in database_url"), "{complaint}");
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
    assert!(ran(&["check-config"], &secret).1.contains("strict:***@"));
}

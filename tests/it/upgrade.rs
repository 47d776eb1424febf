//! Two versions on one database, as during a rolling restart: migrations only add.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attachlink::store::{Migrate, SchemaMismatch, Store, StoreError};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::task::JoinSet;

use crate::binary::{Binary, Place, curl, path_of};
use crate::harness::{Service, comment_path};
use crate::postgres_server::Database;
use crate::postgres_service::{service_on, work};

/// The number of the next version's migration.
const NEXT: i64 = 9001;
/// What a migration may add: to every table, with and without a default, and tables and indexes of its own.
const ADDED: &str = "SET LOCAL lock_timeout = '200ms'; \
     ALTER TABLE sites ADD COLUMN region TEXT; \
     ALTER TABLE projects ADD COLUMN rank BIGINT NOT NULL DEFAULT 7; \
     ALTER TABLE deleted_projects ADD COLUMN why TEXT; \
     ALTER TABLE comments ADD COLUMN note TEXT; \
     ALTER TABLE attachments ADD COLUMN checksum BYTEA; \
     ALTER TABLE links ADD COLUMN opened BIGINT NOT NULL DEFAULT 0; \
     ALTER TABLE api_keys ADD COLUMN name TEXT; \
     ALTER TABLE doomed_objects ADD COLUMN tries BIGINT NOT NULL DEFAULT 0; \
     ALTER TABLE recommits ADD COLUMN note TEXT; \
     ALTER TABLE revocation_marks ADD COLUMN at BIGINT; \
     CREATE TABLE folders (folder BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL); \
     CREATE INDEX folders_by_name ON folders (name); \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
     VALUES (9001, 'next', TRUE, '', 0)";
/// What waits for a lock gives up with this.
const LOCK_NOT_AVAILABLE: &str = "55P03";
const TRIES: usize = 100;

/// Migrates as the next version would, in short tries.
async fn migrate_to_next(admin: &mut PgConnection) {
    for _ in 0..TRIES {
        match sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {ADDED}; COMMIT"))).execute(&mut *admin).await {
            Ok(_) => return,
            Err(sqlx::Error::Database(cause)) if cause.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                sqlx::raw_sql("ROLLBACK").execute(&mut *admin).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the migration found no moment");
}

async fn number(admin: &mut PgConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(admin).await.unwrap()
}

/// Uploads, links, downloads and revocations on each replica until `stop`; any refusal fails.
fn load(replicas: &[Arc<Service>], stop: &Arc<AtomicBool>, tasks: &mut JoinSet<usize>) {
    for worker in 0..8 {
        let (service, stop) = (Arc::clone(&replicas[worker % replicas.len()]), Arc::clone(stop));
        tasks.spawn(async move {
            let mut rounds = 0;
            while !stop.load(Ordering::SeqCst) {
                work(Arc::clone(&service), worker * 100_000 + rounds, 1).await;
                rounds += 1;
            }
            rounds
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_go_on_while_the_next_version_migrates_and_may_start_again_on_its_schema() {
    let database = Database::fresh().await;
    let one = Arc::new(service_on(&database.url(), &[]).await);
    let two = Arc::new(one.replica(&database.url()).await);
    one.acme().await;
    one.attach("kept", "a1", "log.txt", "text/plain", "hello").await;
    let (before, _) = one.link("kept", "a1").await;
    let (stop, mut tasks) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    load(&[Arc::clone(&one), Arc::clone(&two)], &stop, &mut tasks);
    let mut admin = database.admin().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let links = number(&mut admin, "SELECT count(*) FROM links").await;
    migrate_to_next(&mut admin).await;
    // A replica of the version before crashes, and comes back beside the next version.
    let back = one.replica(&database.url()).await;
    back.open(&back.here(&before)).await.ok(200);
    work(Arc::new(back), 900_000, 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::SeqCst);
    while let Some(rounds) = tasks.join_next().await {
        assert!(rounds.unwrap() > 0);
    }
    // What they wrote meanwhile is what the next version expects.
    assert!(number(&mut admin, "SELECT count(*) FROM links").await > links);
    assert_eq!(number(&mut admin, "SELECT count(*) FROM links WHERE opened <> 0").await, 0);
    one.mode("acme", "NEW", "secured_link").await.ok(200);
    assert_eq!(number(&mut admin, "SELECT rank FROM projects WHERE project = 'NEW'").await, 7);
    assert_eq!(number(&mut admin, "SELECT max(version) FROM _sqlx_migrations").await, NEXT);
    // Links of either replica work at the other.
    let (url, _) = two.link("kept", "a1").await;
    one.open(&one.here(&url)).await.ok(200);
    one.delete(&comment_path("kept")).await.ok(204);
    two.open(&two.here(&url)).await.refused(410, "link_withdrawn");
    two.open(&two.here(&before)).await.refused(410, "link_withdrawn");
    assert_eq!(two.readiness().await.1, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_needs_were_taken_away_does_not_start() {
    let database = Database::fresh().await;
    database.store().await.close().await;
    let mut admin = database.admin().await;
    migrate_to_next(&mut admin).await;
    let open = async |migrate| Store::open(&database.url().parse().unwrap(), migrate).await;
    for migrate in [Migrate::No, Migrate::Yes] {
        open(migrate).await.unwrap().close().await;
    }
    sqlx::raw_sql("UPDATE schema_compatibility SET oldest_build = 9000").execute(&mut admin).await.unwrap();
    for migrate in [Migrate::No, Migrate::Yes] {
        let refused = open(migrate).await.expect_err("it does not start");
        assert!(matches!(refused, StoreError::Schema(SchemaMismatch::Newer)), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_keeps_nobody_waiting_while_a_table_is_in_use() {
    /// Well below the statement timeout, and far above what a busy machine takes for a deletion.
    const LONG: Duration = Duration::from_secs(2);
    let database = Database::fresh().await;
    let service = service_on(&database.url(), &[]).await;
    service.acme().await;
    let mut admin = database.admin().await;
    // The last migration that changes a table which is there already, undone.
    let undone = "ALTER TABLE comments DROP COLUMN idle_since; DELETE FROM _sqlx_migrations WHERE version = 4";
    sqlx::raw_sql(undone).execute(&mut admin).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM comments").execute(&mut admin).await.unwrap();
    let migrated = AtomicBool::new(false);
    let migration = async {
        let store = Store::open(&database.url().parse().unwrap(), Migrate::Yes).await.unwrap();
        migrated.store(true, Ordering::SeqCst);
        store.ping().await.unwrap();
    };
    let work = async {
        let (begun, mut deleted) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(3) {
            let one = Instant::now();
            service.delete(&comment_path(&format!("c{deleted}"))).await.ok(204);
            assert!(one.elapsed() < LONG, "{:?}", one.elapsed());
            deleted += 1;
        }
        assert!(deleted > 1 && !migrated.load(Ordering::SeqCst), "the table is in use");
        sqlx::raw_sql("ROLLBACK").execute(&mut admin).await.unwrap();
    };
    tokio::join!(migration, work);
    assert_eq!(number(&mut admin, "SELECT count(idle_since) FROM comments").await, 0, "the column is there again");
    service.delete(&comment_path("last")).await.ok(204);
}

/// A replica as a process of its own, of this version or of another.
fn replica(program: &str, place: &Place, settings: &[(&str, &str)]) -> Binary {
    let mut command = place.command(program);
    command.arg("serve").envs(settings.iter().copied());
    Binary::start(command, &place.data())
}

/// Uploads, links, downloads and revokes, each step at any of the replicas.
fn round(replicas: &[&Binary], number: usize) {
    let at = |step: usize| replicas[(number + step) % replicas.len()];
    let comment = format!("c{number}");
    at(0).attach(&comment, "a1", "log.txt", "text/plain", b"hello");
    let (url, _) = at(1).link(&comment, "a1");
    for replica in replicas {
        assert_eq!(curl(&[&format!("http://{}/{}", replica.public, path_of(&url))]).ok(200).body, b"hello");
    }
    at(2).delete(&crate::binary::comment_path(&comment)).ok(204);
    for replica in replicas {
        curl(&[&format!("http://{}/{}", replica.public, path_of(&url))]).refused(410, "link_withdrawn");
    }
}

#[test]
#[ignore = "scripts/upgrade builds the version before, and runs this"]
fn the_version_before_runs_beside_this_one() {
    const ROUNDS: usize = 20;
    let before = std::env::var("ATTACHLINK_VERSION_BEFORE").expect("scripts/upgrade names it");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(Database::fresh());
    let mut admin = runtime.block_on(database.admin());
    let places = [Place::new(), Place::new(), Place::new()];
    let objects = format!("file:{}", places[0].data().join("objects").display());
    let url = database.url();
    let settings = [("ATTACHLINK_DATABASE_URL", &*url), ("ATTACHLINK_OBJECTS", &objects)];
    let one = replica(&before, &places[0], &settings);
    for place in &places[1..] {
        std::fs::create_dir_all(place.data()).unwrap();
        std::fs::copy(places[0].data().join("first-api-key"), place.data().join("first-api-key")).unwrap();
    }
    let mut two = replica(&before, &places[1], &settings);
    one.acme();
    let newest = "SELECT max(version) FROM _sqlx_migrations";
    let known_before = runtime.block_on(number(&mut admin, newest));
    // The new version migrates while the one before works.
    let new = std::thread::scope(|scope| {
        let working = scope.spawn(|| (0..ROUNDS).for_each(|number| round(&[&one, &two], number)));
        let new = replica(crate::binary::binary(), &places[2], &settings);
        working.join().unwrap();
        new
    });
    assert!(runtime.block_on(number(&mut admin, newest)) > known_before, "the version before knows all migrations");
    (ROUNDS..ROUNDS * 2).for_each(|number| round(&[&one, &new, &two], number));
    // One of the version before crashes, and comes back where the schema says that it may.
    two.kill();
    let oldest = runtime.block_on(number(&mut admin, "SELECT oldest_build FROM schema_compatibility"));
    if known_before >= oldest {
        let two = replica(&before, &places[1], &settings);
        (ROUNDS * 2..ROUNDS * 3).for_each(|number| round(&[&one, &new, &two], number));
    } else {
        let mut command = places[1].command(&before);
        let refused = command.arg("serve").envs(settings).output().unwrap();
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("newer"), "{refused:?}");
    }
    assert!(!new.log().contains("\"ERROR\"") && !one.log().contains("\"ERROR\""), "{}", one.log());
}

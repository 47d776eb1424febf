//! What only PostgreSQL does: sessions, locks between replicas, limits, errors at the start.

use std::time::{Duration, Instant};

use attachlink::domain::security::Plan;
use attachlink::store::{Migrate, SchemaMismatch, ServerOptions, Store, StoreError};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::postgres_server::{Cluster, Database};
use crate::store_contract::{NOW, alive, comment, issue, issue_one, open_comment, plan, registered};

async fn say(admin: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(admin).await.unwrap();
}

fn impatient() -> ServerOptions {
    ServerOptions { statement_timeout: Duration::from_millis(300), ..ServerOptions::default() }
}

async fn open(url: &str, migrate: Migrate) -> Result<Store, StoreError> {
    Store::open(&url.parse().unwrap(), migrate).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_never_committed_without_the_disk() {
    let database = Database::fresh().await;
    database.store().await.close().await;
    let mut admin = database.admin().await;
    say(
        &mut admin,
        "CREATE TABLE seen (value TEXT); GRANT ALL ON seen TO attachlink; \
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO seen VALUES (current_setting(''synchronous_commit'')); RETURN NEW; END'; \
         CREATE TRIGGER see AFTER INSERT ON revocation_marks FOR EACH ROW EXECUTE FUNCTION see()",
    )
    .await;
    for (set, committed) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
    {
        say(&mut admin, &format!("TRUNCATE seen; ALTER DATABASE {} SET synchronous_commit = {set}", database.name))
            .await;
        let store = database.store().await;
        plan(&store, "acme", Plan::Free).await;
        store.delete_comment(&comment("acme", "SUP", "c1"), NOW).await.unwrap();
        store.close().await;
        let seen: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT value FROM seen").fetch_all(&mut admin).await.unwrap();
        assert_eq!(seen, [committed], "{set}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_way_is_tried_again_and_errors_are_told_apart() {
    let database = Database::fresh().await;
    let store = database.store().await;
    plan(&store, "acme", Plan::Free).await;
    let mut admin = database.admin().await;
    let path = comment("acme", "SUP", "c1");
    say(&mut admin, "CREATE SEQUENCE calls; GRANT ALL ON calls TO attachlink").await;
    let mut fail = async |code: &str, times: u32| {
        let function = format!(
            "DROP TRIGGER IF EXISTS fail ON recommits; ALTER SEQUENCE calls RESTART; \
             CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN \
             IF nextval(''calls'') <= {times} THEN RAISE EXCEPTION ''on purpose'' USING ERRCODE = ''{code}''; END IF; \
             RETURN NEW; END'; \
             CREATE TRIGGER fail BEFORE UPDATE ON recommits FOR EACH ROW EXECUTE FUNCTION fail()"
        );
        say(&mut admin, &function).await;
        store.delete_comment(&path, NOW).await
    };
    for code in ["40001", "40P01"] {
        assert_eq!(fail(code, 3).await.unwrap(), Some(0), "{code}");
        assert!(matches!(fail(code, 1000).await, Err(StoreError::Unavailable(_))), "{code}, for ever");
    }
    assert!(matches!(fail("53100", 1).await, Err(StoreError::Full)));
    assert!(matches!(fail("25006", 1).await, Err(StoreError::ReadOnly)));
    assert!(matches!(fail("23505", 1).await, Err(StoreError::Unavailable(_))), "no retry helps here");
    assert_eq!(fail("23505", 0).await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_waits_too_long_is_ended_and_leaves_the_connection_usable() {
    for behind_pooler in [false, true] {
        let database = Database::fresh().await;
        let store = database.store_with(&ServerOptions { pool_size: 1, behind_pooler, ..impatient() }).await;
        let path = open_comment(&store).await;
        registered(&store, &path, "a1").await;
        let mut admin = database.admin().await;
        say(&mut admin, "BEGIN; LOCK TABLE comments, links IN ACCESS EXCLUSIVE MODE").await;
        let begun = Instant::now();
        assert!(matches!(store.delete_comment(&path, NOW).await, Err(StoreError::Unavailable(_))));
        assert!(store.comment_state(&path).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let counted =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'attachlink'";
        let connections: i64 = sqlx::query_scalar(counted).fetch_one(&mut admin).await.unwrap();
        assert_eq!(connections, 1, "the same one");
        say(&mut admin, "ROLLBACK").await;
        assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_stop_waiting_take_no_connection_with_them() {
    let database = Database::fresh().await;
    let store = database.store_with(&ServerOptions { pool_size: 2, ..ServerOptions::default() }).await;
    let path = open_comment(&store).await;
    let mut admin = database.admin().await;
    say(&mut admin, "BEGIN; LOCK TABLE comments IN ACCESS EXCLUSIVE MODE").await;
    for _ in 0..6 {
        let waited = tokio::time::timeout(Duration::from_millis(30), store.comment_state(&path)).await;
        assert!(waited.is_err());
        let waited = tokio::time::timeout(Duration::from_millis(30), store.delete_comment(&path, NOW)).await;
        assert!(waited.is_err());
    }
    // Another table's statement finds a place at once.
    let begun = Instant::now();
    store.site(&path.site).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    say(&mut admin, "ROLLBACK").await;
    store.delete_comment(&path, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_connections_are_noticed_and_replaced() {
    for behind_pooler in [false, true] {
        let database = Database::fresh().await;
        let store = database.store_with(&ServerOptions { behind_pooler, ..ServerOptions::default() }).await;
        let path = open_comment(&store).await;
        registered(&store, &path, "a1").await;
        let mut admin = database.admin().await;
        for round in 0..5 {
            // Several idle connections, all of which die.
            let reads = (0..8).map(|_| store.site(&path.site));
            for read in futures_util::future::join_all(reads).await {
                read.unwrap();
            }
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND usename = 'attachlink'";
            say(&mut admin, end).await;
            // A read, and a transaction that has done nothing yet, go on by themselves.
            if round % 2 == 0 {
                let link = issue_one(&store, &path).await;
                assert!(alive(&store, link).await);
            } else {
                store.delete_comment(&comment("acme", "SUP", "other"), NOW).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_put_back_is_found_out_by_the_first_new_connection() {
    for behind_pooler in [false, true] {
        let database = Database::fresh().await;
        let store = database.store_with(&ServerOptions { behind_pooler, ..ServerOptions::default() }).await;
        let path = open_comment(&store).await;
        registered(&store, &path, "a1").await;
        let link = issue_one(&store, &path).await;
        store.revoke_link(&path.site, link, NOW).await.unwrap();
        store.newest_mark().await.unwrap().unwrap();
        let mut admin = database.admin().await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = 'attachlink'";
        say(&mut admin, end).await;
        assert!(!alive(&store, link).await, "a new connection to the same history changes nothing");
        say(&mut admin, "UPDATE links SET revoked_at = NULL; DELETE FROM revocation_marks").await;
        say(&mut admin, end).await;
        assert!(matches!(store.liveness(&[link]).await, Err(StoreError::Restored)), "{behind_pooler}");
        assert!(store.is_restored());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_schema_is_refused() {
    async fn refusal(database: &Database, migrate: Migrate) -> SchemaMismatch {
        match open(&database.url(), migrate).await {
            Err(StoreError::Schema(mismatch)) => mismatch,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("opened"),
        }
    }
    let database = Database::fresh().await;
    assert_eq!(refusal(&database, Migrate::No).await, SchemaMismatch::Missing);
    assert_eq!(refusal(&database, Migrate::No).await, SchemaMismatch::Missing, "and nothing was made");
    database.store().await.close().await;
    open(&database.url(), Migrate::No).await.unwrap().close().await;

    let mut admin = database.admin().await;
    say(
        &mut admin,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, '', 0)",
    )
    .await;
    for migrate in [Migrate::No, Migrate::Yes] {
        open(&database.url(), migrate).await.expect("nothing was taken away").close().await;
    }
    say(&mut admin, "UPDATE schema_compatibility SET oldest_build = 9999").await;
    for migrate in [Migrate::No, Migrate::Yes] {
        assert_eq!(refusal(&database, migrate).await, SchemaMismatch::Newer);
    }
    say(&mut admin, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)").await;
    say(&mut admin, "UPDATE _sqlx_migrations SET checksum = ''").await;
    for migrate in [Migrate::No, Migrate::Yes] {
        assert_eq!(refusal(&database, migrate).await, SchemaMismatch::Different);
    }
    say(&mut admin, "DELETE FROM _sqlx_migrations").await;
    assert_eq!(refusal(&database, Migrate::No).await, SchemaMismatch::Older);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_a_download_walks_through_a_table() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let path = open_comment(&store).await;
    for number in 0..20 {
        registered(&store, &path, &format!("a{number}")).await;
    }
    let links: Vec<_> = issue(&store, &path).await.iter().map(|minted| minted.id).collect();
    let scans = async |database: &Database| -> i64 {
        let counted = "SELECT CAST(sum(seq_scan) AS BIGINT) FROM pg_stat_user_tables \
             WHERE relname IN ('links', 'attachments', 'projects', 'comments', 'sites')";
        sqlx::query_scalar(counted).fetch_one(&mut database.admin().await).await.unwrap()
    };
    // What a session counted is seen once it has ended.
    store.close().await;
    let before = scans(&database).await;
    for behind_pooler in [false, true] {
        let store = database.store_with(&ServerOptions { behind_pooler, ..ServerOptions::default() }).await;
        for _ in 0..20 {
            assert_eq!(store.liveness(&links).await.unwrap().len(), 20);
            assert_eq!(store.liveness(&links[..1]).await.unwrap().len(), 1);
            store.portal_of(links[0]).await.unwrap();
        }
        store.close().await;
        if !behind_pooler {
            assert_eq!(scans(&database).await, before, "small tables tempt the planner");
        }
    }
}

/// What a person reads when the service cannot start.
async fn complaint(url: &str) -> String {
    let error = open(url, Migrate::Yes).await.expect_err("it cannot be opened");
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_told_with_the_setting_and_without_the_password() {
    let database = Database::fresh().await;
    let (port, name) = (Cluster::shared().port(), &database.name);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, says) in [
        (format!("postgres://strict:hunter2@127.0.0.1:{port}/{name}"), "refuses the password in database_url"),
        (format!("postgres://nobody:hunter2@127.0.0.1:{port}/{name}"), "refuses the user in database_url"),
        (format!("postgres://attachlink:hunter2@127.0.0.1:{port}/none"), "no database of the name in database_url"),
        (format!("postgres://attachlink:hunter2@127.0.0.1:{free}/{name}"), "nothing listens at the address"),
        (format!("postgres://attachlink:hunter2@localhost/{name}?host=/nowhere"), "no such socket"),
        (format!("postgres://attachlink:hunter2@host.invalid:{port}/{name}"), "cannot be reached"),
        (format!("postgres://attachlink:hunter2@localhost:{port}/{name}?sslmode=verify-full"), "sslrootcert"),
        (format!("postgres://strict:throw-away@127.0.0.1:{port}/{name}?sslmode=disable"), "let it own the database"),
    ] {
        let complaint = complaint(&url).await;
        assert!(complaint.contains(says), "{url}: {complaint}");
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_the_server_checked() {
    let cluster = Cluster::shared();
    let database = Database::fresh().await;
    let mut admin = database.admin().await;
    let at =
        |host: &str, more: &str| format!("postgres://attachlink@{host}:{}/{}?{more}", cluster.port(), database.name);
    let authority = cluster.dir().join("ca.pem");
    let named = format!("sslrootcert={}", authority.display());
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE datname = current_database() AND usename = 'attachlink'";
    for (url, expected) in [
        (at("localhost", &format!("sslmode=verify-full&{named}")), true),
        (at("127.0.0.1", &format!("sslmode=verify-full&{named}")), true),
        (at("127.0.0.1", &named), true),
        (at("127.0.0.1", "sslmode=require"), true),
        (at("127.0.0.1", "sslmode=prefer"), true),
        (at("127.0.0.1", "sslmode=disable"), false),
    ] {
        let store = open(&url, Migrate::Yes).await.unwrap();
        assert_eq!(sqlx::query_scalar::<_, bool>(encrypted).fetch_one(&mut admin).await.unwrap(), expected, "{url}");
        store.ping().await.unwrap();
        store.close().await;
    }
    for unknown in [at("localhost", "sslmode=verify-full"), at("localhost", "sslmode=verify-ca")] {
        assert!(complaint(&unknown).await.contains("TLS"), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_databases_copy_is_not_made_of_a_server() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let to = std::env::temp_dir().join(format!("attachlink-never-{}", std::process::id()));
    assert!(matches!(store.backup(&to).await, Err(StoreError::NotEmbedded)));
    assert!(!to.exists());
}

//! What only PostgreSQL does: sessions, locks between replicas, limits, errors at the start.

use std::time::{Duration, Instant};

use attachlink::domain::access::Binding;
use attachlink::domain::security::{Mode, Plan};
use attachlink::domain::token::{API_KEY_PREFIX, mint};
use attachlink::store::{
    DatabaseUrl, Migrate, NewKey, RevokeTarget, SchemaMismatch, ServerOptions, SetMode, Store, StoreError,
};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::task::JoinSet;

use crate::postgres_server::{Cluster, Database};
use crate::store_contract::{
    NOW, alive, attachment, comment, issue, issue_one, open_comment, plan, project, register, registered, set_mode,
    site, upload_key, uploaded,
};

async fn say(admin: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(admin).await.unwrap();
}

fn impatient() -> ServerOptions {
    ServerOptions { statement_timeout: Duration::from_millis(300), ..ServerOptions::default() }
}

fn new_key() -> NewKey {
    let minted = mint(API_KEY_PREFIX, NOW);
    NewKey { id: minted.id, hash: minted.hash, notify: true, admin: true, binding: Binding::Unbound }
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
async fn a_real_deadlock_is_survived() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    plan(&one, "acme", Plan::Standard).await;
    for number in 0..30 {
        set_mode(&one, ("acme", &format!("P{number}")), Mode::SecuredLink).await;
    }
    let mut tasks = JoinSet::new();
    for store in [&one, &two] {
        for task in 0..4 {
            let store = store.clone();
            tasks.spawn(async move {
                for round in 0..15 {
                    match (task + round) % 3 {
                        0 => drop(store.revoke_under(&RevokeTarget::Site(site("acme")), NOW).await.unwrap()),
                        1 => drop(plan(&store, "acme", Plan::Free).await),
                        _ => drop(plan(&store, "acme", Plan::Standard).await),
                    }
                }
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
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
async fn replicas_that_delete_the_same_at_once_agree() {
    let database = Database::fresh().await;
    let replicas = [database.store().await, database.store().await];
    for round in 0..10 {
        let path = open_comment(&replicas[0]).await;
        register(&replicas[0], &attachment(&path, "a1"), uploaded(&replicas[0], round).await).await;
        let link = issue_one(&replicas[1], &path).await;
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let (store, path) = (replicas[number % 2].clone(), path.clone());
            tasks.spawn(async move {
                if round % 2 == 0 {
                    store.delete_project(&path.site, &path.project, NOW).await.unwrap().unwrap_or_default()
                } else {
                    store.delete_site(&path.site, NOW).await.unwrap()
                }
            });
        }
        let mut deleted = 0;
        while let Some(done) = tasks.join_next().await {
            deleted += u32::from(done.unwrap());
        }
        assert_eq!(deleted, 1);
        assert!(!alive(&replicas[0], link).await);
        // Both purge what is left: all of it goes, once.
        let mut cleared = true;
        while cleared {
            let (one, two) = tokio::join!(replicas[0].purge_deleted_projects(1), replicas[1].purge_deleted_projects(1));
            cleared = one.unwrap() + two.unwrap() > 0;
        }
        assert_eq!(replicas[0].doomed_objects(NOW, 10).await.unwrap(), [upload_key(round)]);
        replicas[1].forget_object(&upload_key(round)).await.unwrap();
    }
    let mut admin = database.admin().await;
    let left = "SELECT (SELECT count(*) FROM attachments) + (SELECT count(*) FROM deleted_projects)";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_while_the_site_goes_leaves_nothing_behind() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    for _ in 0..15 {
        let path = open_comment(&one).await;
        let mut tasks = JoinSet::new();
        for number in 0..6 {
            let (store, path) = (two.clone(), path.clone());
            tasks.spawn(async move {
                for round in 0..4 {
                    let at = attachment(&path, &format!("a{number}-{round}"));
                    store.register(&at, crate::store_contract::in_place("x"), NOW).await.unwrap();
                    store.set_mode(&path.site, &project("DEV"), Mode::SecuredLink, NOW).await.unwrap();
                }
            });
        }
        tokio::task::yield_now().await;
        one.delete_site(&path.site, NOW).await.unwrap();
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let mut admin = database.admin().await;
        let left = "SELECT count(*) FROM projects";
        assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0, "projects of no site");
        let stray =
            "SELECT count(*) FROM attachments WHERE project_id NOT IN (SELECT project_id FROM deleted_projects)";
        assert_eq!(
            sqlx::query_scalar::<_, i64>(stray).fetch_one(&mut admin).await.unwrap(),
            0,
            "attachments of no project"
        );
        while one.purge_deleted_projects(100).await.unwrap() > 0 {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_goes_down_leaves_no_project_in_secured_link() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    for _ in 0..15 {
        plan(&one, "acme", Plan::Standard).await;
        let mut tasks = JoinSet::new();
        for number in 0..6 {
            let store = two.clone();
            tasks.spawn(async move {
                let set = store.set_mode(&site("acme"), &project(&format!("P{number}")), Mode::SecuredLink, NOW).await;
                assert!(matches!(set.unwrap(), SetMode::Done { .. } | SetMode::PlanRequired));
            });
        }
        tokio::task::yield_now().await;
        plan(&one, "acme", Plan::Free).await;
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let mut admin = database.admin().await;
        let left = "SELECT count(*) FROM projects WHERE mode = 'secured_link'";
        assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_renewed_while_it_is_replaced_gets_its_new_bytes() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    let path = open_comment(&one).await;
    let at = attachment(&path, "a1");
    for round in 0..30 {
        registered(&one, &path, "a1").await;
        let new = crate::store_contract::in_place(&format!("acme/{round}"));
        let target = RevokeTarget::Comment(path.clone());
        let (renewed, replaced) = tokio::join!(two.revoke_under(&target, NOW), one.register(&at, new.clone(), NOW));
        assert_eq!((renewed.unwrap(), replaced.is_ok()), (Some(1), true));
        assert_eq!(one.attachment(&at).await.unwrap().unwrap().object.key, new.object.key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_that_start_on_a_fresh_database_one_migrates_and_one_makes_the_first_key() {
    for behind_pooler in [false, true] {
        let database = Database::fresh().await;
        let url: DatabaseUrl = database.url().parse().unwrap();
        let replicas = (0..6).map(async |_| {
            let options = ServerOptions { behind_pooler, ..ServerOptions::default() };
            let store = Store::open_with(&url, &options, Migrate::Yes).await.unwrap();
            let made = store.create_first_key(NOW, || Ok::<_, ()>(new_key())).await.unwrap().unwrap();
            assert!(store.has_keys().await.unwrap());
            made
        });
        let made = futures_util::future::join_all(replicas).await.into_iter().flatten().count();
        assert_eq!(made, 1);
        let store = database.store().await;
        assert_eq!(store.keys().await.unwrap().len(), 1);
    }
    let database = Database::fresh().await;
    let store = database.store().await;
    assert_eq!(store.create_first_key(NOW, || Err::<NewKey, _>("no file")).await.unwrap(), Err("no file"));
    assert!(!store.has_keys().await.unwrap());
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

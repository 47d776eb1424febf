//! What only the embedded database does: files, schema, copies, several processes on one file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attachlink::domain::ids::CommentPath;
use attachlink::domain::security::{Mode, Plan};
use attachlink::domain::token::{API_KEY_PREFIX, LINK_PREFIX, mint};
use attachlink::store::{
    DatabaseUrl, IssueContext, Migrate, NewKey, NewLink, RevokeTarget, SchemaMismatch, Store, StoreError, Wanted,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::store_contract::{
    NOW, alive, attachment, comment, issue_one, open_comment, plan, project, registered, set_mode, site, sqlite,
};

fn file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("data/attachlink.db")
}

async fn open(path: &Path, migrate: Migrate) -> Result<Store, StoreError> {
    Store::open(&DatabaseUrl::Sqlite(path.to_owned()), migrate).await
}

async fn bare(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path).create_if_missing(true)).await.unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let (_store, directory) = sqlite().await;
    let data = directory.path().join("data");
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["attachlink.db", "attachlink.db-shm", "attachlink.db-wal"]);
}

#[tokio::test]
async fn other_processes_are_seen_at_once() {
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let beside = open(&file(&directory), Migrate::No).await.unwrap();
    for _ in 0..50 {
        let link = issue_one(&store, &path).await;
        assert!(alive(&beside, link).await);
        beside.revoke_under(&RevokeTarget::Project(site("acme"), project("SUP")), NOW).await.unwrap();
        assert!(!alive(&store, link).await);
    }
    // Both write at once: each waits for the other.
    let (one, two) = (store.clone(), beside.clone());
    let write = |store: Store, id: &'static str| async move {
        for number in 0..50 {
            registered(&store, &comment("acme", "SUP", id), &format!("a{number}")).await;
        }
    };
    tokio::join!(write(one, "c8"), write(two, "c9"));
    for id in ["c8", "c9"] {
        assert_eq!(store.attachments(&comment("acme", "SUP", id)).await.unwrap().unwrap().len(), 50);
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_opening_again() {
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let (dead, living) = (issue_one(&store, &path).await, issue_one(&store, &path).await);
    store.revoke_link(&path.site, dead, NOW).await.unwrap();
    store.close().await;
    let store = open(&file(&directory), Migrate::No).await.unwrap();
    assert!(alive(&store, living).await);
    assert!(!alive(&store, dead).await);
}

/// A number that changes with every commit of another connection that wrote anything.
async fn version(connection: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn a_repeated_revocation_commits_again() {
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    let at = attachment(&path, "a1");
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    let minted = mint(API_KEY_PREFIX, NOW);
    let binding = attachlink::domain::access::Binding::Unbound;
    let key = NewKey { id: minted.id, hash: minted.hash, notify: true, admin: true, binding };
    store.create_key(&key, NOW).await.unwrap();

    let mut watcher = bare(&file(&directory)).await;
    let mut last = version(&mut watcher).await;
    for round in 0..3 {
        let mut step = async |what: &str| {
            let now = version(&mut watcher).await;
            assert_ne!(now, last, "{what}, round {round}");
            last = now;
        };
        store.revoke_link(&path.site, link, NOW).await.unwrap();
        step("revoke_link").await;
        store.delete_attachment(&at, NOW).await.unwrap();
        step("delete_attachment").await;
        store.delete_comment(&path, NOW).await.unwrap();
        step("delete_comment").await;
        store.revoke_under(&RevokeTarget::Comment(path.clone()), NOW).await.unwrap();
        step("revoke_under").await;
        set_mode(&store, ("acme", "SUP"), Mode::PortalLogin).await;
        step("set_mode").await;
        plan(&store, "acme", Plan::Free).await;
        step("update_site").await;
        store.delete_project(&path.site, &path.project, NOW).await.unwrap();
        step("delete_project").await;
        store.revoke_key(key.id, NOW).await.unwrap();
        step("revoke_key").await;
    }
    for _ in 0..3 {
        store.delete_site(&path.site, NOW).await.unwrap();
        assert_ne!(version(&mut watcher).await, last, "delete_site");
        last = version(&mut watcher).await;
    }
    // What only reads commits nothing; so the test above can fail.
    store.ping().await.unwrap();
    assert_eq!(version(&mut watcher).await, last);
}

#[tokio::test]
async fn an_unfit_schema_is_refused() {
    async fn refusal(path: &Path, migrate: Migrate) -> SchemaMismatch {
        match open(path, migrate).await {
            Err(StoreError::Schema(mismatch)) => {
                assert!(mismatch == SchemaMismatch::Different || mismatch.to_string().contains("attachlink migrate"));
                mismatch
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("opened"),
        }
    }
    let (store, directory) = sqlite().await;
    store.close().await;
    let path = file(&directory);
    open(&path, Migrate::No).await.unwrap().close().await;

    let missing = directory.path().join("none/a.db");
    assert_eq!(refusal(&missing, Migrate::No).await, SchemaMismatch::Missing);
    assert!(!missing.parent().unwrap().exists(), "and nothing was made");
    let empty = directory.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(refusal(&empty, Migrate::No).await, SchemaMismatch::Missing);

    let mut connection = bare(&path).await;
    let ahead = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(ahead).execute(&mut connection).await.unwrap();
    for migrate in [Migrate::No, Migrate::Yes] {
        open(&path, migrate).await.expect("nothing was taken away").close().await;
    }
    let removed = "UPDATE schema_compatibility SET oldest_build = 9999";
    sqlx::query(removed).execute(&mut connection).await.unwrap();
    for migrate in [Migrate::No, Migrate::Yes] {
        assert_eq!(refusal(&path, migrate).await, SchemaMismatch::Newer);
    }
    let behind = "DELETE FROM _sqlx_migrations";
    sqlx::query(behind).execute(&mut connection).await.unwrap();
    assert_eq!(refusal(&path, Migrate::No).await, SchemaMismatch::Older);

    let changed = directory.path().join("changed.db");
    open(&changed, Migrate::Yes).await.unwrap().close().await;
    let mut connection = bare(&changed).await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut connection).await.unwrap();
    for migrate in [Migrate::No, Migrate::Yes] {
        assert_eq!(refusal(&changed, migrate).await, SchemaMismatch::Different);
    }
    let not_ours = directory.path().join("not-a-database");
    std::fs::write(&not_ours, "x".repeat(10_000)).unwrap();
    assert!(matches!(open(&not_ours, Migrate::Yes).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn two_that_start_at_once_both_get_the_schema() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let (one, two) = tokio::join!(open(&path, Migrate::Yes), open(&path, Migrate::Yes));
        one.unwrap().ping().await.unwrap();
        two.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_is_a_whole_database() {
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    let copy = directory.path().join("file:copy.db");
    store.backup(&copy).await.unwrap();
    assert_eq!(mode(&copy), 0o600);
    store.delete_comment(&path, NOW).await.unwrap();

    let again = store.backup(&copy).await;
    assert!(matches!(&again, Err(StoreError::File(error)) if error.kind() == std::io::ErrorKind::AlreadyExists));
    let nowhere = store.backup(&directory.path().join("none/copy.db")).await;
    assert!(matches!(nowhere, Err(StoreError::File(_))));
    let restored = open(&copy, Migrate::No).await.unwrap();
    assert!(alive(&restored, link).await, "as it was at the time of the copy");
    assert!(!alive(&store, link).await);
    restored.close().await;
}

/// Issues so many links for the one attachment of a comment: whether they were answered.
async fn issue_many(store: &Store, path: &CommentPath, links: usize) -> bool {
    let build = |_: &IssueContext| {
        let new = || {
            let minted = mint(LINK_PREFIX, NOW);
            NewLink { id: minted.id, hash: minted.hash, attachment: 0, recipient: None }
        };
        Ok::<_, ()>(((), std::iter::repeat_with(new).take(links).collect()))
    };
    store.issue(path, Wanted { request: None, attachments: None }, NOW, build).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_does_not_wait_for_all_the_links_of_a_call() {
    const LINKS: usize = 10_000;
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let mut beside = bare(&file(&directory)).await;
    let answered = AtomicBool::new(false);
    let issuing = async {
        assert!(issue_many(&store, &path, LINKS).await);
        answered.store(true, Ordering::SeqCst);
    };
    let revoking = async {
        let count = "SELECT count(*) FROM links";
        while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut beside).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        store.delete_comment(&comment("acme", "SUP", "other"), NOW).await.unwrap();
        assert!(!answered.load(Ordering::SeqCst), "it was answered after all of them");
    };
    tokio::join!(issuing, revoking);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM links").fetch_one(&mut beside).await.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), LINKS);
}

#[tokio::test]
async fn links_of_a_call_that_fails_halfway_are_not_answered() {
    let (store, directory) = sqlite().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let mut beside = bare(&file(&directory)).await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON links WHEN (SELECT count(*) FROM links) >= 1500 \
         BEGIN SELECT RAISE(ABORT, 'on purpose'); END";
    sqlx::query(full).execute(&mut beside).await.unwrap();
    assert!(!issue_many(&store, &path, 2500).await);
    // The first part is there, and its secrets are known to nobody.
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM links").fetch_one(&mut beside).await.unwrap();
    assert_eq!(count, 1000);
    sqlx::query("DROP TRIGGER full").execute(&mut beside).await.unwrap();
    assert!(issue_many(&store, &path, 2500).await);
}

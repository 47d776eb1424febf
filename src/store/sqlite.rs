//! The embedded database: its files, its settings, its schema, its copy.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};
use tokio::time::Instant;

use super::Migrate;
use super::db::Db;
use super::error::{PRIMARY_CODE, SchemaMismatch, StoreError};
use super::migrations::{APPLIED, OLDEST_BUILD, Stand, compare, may_run_ahead, run_error};
use super::sqlite_file::DatabaseFile;
use super::sqlite_readers::Readers;
use super::sqlite_state::StateFile;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a writer waits for another process to commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries to open a file that another process is changing.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// `SQLITE_BUSY` (<https://www.sqlite.org/rescode.html>).
const SQLITE_BUSY: i32 = 5;
/// How long a statement waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at once, for the API and the background work.
const READERS: u32 = 4;
/// Rows that a reader's thread may be ahead of its caller: a whole batch, so that neither waits for the other.
const ROWS_AHEAD: usize = 512;
/// To this size the write-ahead log shrinks again after a burst.
const WAL_OCTETS_KEPT: &str = "67108864";
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Opens the database file, and makes it, readable by its owner only, when it may migrate.
pub(super) async fn open(path: &Path, migrate: Migrate) -> Result<Db, StoreError> {
    // An absolute path begins with a slash, so SQLite cannot take it for a `file:` URI or for `:memory:`.
    let path = std::path::absolute(path)?;
    must_have_its_database(&path)?;
    match migrate {
        Migrate::Yes => make_file(&path)?,
        Migrate::No if !path.try_exists()? => return Err(SchemaMismatch::Missing.into()),
        Migrate::No => {}
    }
    let file = Arc::new(DatabaseFile::at(path)?);
    let writer = open_writer(file.real()).await?;
    match (check_schema(&writer).await, migrate) {
        (Err(StoreError::Schema(SchemaMismatch::Missing | SchemaMismatch::Older)), Migrate::Yes) => {
            run_migrations(&writer).await?;
        }
        (fits, _) => fits?,
    }
    let options = options(file.real()).read_only(true).row_buffer_size(ROWS_AHEAD);
    let in_place = Arc::clone(&file);
    let pool = pool_options(READERS).after_connect(move |_, _| {
        let is_in_place = in_place.must_be_in_place().map_err(|error| sqlx::Error::Configuration(error.into()));
        Box::pin(std::future::ready(is_in_place))
    });
    let readers = pool.connect_with(options.clone()).await?;
    let liveness = Readers::open(Arc::clone(&file), BUSY_TIMEOUT).await?;
    let state = StateFile::open(file.real(), &options).await?;
    file.must_be_in_place()?;
    Ok(Db::Sqlite { readers, liveness, writer, file, state })
}

/// Makes a directory for its owner only, where it does not exist.
///
/// # Errors
/// As the operating system says.
pub fn make_private_dir(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)
}

/// A log that is not empty has what was committed last. The library takes one beside an empty file for left over.
fn must_have_its_database(path: &Path) -> io::Result<()> {
    let octets = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = Path::new(&log);
    if octets(path) > 0 || octets(log) == 0 {
        return Ok(());
    }
    let why = "is the log of a database that is not there: put that back beside it, or move the log away";
    Err(io::Error::other(format!("{} {why}", log.display())))
}

fn make_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        make_private_dir(directory)?;
    }
    // SQLite gives the log and its index the mode of the database file.
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    Ok(())
}

fn options(path: &Path) -> SqliteConnectOptions {
    // The sqlx log would name statements; it never names values, but nobody needs it. What larger statements put aside
    // (the pages that they may have to put back, sorted rows) goes to memory: there may be no folder for temporary files,
    // as in a container that may not be written to.
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    options.pragma("temp_store", "memory")
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    // No connection is closed for its age: opening costs more than keeping, and nothing drops it on the way.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(TURN_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

async fn open_writer(path: &Path) -> Result<SqlitePool, StoreError> {
    let options = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_OCTETS_KEPT);
    // SQLite ends a transaction by itself when the disk is full or fails. sqlx then cannot roll it back, takes the
    // connection for one in a transaction for ever, and refuses every later one on it: such a connection must go.
    let pool = pool_options(1).after_release(|connection, _| {
        Box::pin(async move {
            // Answered only after a queued rollback was tried.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    });
    // Changing to write-ahead logging is the one step for which SQLite does not wait: of two processes that open a new
    // file at once, one is refused (sqlite3_busy_handler(): not asked where waiting could be a deadlock).
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => tokio::time::sleep(BUSY_PAUSE).await,
            opened => return Ok(opened?),
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & PRIMARY_CODE == SQLITE_BUSY)
}

/// Migrates in one transaction that holds the write lock: of two processes that start at once, one waits.
async fn run_migrations(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut *tx).await.map_err(run_error)?;
    Ok(tx.commit().await?)
}

async fn check_schema(writer: &SqlitePool) -> Result<(), StoreError> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(writer).await? == 0 {
        return Err(SchemaMismatch::Missing.into());
    }
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(APPLIED).fetch_all(writer).await?;
    if compare(&MIGRATIONS, &applied)? == Stand::Ahead {
        may_run_ahead(&MIGRATIONS, sqlx::query_scalar(OLDEST_BUILD).fetch_one(writer).await?)?;
    }
    Ok(())
}

/// Writes a consistent copy to `to`, which must not exist, and brings it to the disk.
pub(super) async fn backup(readers: &SqlitePool, to: &Path) -> Result<(), StoreError> {
    let to = std::path::absolute(to)?;
    let name = to.to_str().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))?;
    // Made here for its mode, and so that nothing is written over. SQLite fills a file that is empty.
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&to)?;
    let copied = match sqlx::query("VACUUM INTO $1").bind(name).execute(readers).await {
        Ok(_) => sync(&to),
        Err(error) => Err(error.into()),
    };
    if copied.is_err() {
        // What is left is no backup. Where it cannot be removed, the error says already that there is none.
        let _ = std::fs::remove_file(&to);
    }
    copied
}

fn sync(file: &Path) -> Result<(), StoreError> {
    File::open(file)?.sync_all()?;
    if let Some(directory) = file.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const NOW: time::OffsetDateTime = time::macros::datetime!(2026-11-21 10:00 UTC);

    async fn fresh() -> (Store, SqlitePool, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let url = crate::store::DatabaseUrl::Sqlite(directory.path().join("a.db"));
        let store = Store::open(&url, Migrate::Yes).await.unwrap();
        let Db::Sqlite { writer, .. } = &store.db else { panic!("the embedded one was asked for") };
        let writer = writer.clone();
        (store, writer, directory)
    }

    async fn pragma(writer: &SqlitePool, text: &'static str) -> i64 {
        sqlx::query_scalar(text).fetch_one(writer).await.unwrap()
    }

    #[tokio::test]
    async fn commits_are_synced_and_readers_cannot_write() {
        const FULL: i64 = 2;
        const MEMORY: i64 = 2;
        let (store, writer, _directory) = fresh().await;
        assert_eq!(pragma(&writer, "PRAGMA synchronous").await, FULL);
        assert_eq!(pragma(&writer, "PRAGMA temp_store").await, MEMORY, "there may be no folder for temporary files");
        let Db::Sqlite { readers, .. } = &store.db else { panic!("the embedded one was asked for") };
        assert!(sqlx::query("DELETE FROM links").execute(readers).await.is_err());
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_survived() {
        let (store, writer, _directory) = fresh().await;
        let key =
            |number: u32| crate::domain::attachment::ObjectKey::named(&format!("{}{number}", "x".repeat(900))).unwrap();
        let pages = pragma(&writer, "PRAGMA page_count").await;
        assert_eq!(pragma(&writer, "PRAGMA max_page_count = 1").await, pages);
        let mut written = 0;
        let refused = loop {
            match store.intend_object(&key(written), NOW).await {
                Ok(()) => written += 1,
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        // There is room again. The connection is another by now, or the writer would refuse for ever.
        pragma(&writer, "PRAGMA max_page_count = 1000000").await;
        store.intend_object(&key(written), NOW).await.unwrap();
        let listed = store.doomed_objects(NOW + time::Duration::days(2), 10_000).await.unwrap();
        assert_eq!(listed.len(), usize::try_from(written).unwrap() + 1);
    }
}

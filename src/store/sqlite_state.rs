//! Which state the embedded database is in, told without a statement.
//!
//! The index of its write-ahead log, a file that all of its connections share, begins with a header that every commit of
//! every process changes before it is answered: the library itself begins each read by it
//! (<https://www.sqlite.org/walformat.html>, section 2.1). It counts transactions, and holds the log's length, salts that
//! are new whenever the log begins anew, and a checksum over all that the log has. So while its octets are the same,
//! nothing was committed, and what was read is what would be read now.
//!
//! Measured, with rows kept (`liveness/kept.rs`): waiting for a batch that asks for the sites' change numbers by a
//! statement, on the library's thread, took 4 of the 20 µs of CPU that a small download cost; reading the header by a
//! system call took 0.6 of 12. It is read where the library reads it: in memory that all who use the database share.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mmap_io::{MemoryMappedFile, MmapMode};
use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::StoreError;
use crate::file_system::is_local_path;

/// The header, in words of eight octets.
const HEADER_WORDS: usize = 6;
/// It is there twice. Who writes it writes the second one first, and who reads it reads the first one first: where both are
/// the same, nothing is being written (`walIndexWriteHdr` and `walIndexTryHdr` of the library's source). The checksum in it
/// need not be looked at as well: octets that were never written together equal those of no later state.
const HEADERS: usize = 2;
const HEADERS_OCTETS: u64 = (HEADERS * HEADER_WORDS * size_of::<u64>()) as u64;
/// Which octet says that it is initialised: one of this word, at this place in it.
const IS_INITIALISED: (usize, usize) = (1, 4);

/// A state of the database: equal to another one only when nothing was committed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseState([u64; HEADER_WORDS]);

/// The file that tells. It stays open, and in memory, for as long as the process runs: the library's locks on it are the
/// process's, and closing it anywhere would drop them (fcntl(2), POSIX record locks).
#[derive(Clone)]
pub(super) struct StateFile {
    headers: &'static [AtomicU64],
    user: Arc<User>,
}

/// A connection that does nothing but use the file: the last one that closes takes it away, and then it would tell
/// nothing about the database any more.
struct User {
    connection: Mutex<Option<SqliteConnection>>,
    closed: AtomicBool,
}

/// Whether a file can tell.
fn is_usable(file: &Path) -> io::Result<bool> {
    Ok(is_local_path(file)? && std::fs::metadata(file)?.len() >= HEADERS_OCTETS)
}

impl StateFile {
    /// That of a database which is open under its real path, in the mode of the write-ahead log. `None` where it cannot be
    /// had, or might not show what others have written: only file systems of this machine promise that.
    ///
    /// # Errors
    /// The database is not to be used by this process then: the library's locks on the file are gone.
    pub(super) async fn open(database: &Path, options: &SqliteConnectOptions) -> Result<Option<Self>, StoreError> {
        let Ok(mut connection) = options.connect().await else { return Ok(None) };
        // A connection begins to use it when it reads.
        let read = sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await;
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        let name = PathBuf::from(name);
        // All that can be asked is asked before it is open.
        if read.is_err() || !is_usable(&name).unwrap_or(false) {
            return Ok(None);
        }
        // For writing, though nothing is written: the crate gives atomics in writable memory only.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&name) else { return Ok(None) };
        let mapped = MemoryMappedFile::from_file(file, MmapMode::ReadWrite, &name).map_err(io::Error::other)?;
        let headers = Box::leak(Box::new(mapped)).atomic_u64_slice(0, HEADERS * HEADER_WORDS);
        let headers = Box::leak(Box::new(headers.map_err(io::Error::other)?));
        let user = Arc::new(User { connection: Mutex::new(Some(connection)), closed: AtomicBool::new(false) });
        Ok(Some(Self { headers, user }))
    }

    /// The state now; `None` when it cannot be told: a commit is being written, or the file is no longer in use.
    pub(super) fn now(&self) -> Option<DatabaseState> {
        let mut words = [[0; HEADER_WORDS]; HEADERS];
        for (word, shared) in words.as_flattened_mut().iter_mut().zip(self.headers) {
            // In this order: no later load comes before this one.
            *word = shared.load(Ordering::Acquire);
        }
        let [first, second] = words;
        let (word, octet) = IS_INITIALISED;
        let is_initialised = first[word].to_ne_bytes()[octet] != 0;
        let told = first == second && is_initialised && !self.user.closed.load(Ordering::Acquire);
        told.then_some(DatabaseState(first))
    }

    /// No longer uses the file, which from then on tells nothing.
    pub(super) async fn close(&self) {
        self.user.closed.store(true, Ordering::Release);
        let connection = self.user.connection.lock().take();
        if let Some(connection) = connection {
            // It has written nothing that could be lost.
            let _ = connection.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attachment::ObjectKey;
    use crate::store::{DatabaseUrl, Migrate, Store};
    use sqlx::sqlite::SqliteJournalMode;

    const NOW: time::OffsetDateTime = time::macros::datetime!(2026-11-21 10:00 UTC);

    async fn fresh() -> (Store, std::path::PathBuf, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), Migrate::Yes).await.unwrap();
        (store, path, directory)
    }

    /// Every state is another one: also after the log was written back and begun anew.
    #[tokio::test]
    async fn each_commit_is_another_state_and_reading_is_none() {
        let (store, path, _directory) = fresh().await;
        let mut seen = vec![store.state().unwrap()];
        for number in 0..200 {
            store.intend_object(&ObjectKey::named(&format!("k{number}")).unwrap(), NOW).await.unwrap();
            let now = store.state().unwrap();
            assert!(!seen.contains(&now), "commit {number}");
            seen.push(now);
            store.ping().await.unwrap();
            assert_eq!(store.state(), Some(now), "nothing was committed");
            if number % 50 == 49 {
                let mut other =
                    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut other).await.unwrap();
                other.close().await.unwrap();
                // Written back is not committed, but may be taken for it: then more is read than need be.
                seen.push(store.state().unwrap());
            }
        }
    }

    #[tokio::test]
    async fn a_commit_of_somebody_else_is_seen() {
        let (store, path, _directory) = fresh().await;
        let before = store.state().unwrap();
        let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
        sqlx::query("UPDATE recommits SET count = count + 1").execute(&mut other).await.unwrap();
        assert_ne!(store.state().unwrap(), before);
    }

    /// What lies beside a symbolic link is not the database's, and may be left over from another one.
    #[tokio::test]
    async fn a_link_leads_to_the_file_that_tells() {
        let (store, path, directory) = fresh().await;
        store.close().await;
        for (name, stale) in [("b.db", false), ("c.db", true)] {
            let link = directory.path().join(name);
            std::os::unix::fs::symlink(&path, &link).unwrap();
            let store = Store::open(&DatabaseUrl::Sqlite(link.clone()), Migrate::Yes).await.unwrap();
            if stale {
                std::fs::copy(directory.path().join("a.db-shm"), directory.path().join("c.db-shm")).unwrap();
            }
            store.close().await;
            let store = Store::open(&DatabaseUrl::Sqlite(link), Migrate::Yes).await.unwrap();
            let before = store.state().unwrap();
            store.intend_object(&ObjectKey::named(name).unwrap(), NOW).await.unwrap();
            assert_ne!(store.state().unwrap(), before, "{name}");
            store.close().await;
        }
    }

    /// Somebody else comes and goes while nobody but the file's user has the database open.
    #[tokio::test]
    async fn its_user_keeps_the_file_in_use_and_the_log_free() {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(directory.path().join("a.db"));
        let writing = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let mut first = SqliteConnection::connect_with(&writing).await.unwrap();
        sqlx::query("CREATE TABLE t (n INTEGER)").execute(&mut first).await.unwrap();
        let file = StateFile::open(&directory.path().join("a.db"), &options.read_only(true)).await.unwrap().unwrap();
        first.close().await.unwrap();
        for number in 0..3 {
            let before = file.now().unwrap();
            let mut other = SqliteConnection::connect_with(&writing).await.unwrap();
            sqlx::query("INSERT INTO t VALUES ($1)").bind(number).execute(&mut other).await.unwrap();
            assert_ne!(file.now().unwrap(), before, "commit {number}");
            let (is_held, ..): (i64, i64, i64) =
                sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut other).await.unwrap();
            assert_eq!(is_held, 0, "the log could not begin anew: it would grow for ever");
            other.close().await.unwrap();
        }
        file.close().await;
        assert!(file.now().is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_no_longer_in_use_tells_nothing() {
        let (store, _, _directory) = fresh().await;
        assert!(store.state().is_some());
        store.close().await;
        assert_eq!(store.state(), None);
    }
}

//! Why the store did not answer.

use std::io;
use std::sync::Arc;

use sqlx::sqlite::SqliteError;

use super::postgres;

/// The low octet of `SQLite`'s result codes is the primary one, what is above it says more.
pub(super) const PRIMARY_CODE: i32 = 0xff;
/// `SQLITE_FULL`: the disk has no room (<https://www.sqlite.org/rescode.html>).
const SQLITE_FULL: i32 = 13;
/// `SQLITE_IOERR_SHMSIZE`: the index of the write-ahead log cannot grow, which is a full disk too.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;
/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
const DAMAGED: [i32; 2] = [11, 26];

/// Why the store did not answer. The texts carry no values; the causes are for the log only. Cheap to clone: one statement
/// may fail for several callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot be asked now: locked for too long, unreachable, an I/O error.
    #[error("the database did not answer")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// As [`StoreError::Unavailable`], of the embedded one's readers.
    #[error("the database did not answer")]
    NotRead(#[source] Arc<rusqlite::Error>),
    /// It takes no writes, so it may not know the last revocations.
    #[error("the database server is a standby, or read-only")]
    ReadOnly,
    /// Its disk is full.
    #[error("the database's disk is full")]
    Full,
    /// The database was restored from a backup, and revocations after it are not known.
    #[error("the database was restored from a backup: run `attachlink recover`")]
    Restored,
    /// The embedded database's file is not the one that was opened.
    #[error(
        "the database's file was moved or replaced while it was open: put it back, or stop the service and do as \
         docs/OPERATIONS.md says, Restoring"
    )]
    Replaced,
    /// A number that was drawn for a row is another row's.
    #[error("a number that was drawn for a row is taken")]
    NumberTaken,
    /// A stored row says something that this service never writes.
    #[error("the database holds something that cannot be read: {0}")]
    Corrupt(&'static str),
    /// The schema is not this build's.
    #[error(transparent)]
    Schema(#[from] SchemaMismatch),
    /// A file of the embedded database, or a copy of it, cannot be made or opened.
    #[error("a database file cannot be made or opened")]
    File(#[source] Arc<io::Error>),
    /// It could not be opened, and a setting is most likely to blame.
    #[error("{advice}")]
    Start {
        /// What to change, by the setting's name.
        advice: &'static str,
        /// What happened.
        #[source]
        cause: Box<StoreError>,
    },
    /// The database is not the embedded one, and only that can do this.
    #[error("only the embedded database does this")]
    NotEmbedded,
}

impl StoreError {
    /// Whether another transaction was in the way, and the same one may succeed in a moment. It changed nothing.
    pub(super) fn is_conflict(&self) -> bool {
        match self {
            Self::NumberTaken => true,
            Self::Unavailable(error) => postgres::is_conflict(error),
            _ => false,
        }
    }

    /// What went wrong with a statement that gives a row a number which was drawn for it.
    pub(super) fn of_drawn_number(self) -> Self {
        let unique = sqlx::error::DatabaseError::is_unique_violation;
        match self {
            Self::Unavailable(error) if error.as_database_error().is_some_and(unique) => Self::NumberTaken,
            other => other,
        }
    }

    /// Whether a row that was written is to blame, or a lock on it: the same without that row may succeed.
    pub(super) fn is_of_a_row(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        let violates = |cause: &dyn sqlx::error::DatabaseError| !matches!(cause.kind(), sqlx::error::ErrorKind::Other);
        error.as_database_error().is_some_and(violates) || postgres::is_conflict(error) || postgres::is_locked(error)
    }

    /// Whether the embedded database's file is damaged, or is no database at all.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.sqlite_code().is_some_and(|code| DAMAGED.contains(&(code & PRIMARY_CODE)))
    }

    fn sqlite_code(&self) -> Option<i32> {
        match self {
            Self::Unavailable(error) => {
                // A server's codes may look like numbers too.
                let cause = error.as_database_error().filter(|cause| cause.try_downcast_ref::<SqliteError>().is_some());
                cause?.code()?.parse().ok()
            }
            Self::NotRead(error) => error.sqlite_error().map(|cause| cause.extended_code),
            _ => None,
        }
    }

    /// What an operator can do about it, by the setting's name where there is one.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable(error) => postgres::advice(error),
            Self::ReadOnly => Some("database_url must name the primary, and it must take writes"),
            _ => None,
        }
    }

    /// An error met at the start, with the setting to change where that can be told.
    pub(super) fn at_start(self) -> Self {
        match self.advice() {
            Some(advice) => Self::Start { advice, cause: Box::new(self) },
            None => self,
        }
    }
}

/// How a database's schema differs from this build's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// There is none.
    #[error("the database has not been set up: run `attachlink migrate`")]
    Missing,
    /// Migrations are outstanding.
    #[error("the database's schema is older than this build needs: run `attachlink migrate`")]
    Older,
    /// A later build migrated it, and took away what this one uses.
    #[error(
        "the database's schema is newer than this build can run on: use the build that ran `attachlink migrate` last"
    )]
    Newer,
    /// A migration was applied whose text is not this build's.
    #[error("the database's schema was made by a different build: use that build, or restore a backup")]
    Different,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if is_full(cause.code().as_deref()) => Self::Full,
            sqlx::Error::Database(cause) if cause.code().is_some_and(|code| postgres::is_read_only(&code)) => {
                Self::ReadOnly
            }
            sqlx::Error::Configuration(cause) if cause.is::<postgres::ReadOnly>() => Self::ReadOnly,
            sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::StorageFull => Self::Full,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt("a column's type"),
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::File(Arc::new(error)) }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        match error {
            InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | Utf8Error(..) => {
                Self::Corrupt("a column's type")
            }
            _ if error.sqlite_error().is_some_and(|cause| is_full_embedded(cause.extended_code)) => Self::Full,
            _ => Self::NotRead(Arc::new(error)),
        }
    }
}

fn is_full(code: Option<&str>) -> bool {
    code.is_some_and(|code| postgres::is_full(code) || code.parse().is_ok_and(is_full_embedded))
}

fn is_full_embedded(code: i32) -> bool {
    code & PRIMARY_CODE == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        for (code, full) in [("13", true), ("4874", true), ("5", false), ("266", false), ("", false), ("53100", true)] {
            assert_eq!(is_full(Some(code)), full, "{code}");
        }
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(StoreError::from(sqlx::Error::Io(full)), StoreError::Full));
        assert!(matches!(StoreError::from(sqlx::Error::PoolTimedOut), StoreError::Unavailable(_)));
    }

    #[tokio::test]
    async fn a_damaged_database_is_told_apart() {
        use crate::store::{DatabaseUrl, Migrate, Store};

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        let opened = Store::open(&DatabaseUrl::Sqlite(path), Migrate::No).await;
        assert!(opened.as_ref().is_err_and(StoreError::is_damaged), "{opened:?}");
        assert!(!StoreError::Full.is_damaged() && !StoreError::from(sqlx::Error::PoolTimedOut).is_damaged());
    }

    #[test]
    fn the_embedded_readers_errors_are_told_apart() {
        const BUSY: i32 = 5;
        let failure = |code| StoreError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        for code in [SQLITE_FULL, SQLITE_IOERR_SHMSIZE] {
            assert!(matches!(failure(code), StoreError::Full), "{code}");
        }
        assert!(matches!(failure(BUSY), StoreError::NotRead(_)));
        for (code, damaged) in [(11, true), (267, true), (26, true), (BUSY, false)] {
            assert_eq!(failure(code).is_damaged(), damaged, "{code}");
        }
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for column in ["1", "CAST(x'ff' AS TEXT)"] {
            let read = connection.query_row(&format!("SELECT {column}"), [], |row| row.get::<_, String>(0));
            assert!(matches!(StoreError::from(read.unwrap_err()), StoreError::Corrupt(_)), "{column}");
        }
    }
}

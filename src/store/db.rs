//! The databases, and how one function body runs on each of them.
//!
//! Statements are constants with `$1` placeholders that every database reads. The macros of this file expand to one
//! arm for each database; a function says once what it asks and what it does with the answer.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::postgres::{Reader, Server, ServerTx};
use super::sqlite_file::DatabaseFile;
use super::sqlite_readers::Readers;
use super::sqlite_state::StateFile;
use super::{StoreError, history, row_ids};
use crate::domain::mark::Mark;

/// The database, as pools of connections.
#[derive(Clone)]
pub(super) enum Db {
    /// The embedded one. It takes one writer at a time, so ours queue here, fairly, and not in its lock.
    Sqlite {
        /// Connections that only read. Each statement sees all that was committed before it, by whatever process.
        readers: SqlitePool,
        /// As `readers`, for the one question of every download: no other call takes its turn.
        liveness: Readers,
        /// The one that writes.
        writer: SqlitePool,
        /// Where all of them were opened.
        file: Arc<DatabaseFile>,
        /// What tells whether something was committed; without it, that has to be asked each time.
        state: Option<StateFile>,
    },
    /// PostgreSQL.
    Postgres(Arc<Server>),
}

/// Something to run statements on, or to make one from, for each database.
pub(super) enum Arm<S, P> {
    /// The embedded one.
    Sqlite(S),
    /// PostgreSQL.
    Postgres(P),
}

/// The text of a statement for each database.
#[derive(Clone, Copy)]
pub(super) struct Sql {
    /// For the embedded one.
    pub(super) sqlite: &'static str,
    /// For PostgreSQL.
    pub(super) postgres: &'static str,
}

/// A statement that every database reads as it is.
pub(super) const fn sql(text: &'static str) -> Sql {
    Sql { sqlite: text, postgres: text }
}

/// A statement that also locks the rows that it reads, with words that the embedded database does not know: it takes
/// one writer at a time.
macro_rules! sql_that_locks {
    ($text:expr, $lock:literal) => {
        $crate::store::db::Sql { sqlite: $text, postgres: concat!($text, " ", $lock) }
    };
}

/// Runs a statement; gives the number of rows it changed.
macro_rules! execute {
    ($on:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query::<sqlx::Sqlite>($sql.sqlite)
                $(.bind($bind))*
                .execute(executor)
                .await
                .map(|done| done.rows_affected())
                .map_err($crate::store::StoreError::from),
            $crate::store::db::Arm::Postgres(on) => {
                on.execute(sqlx::query::<sqlx::Postgres>($sql.postgres)$(.bind($bind))*).await
            }
        }
    };
}

/// Runs a statement; gives its first row, if there is one.
macro_rules! fetch_optional {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)
                $(.bind($bind))*
                .fetch_optional(executor)
                .await
                .map_err($crate::store::StoreError::from),
            $crate::store::db::Arm::Postgres(on) => {
                on.fetch_optional(|| sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)$(.bind($bind))*).await
            }
        }
    };
}

/// Runs a statement; gives all of its rows.
macro_rules! fetch_all {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)
                $(.bind($bind))*
                .fetch_all(executor)
                .await
                .map_err($crate::store::StoreError::from),
            $crate::store::db::Arm::Postgres(on) => {
                on.fetch_all(|| sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)$(.bind($bind))*).await
            }
        }
    };
}

/// As [`fetch_all`], for the one question of every download. It is about a list, as each database takes it.
macro_rules! fetch_liveness {
    ($db:expr, $row:ty, $sql:expr, sqlite: $json:expr, postgres: $bind:expr) => {
        match $db.read_liveness() {
            $crate::store::db::Arm::Sqlite(readers) => readers.fetch_all::<$row>($sql.sqlite, $json).await,
            $crate::store::db::Arm::Postgres(on) => {
                on.fetch_all(|| sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres).bind($bind)).await
            }
        }
    };
}

/// Runs a whole transaction, written as an `async` block, and runs it again when another one was in its way: a deadlock,
/// a serialization that failed, or a number that both drew for a row. Such a one changed nothing.
macro_rules! retried {
    ($transaction:expr) => {{
        let mut tries = 0;
        loop {
            let done = $transaction.await;
            tries += 1;
            if !$crate::store::db::again(&done, tries).await {
                break done;
            }
        }
    }};
}

pub(super) use {execute, fetch_all, fetch_liveness, fetch_optional, retried, sql_that_locks};

/// How often a transaction is tried.
const TRIES: u32 = 6;
/// Waited before the second try, doubled before each one after it, and up to as much again by chance.
const PAUSE_MS: u64 = 8;

/// Whether to run a transaction again, after a pause.
pub(super) async fn again<T>(done: &Result<T, StoreError>, tries: u32) -> bool {
    if tries >= TRIES || !done.as_ref().is_err_and(StoreError::is_conflict) {
        return false;
    }
    let pause = PAUSE_MS << (tries - 1);
    let chance = row_ids::random().unsigned_abs() % pause;
    tokio::time::sleep(Duration::from_millis(pause + chance)).await;
    true
}

impl Db {
    /// Where a single statement reads. It sees every commit that was answered before it was sent.
    pub(super) fn read(&self) -> Arm<&SqlitePool, Reader<'_>> {
        match self {
            Self::Sqlite { readers, .. } => Arm::Sqlite(readers),
            Self::Postgres(server) => Arm::Postgres(server.reader()),
        }
    }

    /// As [`Db::read`], for the one question of every download.
    pub(super) fn read_liveness(&self) -> Arm<&Readers, Reader<'_>> {
        match self {
            Self::Sqlite { liveness, .. } => Arm::Sqlite(liveness),
            Self::Postgres(server) => Arm::Postgres(server.liveness()),
        }
    }

    /// Begins a transaction that writes. Dropping it rolls it back.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            // IMMEDIATE takes the write lock at once: a transaction that has read cannot then fail to write.
            Self::Sqlite { writer, file, .. } => {
                let tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                // What is answered must be there after a restart. It may have waited for its turn.
                file.must_be_in_place()?;
                Ok(Tx(Arm::Sqlite(tx)))
            }
            Self::Postgres(server) => Ok(Tx(Arm::Postgres(ServerTx::begin(server).await?))),
        }
    }

    /// As [`Db::begin`], for what many wait for: on a server no statement waits for a row's lock for longer than a moment.
    pub(super) async fn begin_impatient(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { .. } => self.begin().await,
            Self::Postgres(server) => Ok(Tx(Arm::Postgres(ServerTx::begin_impatient(server).await?))),
        }
    }

    /// Whether the embedded database is still where it was opened. What a server does with its files is its own business.
    pub(super) fn must_be_in_place(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { file, .. } => file.must_be_in_place(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// The database holds this mark. One that a later connection leads to must hold it too, or it was restored.
    pub(super) fn remember(&self, mark: Mark) {
        match self {
            // Another file in the place of the open one is found out by itself.
            Self::Sqlite { .. } => {}
            Self::Postgres(server) => server.remember(mark),
        }
    }

    /// Closes all connections once they are idle.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { readers, liveness, writer, state, file: _ } => {
                // The writer is last: only it can tidy the write-ahead log away.
                readers.close().await;
                liveness.close().await;
                if let Some(state) = state {
                    state.close().await;
                }
                writer.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}

/// A transaction.
pub(super) struct Tx(Arm<Transaction<'static, Sqlite>, ServerTx>);

impl Tx {
    /// Where the transaction's statements run.
    pub(super) fn on(&mut self) -> Arm<&mut SqliteConnection, &mut ServerTx> {
        match &mut self.0 {
            Arm::Sqlite(tx) => Arm::Sqlite(&mut **tx),
            Arm::Postgres(tx) => Arm::Postgres(tx),
        }
    }

    /// Commits. When this answers, the change is on the disk, and on every standby that the server waits for.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Arm::Sqlite(tx) => Ok(tx.commit().await?),
            Arm::Postgres(tx) => tx.commit().await,
        }
    }

    /// Commits a revocation or a mode change, with its mark. So one that found nothing left to change writes all the
    /// same: what it found done may come from an earlier try that was never answered and is not on the disk yet, and a
    /// commit without a change would not bring it there.
    pub(super) async fn commit_revocation(mut self) -> Result<(), StoreError> {
        history::leave(&mut self).await?;
        self.commit().await
    }
}

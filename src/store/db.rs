//! The databases, and how one function body runs on each of them.
//!
//! Statements are constants with `$1` placeholders that every database reads. The macros of this file expand to one
//! arm for each database; a function says once what it asks and what it does with the answer.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{StoreError, history};

/// The database, as pools of connections.
#[derive(Clone)]
pub(super) enum Db {
    /// The embedded one. It takes one writer at a time, so ours queue here, fairly, and not in its lock.
    Sqlite {
        /// Connections that only read. Each statement sees all that was committed before it, by whatever process.
        readers: SqlitePool,
        /// The one that writes.
        writer: SqlitePool,
    },
}

/// Something to run statements on, or to make one from, for each database.
pub(super) enum Arm<S> {
    /// The embedded one.
    Sqlite(S),
}

/// The text of a statement for each database.
#[derive(Clone, Copy)]
pub(super) struct Sql {
    /// For the embedded one.
    pub(super) sqlite: &'static str,
}

/// A statement that every database reads as it is.
pub(super) const fn sql(text: &'static str) -> Sql {
    Sql { sqlite: text }
}

/// Runs a statement; gives the number of rows it changed.
macro_rules! execute {
    ($on:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query::<sqlx::Sqlite>($sql.sqlite)
                $(.bind($bind))*
                .execute(executor)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err($crate::store::StoreError::from)
    };
}

/// Runs a statement; gives its first row, if there is one.
macro_rules! fetch_optional {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)
                $(.bind($bind))*
                .fetch_optional(executor)
                .await,
        }
        .map_err($crate::store::StoreError::from)
    };
}

/// Runs a statement; gives all of its rows.
macro_rules! fetch_all {
    ($on:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $on {
            $crate::store::db::Arm::Sqlite(executor) => sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)
                $(.bind($bind))*
                .fetch_all(executor)
                .await,
        }
        .map_err($crate::store::StoreError::from)
    };
}

pub(super) use {execute, fetch_all, fetch_optional};

impl Db {
    /// Where a single statement reads. It sees every commit that was answered before it was sent.
    pub(super) fn read(&self) -> Arm<&SqlitePool> {
        match self {
            Self::Sqlite { readers, .. } => Arm::Sqlite(readers),
        }
    }

    /// Begins a transaction that writes. Dropping it rolls it back.
    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            // IMMEDIATE takes the write lock at once: a transaction that has read cannot then fail to write.
            Self::Sqlite { writer, .. } => Ok(Tx(Arm::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?))),
        }
    }

    /// Closes all connections once they are idle.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                // The writer is last: only it can tidy the write-ahead log away.
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// A transaction.
pub(super) struct Tx(Arm<Transaction<'static, Sqlite>>);

impl Tx {
    /// Where the transaction's statements run.
    pub(super) fn on(&mut self) -> Arm<&mut SqliteConnection> {
        match &mut self.0 {
            Arm::Sqlite(tx) => Arm::Sqlite(&mut **tx),
        }
    }

    /// Commits. When this answers, the change is on the disk.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Arm::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Commits a revocation or a mode change, with its mark. So one that found nothing left to change writes all the
    /// same: what it found done may come from an earlier try that was never answered and is not on the disk yet, and a
    /// commit without a change would not bring it there.
    pub(super) async fn commit_revocation(mut self) -> Result<(), StoreError> {
        history::leave(&mut self).await?;
        self.commit().await
    }
}

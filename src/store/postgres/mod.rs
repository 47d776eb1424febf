//! PostgreSQL, for several replicas.

mod answers;
mod pool;
mod run;
mod schema;
mod session;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::db::Db;
use super::history::Restored;
use super::url::ServerUrl;
use super::{Migrate, StoreError};
use crate::domain::mark::Mark;
use pool::{Pool, Turn};
use session::Beginnings;

pub(super) use answers::{advice, is_conflict, is_full, is_locked, is_read_only};
pub(super) use run::{Reader, ServerTx};
pub(super) use session::{ReadOnly, writable};

/// How to deal with a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections of the API and the background work. Besides there are two for sweeps, and three for each public thread;
    /// one and two on machines with many processors.
    pub pool_size: usize,
    /// After this the server ends a statement by itself.
    pub statement_timeout: Duration,
    /// Whether a pooler in transaction mode stands in between: then nothing may outlast a transaction, neither prepared
    /// statements nor settings.
    pub behind_pooler: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { pool_size: 16, statement_timeout: Duration::from_secs(5), behind_pooler: false }
    }
}

/// A database server.
pub(super) struct Server {
    pool: Pool,
    beginnings: Beginnings,
    behind_pooler: bool,
    /// How long to wait for an answer.
    patience: Duration,
}

/// Connects, migrates where it may, and checks the schema.
pub(super) async fn open(
    url: &ServerUrl,
    options: &ServerOptions,
    migrate: Migrate,
    restored: Restored,
) -> Result<Db, StoreError> {
    let server = connect(url.connect_options()?, options, migrate, restored).await.map_err(StoreError::at_start)?;
    Ok(Db::Postgres(Arc::new(server)))
}

async fn connect(
    url: PgConnectOptions,
    options: &ServerOptions,
    migrate: Migrate,
    restored: Restored,
) -> Result<Server, StoreError> {
    let behind_pooler = options.behind_pooler;
    let connect_options = session::connect_options(url, options);
    schema::ready(&connect_options, behind_pooler, migrate).await?;
    let pool = Pool::new(connect_options, behind_pooler, options.pool_size, restored);
    let (beginnings, patience) = (Beginnings::of(options), session::patience(options));
    let server = Server { pool, beginnings, behind_pooler, patience };
    // What would fail at each request is told now: a standby behind a pooler, for one.
    server.try_out().await?;
    Ok(server)
}

impl Server {
    /// Where single statements read.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { server: self, turn: Turn::Ordinary }
    }

    /// Where liveness is read.
    pub(super) fn liveness(&self) -> Reader<'_> {
        Reader { server: self, turn: Turn::Liveness }
    }

    /// The database holds this mark.
    pub(super) fn remember(&self, mark: Mark) {
        self.pool.remember(mark);
    }

    /// Closes the connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

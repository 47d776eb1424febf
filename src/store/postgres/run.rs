//! Running statements: single ones that read, and transactions.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, FromRow, Postgres};
use tokio::time::timeout;

use super::Server;
use super::answers::is_lost;
use super::pool::{Lease, Turn};
use super::session;
use crate::store::StoreError;

const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Reads with single statements, each on a connection of this runtime.
pub(in crate::store) struct Reader<'a> {
    pub(super) server: &'a Server,
    pub(super) turn: Turn,
}

impl Reader<'_> {
    /// All rows. A connection that has died since it was last used is noticed here, and the statement sent anew.
    pub(in crate::store) async fn fetch_all<'q, R>(
        self,
        query: impl Fn() -> QueryAs<'q, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        loop {
            let mut lease = self.server.pool.lease(self.turn).await?;
            match self.server.read_on(&mut lease, query()).await {
                Err(error) if lease.reused && is_lost(&error) => self.server.pool.forget_idle(),
                answer => return Ok(answer?),
            }
        }
    }

    /// The first row, if there is one.
    pub(in crate::store) async fn fetch_optional<'q, R>(
        self,
        query: impl Fn() -> QueryAs<'q, Postgres, R, PgArguments>,
    ) -> Result<Option<R>, StoreError>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        Ok(self.fetch_all(query).await?.into_iter().next())
    }
}

impl Server {
    async fn read_on<R>(
        &self,
        lease: &mut Lease,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, sqlx::Error>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        if !self.behind_pooler {
            return self.fetch_on(lease, query).await;
        }
        self.begin_on(lease, &self.beginnings.read).await?;
        let rows = self.fetch_on(lease, query).await;
        // Also after an error: until then the session takes no other transaction.
        if lease.is_sound() {
            self.say_on(lease, COMMIT).await?;
        }
        rows
    }

    async fn fetch_on<R>(
        &self,
        lease: &mut Lease,
        query: QueryAs<'_, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, sqlx::Error>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        // Behind a pooler the next transaction may run on a server that knows no statement by our name.
        let rows = query.persistent(!self.behind_pooler).fetch_all(lease.connection()?);
        let rows = timeout(self.patience, rows).await;
        lease.judge(rows)
    }

    /// Begins a transaction that could write, and ends it.
    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        let mut lease = self.pool.lease(Turn::Ordinary).await?;
        self.begin_on(&mut lease, &self.beginnings.write).await?;
        Ok(self.say_on(&mut lease, ROLLBACK).await?)
    }

    async fn begin_on(&self, lease: &mut Lease, beginning: &str) -> Result<(), sqlx::Error> {
        let begun = timeout(self.patience, session::begin(lease.connection()?, beginning)).await;
        let begun = lease.judge(begun);
        if begun.is_err() {
            // How much of it was done is open.
            lease.distrust();
        }
        begun
    }

    async fn say_on(&self, lease: &mut Lease, text: &'static str) -> Result<(), sqlx::Error> {
        let said = sqlx::raw_sql(AssertSqlSafe(text)).execute(lease.connection()?);
        let said = timeout(self.patience, said).await;
        lease.judge(said).map(|_| ())
    }
}

/// A transaction that writes. Dropping it rolls it back.
pub(in crate::store) struct ServerTx {
    server: Arc<Server>,
    /// `None` once it is committed.
    lease: Option<Lease>,
}

impl ServerTx {
    /// Begins one, on another connection where the first has died: nothing was done on it yet.
    pub(in crate::store) async fn begin(server: &Arc<Server>) -> Result<Self, StoreError> {
        Self::begin_with(server, &server.beginnings.write).await
    }

    /// As [`ServerTx::begin`]; a statement of it waits for a lock for a moment only.
    pub(in crate::store) async fn begin_impatient(server: &Arc<Server>) -> Result<Self, StoreError> {
        Self::begin_with(server, &server.beginnings.write_impatient).await
    }

    async fn begin_with(server: &Arc<Server>, beginning: &str) -> Result<Self, StoreError> {
        loop {
            let mut lease = server.pool.lease(Turn::Ordinary).await?;
            match server.begin_on(&mut lease, beginning).await {
                Ok(()) => return Ok(Self { server: Arc::clone(server), lease: Some(lease) }),
                Err(error) if lease.reused && is_lost(&error) => server.pool.forget_idle(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn lease(lease: &mut Option<Lease>) -> Result<&mut Lease, sqlx::Error> {
        lease.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Runs a statement: how many rows it changed.
    pub(in crate::store) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let lease = Self::lease(&mut self.lease)?;
        let done = query.persistent(!self.server.behind_pooler).execute(lease.connection()?);
        let done = timeout(self.server.patience, done).await;
        Ok(lease.judge(done)?.rows_affected())
    }

    /// All rows of a statement.
    pub(in crate::store) async fn fetch_all<'q, R>(
        &mut self,
        query: impl FnOnce() -> QueryAs<'q, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let lease = Self::lease(&mut self.lease)?;
        Ok(self.server.fetch_on(lease, query()).await?)
    }

    /// The first row of a statement, if there is one.
    pub(in crate::store) async fn fetch_optional<'q, R>(
        &mut self,
        query: impl FnOnce() -> QueryAs<'q, Postgres, R, PgArguments>,
    ) -> Result<Option<R>, StoreError>
    where
        R: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        Ok(self.fetch_all(query).await?.into_iter().next())
    }

    /// Commits. An error leaves open whether it was committed.
    pub(in crate::store) async fn commit(mut self) -> Result<(), StoreError> {
        let lease = Self::lease(&mut self.lease)?;
        self.server.say_on(lease, COMMIT).await?;
        self.lease = None;
        Ok(())
    }
}

impl Drop for ServerTx {
    fn drop(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        // One that waits for an answer is closed, which rolls back as well. So is one without a runtime.
        if let (true, Ok(runtime)) = (lease.is_sound(), tokio::runtime::Handle::try_current()) {
            let server = Arc::clone(&self.server);
            runtime.spawn(async move {
                // Where it fails, the connection is closed with the lease.
                let _ = server.say_on(&mut lease, ROLLBACK).await;
            });
        }
    }
}

//! The embedded database's connections for the one question of every download, kept for reuse.
//!
//! sqlx's own pool sends one command more each time a connection is given back, from a task of its own, and each command wakes
//! the connection's thread. Here a connection goes back only when its last statement was answered, and is closed otherwise,
//! also when its caller stops waiting. Where 3 to 12 of 100 downloads ask for a link that is new here, one takes 28.0 µs of
//! CPU so, and 32.3 with sqlx's pool (docs/BENCHMARKS.md).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, Sqlite, SqliteConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at once: the batchers of two threads keep four busy, more take turns.
const CONNECTIONS: u32 = 4;
/// How long a statement waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that only read. Each statement sees all that was committed before it, by whatever process.
#[derive(Clone)]
pub(super) struct Readers(Arc<Inner>);

struct Inner {
    options: SqliteConnectOptions,
    places: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    /// With one connection; others are opened as they are needed.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let idle = Mutex::new(vec![options.connect().await?]);
        Ok(Self(Arc::new(Inner { options, places: Semaphore::new(CONNECTIONS as usize), idle })))
    }

    /// All rows of one statement.
    pub(super) async fn fetch_all<R>(
        &self,
        query: QueryAs<'_, Sqlite, R, SqliteArguments>,
    ) -> Result<Vec<R>, sqlx::Error>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let Inner { options, places, idle } = &*self.0;
        let turn = timeout(TURN_TIMEOUT, places.acquire()).await;
        let _place = turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = idle.lock().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => options.connect().await?,
        };
        let rows = query.fetch_all(&mut connection).await?;
        idle.lock().push(connection);
        Ok(rows)
    }

    /// Closes all connections once they are idle. No other can be had.
    pub(super) async fn close(&self) {
        let Inner { places, idle, .. } = &*self.0;
        let _all = places.acquire_many(CONNECTIONS).await;
        places.close();
        let connections = std::mem::take(&mut *idle.lock());
        for connection in connections {
            // Nothing was written by it: what goes wrong at its end is nobody's loss.
            let _ = connection.close().await;
        }
    }
}

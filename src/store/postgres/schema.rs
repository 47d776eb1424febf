//! The server's schema.

use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use super::answers::{is_locked, silent};
use super::session;
use crate::store::error::SchemaMismatch;
use crate::store::migrations::{APPLIED, OLDEST_BUILD, Stand, compare, may_run_ahead, run_error};
use crate::store::{Migrate, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long the first connection may take.
const FIRST_CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// The lock that one migrating process holds ("attachln"). It ends with its transaction, so that poolers cannot lose it.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7022344803011226734)";
/// A large table may take its time, and so may another replica that migrates.
const TAKE_THE_TIME: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL synchronous_commit = on";
/// While a migration waits for a table, whoever comes later waits behind it, replicas of the version before among them.
/// So it waits for less than a running download pauses after, gives up, and tries again a while later.
const WAIT_SHORTLY: &str = "SET LOCAL lock_timeout = '200ms'";
/// How long others get through between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to try for.
const TRIED_FOR: Duration = Duration::from_mins(1);
// sqlx names the statements of its migrations. Behind a pooler the names would stay with the server's session, and the
// next one that migrates there would meet them.
const FORGET_STATEMENTS: &str = "DEALLOCATE ALL";

/// Brings the schema up to date, or says why it does not fit.
pub(super) async fn ready(options: &PgConnectOptions, behind_pooler: bool, migrate: Migrate) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match attempt(options, behind_pooler, migrate).await {
            Err(StoreError::Unavailable(error)) if is_locked(&error) && begun.elapsed() < TRIED_FOR => {
                tracing::warn!("a table that a migration changes is in use: it is tried again in a second");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// On a connection of its own: what the next try finds must not depend on how far this one came.
async fn attempt(options: &PgConnectOptions, behind_pooler: bool, migrate: Migrate) -> Result<(), StoreError> {
    let connection = timeout(FIRST_CONNECTION_TIMEOUT, session::open(options, behind_pooler)).await;
    let mut connection = connection.map_err(|_| silent())??;
    // Looked at first: where nothing is to be done, as at nearly every start, no lock is asked for.
    match (check(&mut connection).await?, migrate) {
        (Err(SchemaMismatch::Missing | SchemaMismatch::Older), Migrate::Yes) => run(&mut connection).await?,
        (fits, _) => fits?,
    }
    // Nothing depends on it.
    let _ = connection.close().await;
    Ok(())
}

async fn check(connection: &mut PgConnection) -> Result<Result<(), SchemaMismatch>, StoreError> {
    let mut tx = connection.begin().await?;
    let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let exists: bool = sqlx::query_scalar(table).persistent(false).fetch_one(&mut *tx).await?;
    if !exists {
        return Ok(Err(SchemaMismatch::Missing));
    }
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(APPLIED).persistent(false).fetch_all(&mut *tx).await?;
    let fits = match compare(&MIGRATIONS, &applied) {
        Ok(Stand::Ahead) => {
            let oldest_build = sqlx::query_scalar(OLDEST_BUILD).persistent(false).fetch_one(&mut *tx).await?;
            may_run_ahead(&MIGRATIONS, oldest_build)
        }
        stand => stand.map(|_| ()),
    };
    tx.commit().await?;
    Ok(fits)
}

/// Migrates in one transaction: of several that start at once one migrates, and the others wait and find it done.
async fn run(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    for statement in [FORGET_STATEMENTS, TAKE_THE_TIME, LOCK, WAIT_SHORTLY] {
        sqlx::raw_sql(statement).execute(&mut *tx).await?;
    }
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    migrator.set_locking(false).run(&mut *tx).await.map_err(run_error)?;
    sqlx::raw_sql(FORGET_STATEMENTS).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

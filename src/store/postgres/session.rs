//! What a session and a transaction begin with.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};

use super::ServerOptions;
use crate::domain::mark::Mark;

/// Whether the server takes writes: a standby does not, nor one that is read-only by its settings.
macro_rules! writable {
    () => {
        "NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
    };
}
pub(in crate::store) use writable;

const WRITABLE: &str = concat!("SELECT ", writable!());

/// However long a statement may take, nothing of ours waits for so long between two.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a statement that many wait for waits for a row's lock.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// Every statement finds its rows by an index, from a list or a row to the next. So a plan made while tables were small
/// or their statistics old is still right when they have grown, and none need be made twice.
const PLANNER: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// With what transactions begin, each a single message.
pub(super) struct Beginnings {
    /// Of those that write.
    pub(super) write: String,
    /// As `write`, for those that must not wait for a lock.
    pub(super) write_impatient: String,
    /// Of single statements that read, behind a pooler: it may give each message that stands alone to another server.
    pub(super) read: String,
}

impl Beginnings {
    pub(super) fn of(options: &ServerOptions) -> Self {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        let (limit, idle) = (options.statement_timeout.as_millis(), idle_timeout(options).as_millis());
        // What a session would keep, a pooler would hand to others, or refuse.
        let limits =
            format!("; SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {idle}");
        let begin = if options.behind_pooler { format!("{begin}{limits}") } else { begin.to_owned() };
        // A commit that is answered is on the disk, and on every standby that the server waits for.
        let durable = "SELECT set_config('synchronous_commit', 'on', true) \
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
        let impatient = format!("SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis());
        let write_impatient = format!("{begin}; {impatient}; {durable}; {WRITABLE}");
        Self { write: format!("{begin}; {durable}; {WRITABLE}"), write_impatient, read: format!("{begin}; {WRITABLE}") }
    }
}

/// The options of every connection.
pub(super) fn connect_options(url: PgConnectOptions, options: &ServerOptions) -> PgConnectOptions {
    let url = url.application_name("attachlink").disable_statement_logging();
    if options.behind_pooler {
        return url.extra_float_digits(None).statement_cache_capacity(0);
    }
    let (limit, idle) = (options.statement_timeout.as_millis(), idle_timeout(options).as_millis());
    url.options(PLANNER).options(
        [("statement_timeout", limit), ("idle_in_transaction_session_timeout", idle)].map(|(k, v)| (k, v.to_string())),
    )
}

/// How long the server keeps the locks of a transaction that nobody goes on with, as where its host is gone.
fn idle_timeout(options: &ServerOptions) -> Duration {
    options.statement_timeout.min(MAX_IDLE_TIMEOUT)
}

/// Opens a connection. Unless a pooler stands in between, the server takes writes then, and goes on to do so as long as
/// the connection lives: a primary becomes a standby only by a restart.
pub(super) async fn open(options: &PgConnectOptions, behind_pooler: bool) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    if !behind_pooler {
        must_be_writable(&sqlx::raw_sql(WRITABLE).fetch_all(&mut connection).await?)?;
    }
    Ok(connection)
}

/// As [`open`], and whether the database holds this mark. One that does not was restored since it was known to.
pub(super) async fn open_and_compare(
    options: &PgConnectOptions,
    behind_pooler: bool,
    newest: Option<Mark>,
) -> Result<(PgConnection, bool), sqlx::Error> {
    let mut connection = open(options, behind_pooler).await?;
    let Some(Mark { number, random }) = newest else { return Ok((connection, true)) };
    let random = u128::from_be_bytes(random);
    // Behind a pooler this may be a standby, which holds it later: what it says counts only where it takes writes.
    let holds = format!(
        "SELECT {}, count(*) > 0 AS holds FROM revocation_marks \
         WHERE number = {number} AND random = decode('{random:032x}', 'hex')",
        writable!()
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(holds)).fetch_all(&mut connection).await?;
    must_be_writable(&rows)?;
    let holds = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("holds")?;
    Ok((connection, holds))
}

/// Begins a transaction.
pub(super) async fn begin(connection: &mut PgConnection, beginning: &str) -> Result<(), sqlx::Error> {
    must_be_writable(&sqlx::raw_sql(AssertSqlSafe(beginning)).fetch_all(connection).await?)
}

fn must_be_writable(rows: &[sqlx::postgres::PgRow]) -> Result<(), sqlx::Error> {
    match rows.last().map(|row| row.try_get(0)) {
        Some(Ok(true)) => Ok(()),
        Some(Ok(false)) => Err(sqlx::Error::Configuration(Box::new(ReadOnly))),
        Some(Err(error)) => Err(error),
        None => Err(sqlx::Error::RowNotFound),
    }
}

/// The server takes no writes.
#[derive(Debug, thiserror::Error)]
#[error("the server is a standby, or read-only")]
pub(in crate::store) struct ReadOnly;

/// How much longer than the server's own limit a statement may take before the connection is given up.
const NETWORK_TIME: Duration = Duration::from_secs(2);

/// How long to wait for a statement's answer.
pub(super) fn patience(options: &ServerOptions) -> Duration {
    options.statement_timeout + NETWORK_TIME
}

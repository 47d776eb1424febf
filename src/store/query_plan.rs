//! How the embedded database carries a statement out, for tests.

use sqlx::AssertSqlSafe;

use super::db::{Arm, Sql};
use super::{Migrate, Store};

/// The steps of a statement that asks about a JSON array.
pub(super) async fn steps(statement: Sql) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/a.db", directory.path().display()).parse().unwrap();
    let store = Store::open(&url, Migrate::Yes).await.unwrap();
    let Arm::Sqlite(readers) = store.db.read() else { panic!("the embedded one was asked for") };
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite));
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).bind("[]").fetch_all(readers).await.unwrap();
    plan.into_iter().map(|(.., step)| step).collect()
}

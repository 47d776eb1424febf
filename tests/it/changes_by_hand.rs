//! What an operator or another version does to the database by statements of its own replaces a site's change number too,
//! where it changes what is read about a living link: triggers do it, and not our statements.

use attachlink::store::SiteChange;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, SqliteConnection};

use crate::postgres_server::Database;
use crate::store_contract::changes::World;
use crate::store_contract::sqlite;

/// Statements that change what is read about a link of comment `c1-#` in `acme`.
const CHANGE: [&str; 19] = [
    "UPDATE links SET revoked_at = 1 WHERE comment = 'c1-#'",
    "UPDATE links SET expires_at = expires_at + 1 WHERE comment = 'c1-#'",
    "UPDATE links SET generation = generation + 1 WHERE comment = 'c1-#'",
    "UPDATE links SET recipient = NULL WHERE comment = 'c1-#'",
    "UPDATE links SET attachment = 'other' WHERE comment = 'c1-#'",
    "UPDATE links SET secret_hash = (SELECT secret_hash FROM links ORDER BY link_id LIMIT 1) WHERE comment = 'c1-#'",
    "DELETE FROM links WHERE comment = 'c1-#'",
    "DELETE FROM links",
    "UPDATE attachments SET filename = 'other' WHERE comment = 'c1-#'",
    "UPDATE attachments SET size = size + 1, modified_at = modified_at + 1 WHERE comment = 'c1-#'",
    "UPDATE attachments SET attachment_id = -attachment_id WHERE comment = 'c1-#'",
    "DELETE FROM attachments WHERE comment = 'c1-#'",
    "UPDATE projects SET generation = generation + 1 WHERE site = 'acme'",
    "UPDATE projects SET site = 'other' WHERE site = 'acme'",
    "DELETE FROM projects WHERE site = 'acme'",
    "INSERT INTO comments (site, project, comment, deleted_at, changes) VALUES ('acme', 'SUP', 'c1-#', 1, 1) \
     ON CONFLICT (site, project, comment) DO UPDATE SET deleted_at = excluded.deleted_at",
    "UPDATE comments SET deleted_at = 1 WHERE comment = 'c1-#'",
    "DELETE FROM comments WHERE comment = 'c1-#'; \
     INSERT INTO comments (site, project, comment, deleted_at, changes) VALUES ('acme', 'SUP', 'c1-#', 1, 1)",
    "DELETE FROM comments WHERE comment = 'c1-#'; \
     INSERT INTO comments (site, project, comment, deleted_at, changes) VALUES ('acme', 'SUP', 'elsewhere-#', 1, 1); \
     UPDATE comments SET comment = 'c1-#' WHERE comment = 'elsewhere-#'",
];

/// Statements that change nothing of it.
const HARMLESS: [&str; 7] = [
    "UPDATE links SET revoked_at = revoked_at, recipient = recipient",
    "UPDATE attachments SET registered_order = registered_order + 100, filename = filename",
    "UPDATE projects SET mode = 'portal_login', generation = generation",
    "UPDATE comments SET request = 'r', changes = changes + 1, idle_since = 1",
    "UPDATE comments SET deleted_at = deleted_at",
    "DELETE FROM comments WHERE deleted_at IS NULL",
    "UPDATE sites SET plan = 'free'",
];

/// Somebody with a connection of their own.
pub(crate) enum Hand {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Hand {
    /// At the embedded database in this directory.
    pub(crate) async fn at_file_of(directory: &tempfile::TempDir) -> Self {
        let file = directory.path().join("data/attachlink.db");
        Self::Sqlite(sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap())
    }

    pub(crate) async fn does(&mut self, statements: &str, number: usize) {
        let text = AssertSqlSafe(statements.replace('#', &number.to_string()));
        match self {
            Self::Sqlite(connection) => drop(sqlx::raw_sql(text).execute(connection).await.unwrap()),
            Self::Postgres(connection) => drop(sqlx::raw_sql(text).execute(connection).await.unwrap()),
        }
    }
}

async fn number(world: &World) -> SiteChange {
    world.numbers().await[0]
}

async fn by_hand(mut world: World, mut hand: Hand) {
    for (at, statements) in CHANGE.into_iter().enumerate() {
        world.fill(at + 1).await;
        let before = number(&world).await;
        hand.does(statements, at + 1).await;
        assert_ne!(before, number(&world).await, "{statements}");
        world.check(statements).await;
        hand.does("DELETE FROM projects WHERE site = 'other'", 0).await;
    }
    world.fill(CHANGE.len() + 1).await;
    let before = number(&world).await;
    for statements in HARMLESS {
        hand.does(statements, 0).await;
        assert_eq!(before, number(&world).await, "{statements}");
        world.check(statements).await;
    }
}

#[tokio::test]
async fn by_hand_on_the_embedded_database() {
    let (store, directory) = sqlite().await;
    by_hand(World::new(store).await, Hand::at_file_of(&directory).await).await;
}

#[tokio::test]
async fn by_hand_on_postgresql() {
    let database = Database::fresh().await;
    let hand = Hand::Postgres(database.admin().await);
    by_hand(World::new(database.store().await).await, hand).await;
}

#[tokio::test]
async fn emptied_tables_open_nothing() {
    for table in ["links", "attachments", "projects"] {
        let database = Database::fresh().await;
        let world = World::new(database.store().await).await;
        let before = world.numbers().await;
        Hand::Postgres(database.admin().await).does(&format!("TRUNCATE {table}"), 0).await;
        let after = world.numbers().await;
        assert!(before[0] != after[0] && before[1] != after[1], "{table}");
        world.check(table).await;
    }
}

/// The number is replaced once in a transaction: what a savepoint undoes of it is done anew.
#[tokio::test]
async fn what_a_savepoint_undoes_is_done_again() {
    let database = Database::fresh().await;
    let world = World::new(database.store().await).await;
    let before = number(&world).await;
    let undone = "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT s; UPDATE links SET revoked_at = 1; \
         ROLLBACK TO SAVEPOINT s;";
    let mut hand = Hand::Postgres(database.admin().await);
    hand.does(&format!("{undone} COMMIT"), 0).await;
    assert_eq!(before, number(&world).await, "nothing was changed");
    hand.does(&format!("{undone} UPDATE links SET revoked_at = 2; COMMIT"), 0).await;
    assert_ne!(before, number(&world).await);
    world.check("a savepoint").await;
}

//! What deletions leave behind, and clearing it away in small batches.

use super::login_provider;
use crate::domain::ids::{CommentPath, SiteId};
use crate::store::db::{Sql, Tx, execute, fetch_optional, retried, sql, sql_that_locks};
use crate::store::rows::bigint;
use crate::store::{Store, StoreError};

const QUEUE_PORTAL: Sql = sql_that_locks!(
    "INSERT INTO deleted_portals (portal_id) SELECT portal_id FROM customer_access WHERE site = $1",
    "FOR UPDATE"
);
const DELETE_PORTAL: Sql = sql("DELETE FROM customer_access WHERE site = $1");
const DELETE_TAGGED: Sql = sql("DELETE FROM tagged_customers WHERE comment = $3 \
     AND project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2)");

/// Deletes a batch of the rows under `$1`, in the order of the primary key, so that two that do so do not wait for each
/// other in a circle.
macro_rules! batch {
    ($table:literal, $row:literal, $key:literal) => {
        sql(concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $row,
            ", ",
            $key,
            ") IN (SELECT ",
            $row,
            ", ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $row,
            " = $1 ORDER BY ",
            $key,
            " LIMIT $2)"
        ))
    };
}
const OF_PORTAL: [Sql; 3] = [
    batch!("accounts", "portal_id", "email"),
    batch!("organization_members", "portal_id", "organization, email"),
    batch!("sign_up_tokens", "portal_id", "token_id"),
];
const OF_PROJECT: [Sql; 5] = [
    batch!("project_customers", "project_id", "email"),
    batch!("requests", "project_id", "request"),
    batch!("request_participants", "project_id", "request, email"),
    batch!("request_organizations", "project_id", "request, organization"),
    batch!("tagged_customers", "project_id", "comment, email"),
];
const PERMISSIONS_OF_PROJECT: Sql = sql("DELETE FROM customer_permissions WHERE project_id = $1");

const QUEUED: Sql = sql("SELECT portal_id FROM deleted_portals ORDER BY portal_id LIMIT 1");
// Of several replicas that purge, one clears a portal, and the others leave it alone.
const HOLD: Sql =
    sql_that_locks!("SELECT portal_id FROM deleted_portals WHERE portal_id = $1", "FOR UPDATE SKIP LOCKED");
const DONE: Sql = sql("DELETE FROM deleted_portals WHERE portal_id = $1");

/// A site is deleted: its portal's row goes, and with it all that was keyed by it.
pub(in crate::store) async fn delete_site(tx: &mut Tx, site: &SiteId) -> Result<(), StoreError> {
    execute!(tx.on(), QUEUE_PORTAL, site.as_str())?;
    execute!(tx.on(), DELETE_PORTAL, site.as_str())?;
    login_provider::delete_with_site(tx, site).await
}

/// A comment is deleted: nobody is tagged in it any more.
pub(in crate::store) async fn delete_comment(tx: &mut Tx, path: &CommentPath) -> Result<(), StoreError> {
    let (site, project, comment) = path.texts();
    execute!(tx.on(), DELETE_TAGGED, site, project, comment)?;
    Ok(())
}

/// Clears away at most `batch` rows of a deleted project. Says how many; fewer when nothing is left.
pub(in crate::store) async fn clear_project(tx: &mut Tx, project_id: i64, batch: u64) -> Result<u64, StoreError> {
    execute!(tx.on(), PERMISSIONS_OF_PROJECT, project_id)?;
    clear(tx, &OF_PROJECT, project_id, batch).await
}

async fn clear(tx: &mut Tx, statements: &[Sql], row: i64, batch: u64) -> Result<u64, StoreError> {
    let mut cleared = 0;
    for statement in statements {
        if cleared == batch {
            break;
        }
        cleared += execute!(tx.on(), *statement, row, bigint(batch - cleared)?)?;
    }
    Ok(cleared)
}

impl Store {
    /// Forgets at most `batch` rows of the portal of one deleted site. Says how many rows were cleared away; 0 when
    /// nothing is left of any.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_deleted_portals(&self, batch: u64) -> Result<u64, StoreError> {
        let Some((portal_id,)) = fetch_optional!(self.db.read(), (i64,), QUEUED)? else { return Ok(0) };
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), HOLD, portal_id)?.is_none() {
                return Ok(0);
            }
            let mut cleared = clear(&mut tx, &OF_PORTAL, portal_id, batch).await?;
            if cleared < batch {
                cleared += execute!(tx.on(), DONE, portal_id)?;
            }
            tx.commit().await?;
            Ok(cleared)
        })
    }
}

//! Links, written for all who wait in one transaction.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::NewLink;
use super::insert::insert;
use crate::domain::ids::{AttachmentId, CommentPath, RequestId};
use crate::store::StoreError;
use crate::store::db::{Db, Sql, execute, retried};
use crate::store::gather::{Gatherer, Limits};
use crate::store::json::json_unless_empty;

// Of the project that was read, or of one made since. One that comes late, from before its project was deleted, takes no
// place of one that was named since.
const REMEMBER_REQUESTS: Sql = Sql {
    // Without WHERE, SQLite would read ON CONFLICT as a condition of the join (its documentation of UPSERT).
    sqlite: "INSERT INTO comments (site, project, comment, request, request_project, changes) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, coalesce(value ->> 4, (SELECT project_id \
         FROM projects WHERE site = value ->> 0 AND project = value ->> 1)), 0 FROM json_each($1) WHERE TRUE \
         ON CONFLICT (site, project, comment) DO UPDATE SET request = excluded.request, \
         request_project = excluded.request_project, idle_since = NULL \
         WHERE excluded.request_project IS NULL \
         OR EXISTS (SELECT 1 FROM projects AS p WHERE p.project_id = excluded.request_project)",
    postgres: "INSERT INTO comments (site, project, comment, request, request_project, changes) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, coalesce(CAST(value ->> 4 AS BIGINT), \
         (SELECT project_id FROM projects WHERE site = value ->> 0 AND project = value ->> 1)), 0 \
         FROM json_array_elements(CAST($1 AS JSON)) AS rows (value) \
         ON CONFLICT (site, project, comment) DO UPDATE SET request = excluded.request, \
         request_project = excluded.request_project, idle_since = NULL \
         WHERE excluded.request_project IS NULL \
         OR EXISTS (SELECT 1 FROM projects AS p WHERE p.project_id = excluded.request_project)",
};
/// Links in one transaction: a revocation waits behind no more than these at the embedded database's one writer. A call
/// for more is written in several.
pub(super) const LINKS_PER_TRANSACTION: usize = 1000;

/// The embedded database takes one writer at a time. A server's commits overlap, and its own group commit does the rest.
const fn limits(db: &Db) -> Limits {
    let goes = match db {
        Db::Sqlite { .. } => 1,
        Db::Postgres(_) => 4,
    };
    // A server's disk syncs one commit while the next one is written.
    Limits { goes, weight: LINKS_PER_TRANSACTION, company: Duration::ZERO }
}

/// Links of one comment, and the request that it belongs to.
pub(in crate::store) struct Part {
    pub(super) path: CommentPath,
    /// To be remembered, where it is another than before.
    pub(super) request: Option<RequestId>,
    /// Whether it takes the place of another one.
    pub(super) had_request: bool,
    /// The project that was read, and that the request is of; `None` before it is made.
    pub(super) project: Option<i64>,
    /// Ids and rows of what the links open.
    pub(super) attachments: Arc<[(AttachmentId, i64)]>,
    /// `None` without a project: then there are no attachments, and no links.
    pub(super) generation: Option<i64>,
    pub(super) expires_at: i64,
    /// Each for one of `attachments`.
    pub(super) links: Vec<NewLink>,
}

impl Part {
    /// What it weighs in a transaction.
    pub(super) fn weight(&self) -> usize {
        self.links.len().max(1)
    }

    /// As this one, with nothing to write.
    pub(super) fn without_links(&self) -> Self {
        let (path, attachments) = (self.path.clone(), Arc::clone(&self.attachments));
        let Self { had_request, project, generation, expires_at, .. } = *self;
        Self { path, request: None, had_request, project, attachments, generation, expires_at, links: Vec::new() }
    }

    /// Who was on the other request, and is not on this one, can no longer download.
    const fn revokes(&self) -> bool {
        self.had_request && self.request.is_some()
    }
}

/// Writes for all who wait.
pub(in crate::store) type Writing = Gatherer<Part, ()>;

/// Starts writing.
pub(in crate::store) fn start(db: &Db) -> Writing {
    let limits = limits(db);
    let db = db.clone();
    Gatherer::start(limits, move |parts| write(db.clone(), parts))
}

/// Transactions of single parts at once.
const ALONE_AT_ONCE: usize = 2;

/// All in one transaction; where one of them may be what is wrong with it, each in one of its own.
async fn write(db: Db, parts: Vec<Part>) -> Vec<Result<(), StoreError>> {
    let written = write_together(&db, &parts).await;
    if parts.len() > 1 && written.as_ref().is_err_and(StoreError::is_of_a_row) {
        // Not all at once: the others that want a connection are to get one in between.
        let mut written = Vec::with_capacity(parts.len());
        for some in parts.chunks(ALONE_AT_ONCE) {
            written.extend(join_all(some.iter().map(|part| write_together(&db, slice::from_ref(part)))).await);
        }
        return written;
    }
    parts.iter().map(|_| written.clone()).collect()
}

async fn write_together(db: &Db, parts: &[Part]) -> Result<(), StoreError> {
    let requests = requests(parts)?;
    retried!(async {
        // Others do not wait for the one comment that a lock is on.
        let mut tx = if parts.len() > 1 { db.begin_impatient().await? } else { db.begin().await? };
        if let Some(requests) = &requests {
            execute!(tx.on(), REMEMBER_REQUESTS, requests)?;
        }
        insert(&mut tx, parts).await?;
        if parts.iter().any(Part::revokes) { tx.commit_revocation().await } else { tx.commit().await }
    })
}

/// Each comment once, as PostgreSQL asks, with its last request; in their order, so that no two transactions lock each
/// other out.
fn requests(parts: &[Part]) -> Result<Option<String>, StoreError> {
    let all =
        parts.iter().filter_map(|part| Some((part.path.texts(), (part.request.as_ref()?.as_str(), part.project))));
    let last: BTreeMap<_, _> = all.collect();
    json_unless_empty(
        last.into_iter().map(|((site, project, comment), (request, row))| (site, project, comment, request, row)),
    )
}

//! What must last: sites, projects, comments with their tombstones, attachments, links, API keys.
//!
//! One file for each kind of thing; `db` says how one body of code runs on each database. Three rules hold everywhere:
//! - A missing row refuses.
//! - A method that revokes answers after its commit, and commits again when it is repeated.
//! - Nothing is remembered between calls: each reads what is committed when it is called.

mod attachments;
mod changes;
mod comments;
mod db;
mod error;
mod gather;
mod history;
mod issue;
mod json;
mod keys;
mod links;
mod liveness;
mod migrations;
mod objects;
mod portal;
mod postgres;
mod projects;
mod purge;
#[cfg(test)]
mod query_plan;
mod register;
mod revoke;
mod row_ids;
mod rows;
mod sites;
mod sqlite;
mod sqlite_file;
mod sqlite_readers;
mod sqlite_state;
mod url;

use std::path::Path;
use std::sync::Arc;

use db::{Db, Sql, fetch_optional};
use row_ids::AttachmentRows;

pub use changes::SiteChange;
pub use comments::CommentState;
pub use error::{SchemaMismatch, StoreError};
pub use issue::{IssueContext, Issued, NewLink, Wanted};
pub use keys::{KeyListed, NewKey};
pub use liveness::{LivenessRow, Memo, Registration, ServedObject};
pub use portal::{
    AddPerson, AskedAbout, CaseFacts, DownloadFacts, ListOfPeople, NewSignUp, OpenProjects, PutRequest, Redeemed,
    RequestRecord, SetPermissions, StoredProvider,
};
pub use postgres::ServerOptions;
pub use projects::{LiveLinks, SetMode};
pub use purge::{CommentsPurged, CommentsSeen};
pub use register::{NewAttachment, Registered};
pub use revoke::RevokeTarget;
pub use sites::SiteUpdate;
pub use sqlite::make_private_dir;
pub use sqlite_state::DatabaseState;
pub(crate) use url::without_password;
pub use url::{DatabaseUrl, InvalidDatabaseUrl, ServerUrl};

/// What to do about a database whose schema is older than this build, or that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// Bring it up to date; make it where it does not exist.
    Yes,
    /// Refuse it.
    No,
}

/// The database. Cheap to clone: clones share its connections.
#[derive(Clone)]
pub struct Store {
    db: Db,
    attachment_rows: Arc<AttachmentRows>,
    restored: history::Restored,
    gathered: Arc<Gathered>,
}

/// What is asked for by many calls at once, and done for them together.
struct Gathered {
    keys: keys::Reading,
    in_force: issue::read::Reading,
    links: issue::write::Writing,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

const PING: Sql = Sql {
    sqlite: "SELECT count, TRUE FROM recommits WHERE one = 1",
    postgres: concat!("SELECT count, ", postgres::writable!(), " FROM recommits WHERE one = 1"),
};

impl Store {
    /// Opens the database. An embedded one is made where it does not exist, with its directories, for its owner only.
    ///
    /// # Errors
    /// [`StoreError::Schema`] when the schema is not this build's and may not be migrated, or is newer.
    pub async fn open(url: &DatabaseUrl, migrate: Migrate) -> Result<Self, StoreError> {
        Self::open_with(url, &ServerOptions::default(), migrate).await
    }

    /// As [`Store::open`], with `options` for a database on a server. The runtime that it is opened on must live as long
    /// as the store.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::Start`] where a setting is most likely to blame.
    pub async fn open_with(url: &DatabaseUrl, options: &ServerOptions, migrate: Migrate) -> Result<Self, StoreError> {
        let restored = history::Restored::default();
        let db = match url {
            DatabaseUrl::Sqlite(path) => sqlite::open(path, migrate).await?,
            DatabaseUrl::Postgres(url) => postgres::open(url, options, migrate, restored.clone()).await?,
        };
        let gathered =
            Gathered { keys: keys::start(&db), in_force: issue::read::start(&db), links: issue::write::start(&db) };
        Ok(Self { db, attachment_rows: Arc::default(), restored, gathered: Arc::new(gathered) })
    }

    /// The state that the embedded database is in. Equal to an earlier one: nothing was committed since. `None` when that
    /// has to be asked by a statement, as of a server always.
    #[must_use]
    pub fn state(&self) -> Option<DatabaseState> {
        match &self.db {
            Db::Sqlite { state, .. } if !self.is_restored() => state.as_ref()?.now(),
            Db::Sqlite { .. } | Db::Postgres(_) => None,
        }
    }

    /// Whether the database answers, and takes writes.
    ///
    /// # Errors
    /// When it does not: [`StoreError::ReadOnly`] for a standby, [`StoreError::Replaced`] for a file that is another one.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.must_be_in_place()?;
        let row = fetch_optional!(self.db.read(), (i64, bool), PING)?;
        match row {
            Some((_, true)) => Ok(()),
            Some((_, false)) => Err(StoreError::ReadOnly),
            None => Err(StoreError::Corrupt("a row of the schema is missing")),
        }
    }

    /// Writes a consistent copy of the embedded database to a new file, for its owner only, and brings it to the disk.
    ///
    /// # Errors
    /// [`StoreError::File`] when the file exists or cannot be made, [`StoreError::NotEmbedded`] for a database server.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite { readers, .. } => sqlite::backup(readers, to).await,
            Db::Postgres(_) => Err(StoreError::NotEmbedded),
        }
    }

    /// Closes the connections after the last statement. Later calls fail.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

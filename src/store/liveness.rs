//! Liveness: the one question of every download, for a whole batch in one statement.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use compact_str::CompactString;
use time::OffsetDateTime;

use super::changes::{SiteChange, site_change};
use super::db::{Sql, fetch_liveness};
use super::json::{hex, json_list};
use super::links::{alive, alive_joins, recipient};
use super::postgres::writable;
use super::rows::{id, kind, object, time};
use super::sqlite_readers::read_by_name;
use super::{Store, StoreError};
use crate::domain::attachment::ObjectVersion;
use crate::domain::ids::{Recipient, SiteId};
use crate::domain::media::Kind;
use crate::domain::token::LinkId;

/// One statement, so the whole answer is of one moment, and point look-ups by primary keys only. One row for each link
/// of the list `$wanted`, known or not, so that there is always one that says whether the server takes writes.
macro_rules! liveness {
    ($writable:expr, $wanted:literal) => {
        concat!(
            "SELECT ",
            $writable,
            " AS writable, l.link_id, l.secret_hash, l.expires_at, l.site, l.recipient, ",
            alive!(),
            " AS alive, a.filename, a.media_type, a.kind, a.object_key, a.object_version, a.size, a.modified_at, ",
            site_change!(),
            " FROM ",
            $wanted,
            " ",
            alive_joins!(),
            " LEFT JOIN site_changes AS changes ON changes.site = l.site"
        )
    };
}
const LIVENESS: Sql = Sql {
    sqlite: liveness!("TRUE", "json_each($1) AS wanted LEFT JOIN links AS l ON l.link_id = unhex(wanted.value)"),
    postgres: liveness!(
        concat!("(SELECT ", writable!(), ")"),
        "unnest($1) AS wanted (link_id) LEFT JOIN links AS l ON l.link_id = wanted.link_id"
    ),
};

/// A link as the database knows it at the time of the statement.
#[derive(Debug, Clone)]
pub struct LivenessRow {
    /// Its public name.
    pub id: LinkId,
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
    /// From when on it is refused.
    pub expires_at: OffsetDateTime,
    /// Whether it was revoked in whatever way.
    pub withdrawn: bool,
    /// The site it was issued in.
    pub site: SiteId,
    /// Whom it was issued to.
    pub recipient: Option<Recipient>,
    /// What it opens; `None` when it is withdrawn.
    pub served: Option<Arc<ServedObject>>,
    /// The site's change number: while it is this one, the rest is what would be read now.
    pub change: SiteChange,
}

/// One registration of an attachment. Bytes that replace its bytes are of the same one; what is registered after a
/// deletion, or in a project that is made again, is another, though it has the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registration {
    pub(super) project_id: i64,
    pub(super) order: i64,
}

/// What a living link opens, or a customer may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedObject {
    /// The name a person knows it by.
    pub filename: CompactString,
    /// Its media type.
    pub media_type: CompactString,
    /// What its bytes are.
    pub kind: Kind,
    /// Its bytes.
    pub object: ObjectVersion,
    /// Where an attachment's ids were asked about; a link's row names its registration by itself.
    pub registration: Option<Registration>,
    /// What whoever serves it made of the above.
    pub memo: Memo,
}

/// Where something that is made of a row, and good as long as the row, is kept with it. It is no part of the row.
#[derive(Clone, Default)]
pub struct Memo(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Memo {
    /// What was made before, or is made now. There is one kind of it for each row.
    pub fn get_or_make<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Arc::new(make())).downcast_ref()
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    writable: bool,
    /// Missing when the link is, with all that follows.
    link_id: Option<Vec<u8>>,
    secret_hash: Option<Vec<u8>>,
    expires_at: Option<i64>,
    site: Option<String>,
    recipient: Option<String>,
    alive: bool,
    change: Vec<u8>,
    #[sqlx(flatten)]
    served: ServedRow,
}

/// The attachment's columns; all of them are missing when the attachment is.
#[derive(sqlx::FromRow)]
pub(super) struct ServedRow {
    filename: Option<String>,
    media_type: Option<String>,
    kind: Option<String>,
    object_key: Option<String>,
    object_version: Option<String>,
    size: Option<i64>,
    modified_at: Option<i64>,
}

read_by_name!(ServedRow { filename, media_type, kind, object_key, object_version, size, modified_at });

impl ServedRow {
    /// `None` when there is no attachment.
    pub(super) fn read_if_there(self) -> Result<Option<ServedObject>, StoreError> {
        if self.object_key.is_some() { self.read().map(Some) } else { Ok(None) }
    }

    fn read(self) -> Result<ServedObject, StoreError> {
        let missing = || StoreError::Corrupt("a living link without its attachment");
        let key = self.object_key.ok_or_else(missing)?;
        let version = self.object_version.ok_or_else(missing)?;
        let (size, modified_at) = (self.size.ok_or_else(missing)?, self.modified_at.ok_or_else(missing)?);
        Ok(ServedObject {
            filename: self.filename.ok_or_else(missing)?.into(),
            media_type: self.media_type.ok_or_else(missing)?.into(),
            kind: kind(&self.kind.ok_or_else(missing)?)?,
            object: object(key, version, size, modified_at)?,
            registration: None,
            memo: Memo::default(),
        })
    }
}

read_by_name!(Row { writable, link_id, secret_hash, expires_at, site, recipient, alive, change } served);

impl Row {
    /// `None` for a link that is not known.
    fn read(self) -> Result<Option<LivenessRow>, StoreError> {
        // What a standby says may be of before a revocation.
        if !self.writable {
            return Err(StoreError::ReadOnly);
        }
        let Some(link_id) = self.link_id else { return Ok(None) };
        let missing = || StoreError::Corrupt("a link without its columns");
        let hash = self.secret_hash.ok_or_else(missing)?;
        Ok(Some(LivenessRow {
            id: LinkId::from_octets(&link_id).ok_or(StoreError::Corrupt("a link's id"))?,
            hash: hash.try_into().map_err(|_| StoreError::Corrupt("the hash of a secret"))?,
            expires_at: time(self.expires_at.ok_or_else(missing)?)?,
            withdrawn: !self.alive,
            site: id(&self.site.ok_or_else(missing)?)?,
            recipient: recipient(self.recipient)?,
            served: if self.alive { Some(Arc::new(self.served.read()?)) } else { None },
            change: SiteChange::read(&self.change)?,
        }))
    }
}

impl Store {
    /// What the database knows about these links, in any order. Links never issued, or long forgotten, are missing.
    ///
    /// The answer counts for requests that arrived before this call: whatever was revoked before it, is withdrawn.
    ///
    /// # Errors
    /// When the database does not answer, or is a standby; nothing may be served then.
    pub async fn liveness(&self, links: &[LinkId]) -> Result<Vec<LivenessRow>, StoreError> {
        let octets: Vec<&[u8]> = links.iter().map(|link| link.octets().as_slice()).collect();
        let in_hex = || json_list(octets.iter().map(|link| hex(link)));
        let rows = fetch_liveness!(self.db, Row, LIVENESS, sqlite: in_hex()?, postgres: &octets)?;
        self.must_not_be_restored()?;
        rows.into_iter().filter_map(|row| row.read().transpose()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query_plan;

    #[tokio::test]
    async fn the_statement_is_point_lookups_only() {
        let steps = query_plan::steps(LIVENESS).await;
        let [list, rest @ ..] = &*steps else { panic!("no plan") };
        assert!(list.starts_with("SCAN wanted VIRTUAL TABLE"), "{steps:?}");
        assert_eq!(
            rest,
            [
                "SEARCH l USING PRIMARY KEY (link_id=?) LEFT-JOIN",
                "SEARCH a USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
                "SEARCH p USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
                "SEARCH c USING PRIMARY KEY (site=? AND project=? AND comment=?) LEFT-JOIN",
                "SEARCH changes USING PRIMARY KEY (site=?) LEFT-JOIN",
                "SCALAR SUBQUERY 1",
                "SEARCH site_changes USING PRIMARY KEY (site=?)",
            ]
        );
    }
}

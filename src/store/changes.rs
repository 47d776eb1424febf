//! The change number of each site: while it is what it was, a row that was read about a living link of the site is what
//! would be read now.
//!
//! Triggers replace it (`migrations/*/0009_site_changes.sql`), in the transaction of whatever changes what [`LIVENESS`]
//! says about a link that was alive. It is random, so no number ever comes back, not even with a restored backup.
//!
//! [`LIVENESS`]: super::liveness

use super::db::{Sql, Tx, execute, fetch_liveness};
use super::json::json_list;
use super::postgres::writable;
use super::rows::id;
use super::sqlite_readers::read_by_name;
use super::{Store, StoreError};
use crate::domain::ids::SiteId;

/// The number of the site whose row `changes` was joined; of one without a row, that of the row without a name, so that
/// [`Store::recover`] reaches all.
macro_rules! site_change {
    () => {
        "coalesce(changes.change, (SELECT change FROM site_changes WHERE site = '')) AS change"
    };
}
pub(super) use site_change;

macro_rules! changes {
    ($writable:expr, $wanted:literal) => {
        concat!(
            "SELECT ",
            $writable,
            " AS writable, wanted.value AS site, ",
            site_change!(),
            " FROM ",
            $wanted,
            " LEFT JOIN site_changes AS changes ON changes.site = wanted.value"
        )
    };
}
const CHANGES: Sql = Sql {
    sqlite: changes!("TRUE", "json_each($1) AS wanted"),
    postgres: changes!(concat!("(SELECT ", writable!(), ")"), "unnest($1) AS wanted (value)"),
};
const REPLACE_ALL: Sql = Sql {
    sqlite: "UPDATE site_changes SET change = randomblob(16)",
    postgres: "UPDATE site_changes SET change = uuid_send(gen_random_uuid())",
};

/// A site's change number. Two are equal only when nothing changed in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteChange([u8; 16]);

impl SiteChange {
    /// Reads a column.
    pub(super) fn read(octets: &[u8]) -> Result<Self, StoreError> {
        octets.try_into().map(Self).map_err(|_| StoreError::Corrupt("a site's change number"))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    writable: bool,
    site: String,
    change: Vec<u8>,
}

read_by_name!(Row { writable, site, change });

impl Row {
    fn read(self) -> Result<(SiteId, SiteChange), StoreError> {
        // What a standby says may be of before a revocation.
        if !self.writable {
            return Err(StoreError::ReadOnly);
        }
        Ok((id(&self.site)?, SiteChange::read(&self.change)?))
    }
}

/// Gives every site another number.
pub(super) async fn replace_all(tx: &mut Tx) -> Result<(), StoreError> {
    execute!(tx.on(), REPLACE_ALL).map(|_| ())
}

impl Store {
    /// The change numbers of these sites, known or not, in any order.
    ///
    /// # Errors
    /// As [`Store::liveness`]: nothing may be served then.
    pub async fn site_changes(&self, sites: &[&SiteId]) -> Result<Vec<(SiteId, SiteChange)>, StoreError> {
        let sites: Vec<&str> = sites.iter().map(|site| site.as_str()).collect();
        let rows = fetch_liveness!(self.db, Row, CHANGES, sqlite: json_list(sites.iter())?, postgres: &sites)?;
        self.must_not_be_restored()?;
        rows.into_iter().map(Row::read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query_plan;

    #[tokio::test]
    async fn the_statement_is_point_lookups_only() {
        let steps = query_plan::steps(CHANGES).await;
        let [list, rest @ ..] = &*steps else { panic!("no plan") };
        assert!(list.starts_with("SCAN wanted VIRTUAL TABLE"), "{steps:?}");
        assert_eq!(
            rest,
            [
                "SEARCH changes USING PRIMARY KEY (site=?) LEFT-JOIN",
                "SCALAR SUBQUERY 1",
                "SEARCH site_changes USING PRIMARY KEY (site=?)",
            ]
        );
    }
}

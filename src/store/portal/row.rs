//! The row that stands for a site's portal.

use crate::domain::ids::SiteId;
use crate::store::db::{Sql, Tx, execute, fetch_optional, sql};
use crate::store::{StoreError, row_ids};

// The defaults of `CustomerAccess`.
const START: Sql = sql("INSERT INTO customer_access (site, portal_id, approved_domains, internal_accounts, \
     external_accounts, portal_without_login, outgoing_mail, global_anonymous_access) \
     VALUES ($1, $2, '[]', FALSE, FALSE, FALSE, FALSE, FALSE) ON CONFLICT (site) DO NOTHING");
const PORTAL: Sql = sql("SELECT portal_id FROM customer_access WHERE site = $1");

/// The portal's row of a site that the transaction holds, made with the default settings where there is none.
pub(super) async fn started(tx: &mut Tx, site: &SiteId) -> Result<i64, StoreError> {
    execute!(tx.on(), START, site.as_str(), row_ids::random())?;
    let row = fetch_optional!(tx.on(), (i64,), PORTAL, site.as_str())?;
    row.map(|(portal_id,)| portal_id).ok_or(StoreError::Corrupt("a portal's row was not written"))
}

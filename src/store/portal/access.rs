//! Customer access of sites.

use super::row;
use crate::domain::ids::SiteId;
use crate::domain::portal::{CustomerAccess, Domain, EmailAddress};
use crate::store::db::{Sql, execute, fetch_optional, retried, sql, sql_that_locks};
use crate::store::json::json_list;
use crate::store::sites::SITE_HELD;
use crate::store::sqlite_readers::read_by_name;
use crate::store::{Store, StoreError};

/// The columns of [`AccessRow`], from a table `ca` whose row may be missing: then everything is off.
macro_rules! access_columns {
    () => {
        "coalesce(ca.approved_domains, '[]') AS approved_domains, \
         coalesce(ca.internal_accounts, FALSE) AS internal_accounts, \
         coalesce(ca.external_accounts, FALSE) AS external_accounts, \
         coalesce(ca.portal_without_login, FALSE) AS portal_without_login, \
         coalesce(ca.outgoing_mail, FALSE) AS outgoing_mail, ca.incoming_address, \
         coalesce(ca.global_anonymous_access, FALSE) AS global_anonymous_access"
    };
}
pub(super) use access_columns;

const ACCESS: Sql = sql(concat!(
    "SELECT ",
    access_columns!(),
    " FROM sites AS s LEFT JOIN customer_access AS ca ON ca.site = s.site WHERE s.site = $1"
));
// Of two that change it, one waits here, and sees what the other wrote.
const ACCESS_TO_CHANGE: Sql = sql_that_locks!(
    concat!("SELECT ", access_columns!(), " FROM customer_access AS ca WHERE ca.site = $1"),
    "FOR NO KEY UPDATE"
);
const SET: Sql = sql("UPDATE customer_access SET approved_domains = $2, internal_accounts = $3, \
     external_accounts = $4, portal_without_login = $5, outgoing_mail = $6, incoming_address = $7, \
     global_anonymous_access = $8 WHERE site = $1");

/// A site's customer access as it is stored.
#[expect(clippy::struct_excessive_bools, reason = "a row has the columns that it has")]
#[derive(sqlx::FromRow)]
pub(super) struct AccessRow {
    approved_domains: String,
    internal_accounts: bool,
    external_accounts: bool,
    portal_without_login: bool,
    outgoing_mail: bool,
    incoming_address: Option<String>,
    global_anonymous_access: bool,
}

read_by_name!(AccessRow {
    approved_domains,
    internal_accounts,
    external_accounts,
    portal_without_login,
    outgoing_mail,
    incoming_address,
    global_anonymous_access
});

impl AccessRow {
    /// Reads the row.
    pub(super) fn read(self) -> Result<CustomerAccess, StoreError> {
        let mut access = CustomerAccess {
            portal_without_login: self.portal_without_login,
            outgoing_mail: self.outgoing_mail,
            incoming_address: self.incoming_address.as_deref().map(email).transpose()?,
            ..CustomerAccess::default()
        };
        let domains = serde_json::from_str(&self.approved_domains);
        access.internal_customers.approved_domains =
            domains.map_err(|_| StoreError::Corrupt("a site's approved domains"))?;
        access.internal_customers.create_accounts = self.internal_accounts;
        access.external_customers.create_accounts = self.external_accounts;
        access.knowledge_base.global_anonymous_access = self.global_anonymous_access;
        Ok(access)
    }
}

/// Reads an email address.
pub(super) fn email(text: &str) -> Result<EmailAddress, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("an email address"))
}

impl Store {
    /// A site's customer access. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customer_access(&self, site: &SiteId) -> Result<Option<CustomerAccess>, StoreError> {
        fetch_optional!(self.db.read(), AccessRow, ACCESS, site.as_str())?.map(AccessRow::read).transpose()
    }

    /// Replaces a site's customer access; gives what it was. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer; whether it was replaced is open then.
    pub async fn set_customer_access(
        &self,
        site: &SiteId,
        access: &CustomerAccess,
    ) -> Result<Option<CustomerAccess>, StoreError> {
        let domains = json_list(access.internal_customers.approved_domains.iter().map(Domain::as_str))?;
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, site.as_str())?.is_none() {
                return Ok(None);
            }
            row::started(&mut tx, site).await?;
            let before = fetch_optional!(tx.on(), AccessRow, ACCESS_TO_CHANGE, site.as_str())?;
            let before = before.ok_or(StoreError::Corrupt("a portal's row was not written"))?.read()?;
            execute!(
                tx.on(),
                SET,
                site.as_str(),
                domains.as_str(),
                access.internal_customers.create_accounts,
                access.external_customers.create_accounts,
                access.portal_without_login,
                access.outgoing_mail,
                access.incoming_address.as_ref().map(EmailAddress::as_str),
                access.knowledge_base.global_anonymous_access,
            )?;
            // It may have taken access away.
            tx.commit_revocation().await?;
            Ok(Some(before))
        })
    }
}

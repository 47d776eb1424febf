//! The `OpenID Connect` providers that customers of sites log in with.

use crate::domain::ids::SiteId;
use crate::domain::portal::{ClientId, Issuer, ProviderNumber};
use crate::store::db::{Sql, Tx, execute, fetch_optional, retried, sql};
use crate::store::sites::{SITE_EXISTS, SITE_HELD};
use crate::store::{Store, StoreError, row_ids};

const PROVIDER: Sql = sql("SELECT lp.provider_id, lp.issuer, lp.client_id, lp.sealed_secret FROM sites AS s \
     LEFT JOIN login_providers AS lp ON lp.site = s.site WHERE s.site = $1");
const SET: Sql = sql("INSERT INTO login_providers (site, provider_id, issuer, client_id, sealed_secret) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (site) DO UPDATE SET provider_id = excluded.provider_id, \
     issuer = excluded.issuer, client_id = excluded.client_id, sealed_secret = excluded.sealed_secret");
const DELETE: Sql = sql("DELETE FROM login_providers WHERE site = $1");

/// A provider as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProvider {
    /// These settings' number.
    pub number: ProviderNumber,
    /// The provider.
    pub issuer: Issuer,
    /// The service's name there.
    pub client_id: ClientId,
    /// Its password there, sealed.
    pub sealed_secret: String,
}

#[derive(sqlx::FromRow)]
struct ProviderRow {
    /// Missing when the site has none, with what follows.
    provider_id: Option<i64>,
    issuer: Option<String>,
    client_id: Option<String>,
    sealed_secret: Option<String>,
}

impl ProviderRow {
    fn read(self) -> Result<Option<StoredProvider>, StoreError> {
        let (Some(number), Some(issuer), Some(client_id), Some(sealed_secret)) =
            (self.provider_id, self.issuer, self.client_id, self.sealed_secret)
        else {
            return Ok(None);
        };
        let issuer = Issuer::parse(&issuer).map_err(|_| StoreError::Corrupt("a login provider's issuer"))?;
        let client_id = client_id.try_into().map_err(|_| StoreError::Corrupt("a login provider's client id"))?;
        Ok(Some(StoredProvider { number, issuer, client_id, sealed_secret }))
    }
}

/// A site is deleted: so is its provider.
pub(super) async fn delete_with_site(tx: &mut Tx, site: &SiteId) -> Result<(), StoreError> {
    execute!(tx.on(), DELETE, site.as_str())?;
    Ok(())
}

impl Store {
    /// A site's login provider. The outer `None`: no such site; the inner one: it has none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn login_provider(&self, site: &SiteId) -> Result<Option<Option<StoredProvider>>, StoreError> {
        fetch_optional!(self.db.read(), ProviderRow, PROVIDER, site.as_str())?.map(ProviderRow::read).transpose()
    }

    /// Replaces a site's login provider: whoever logged in by the old one is logged in no more. `None`: no such site;
    /// else what it was.
    ///
    /// # Errors
    /// When the database does not answer; whether it was replaced is open then.
    pub async fn set_login_provider(
        &self,
        site: &SiteId,
        issuer: &Issuer,
        client_id: &ClientId,
        sealed_secret: &str,
    ) -> Result<Option<Option<StoredProvider>>, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, site.as_str())?.is_none() {
                return Ok(None);
            }
            let before = fetch_optional!(tx.on(), ProviderRow, PROVIDER, site.as_str())?;
            let before = before.map(ProviderRow::read).transpose()?.flatten();
            let (number, issuer, client_id) = (row_ids::random(), issuer.as_str(), client_id.as_str());
            execute!(tx.on(), SET, site.as_str(), number, issuer, client_id, sealed_secret)?;
            tx.commit_revocation().await?;
            Ok(Some(before))
        })
    }

    /// Takes a site's login provider away, and with it every login. `None`: no such site; else whether it had one.
    /// Repeated, it commits again.
    ///
    /// # Errors
    /// When the database does not answer; whether it was taken away is open then.
    pub async fn delete_login_provider(&self, site: &SiteId) -> Result<Option<bool>, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site.as_str())?.is_none() {
                return Ok(None);
            }
            let existed = execute!(tx.on(), DELETE, site.as_str())? > 0;
            tx.commit_revocation().await?;
            Ok(Some(existed))
        })
    }
}

//! API keys.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use time::OffsetDateTime;

use super::db::{Db, Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use super::gather::{Gatherer, Limits};
use super::json::{hex, json_list};
use super::rows::{id, time};
use super::{Store, StoreError};
use crate::domain::access::{ApiKey, Binding};
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::token::{ApiKeyId, SecretHash};

const CREATE: Sql = sql("INSERT INTO api_keys (key_id, secret_hash, notify, admin, site, project, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)");
/// About a JSON array of ids in hex.
const VALID: Sql = Sql {
    sqlite: "SELECT k.key_id, k.secret_hash, k.notify, k.admin, k.site, k.project, k.created_at, k.revoked_at \
         FROM json_each($1) AS w JOIN api_keys AS k ON k.key_id = unhex(w.value) WHERE k.revoked_at IS NULL",
    postgres: "SELECT k.key_id, k.secret_hash, k.notify, k.admin, k.site, k.project, k.created_at, k.revoked_at \
         FROM json_array_elements_text(CAST($1 AS JSON)) AS w (value) \
         JOIN api_keys AS k ON k.key_id = decode(w.value, 'hex') WHERE k.revoked_at IS NULL",
};
const ALL: Sql = sql("SELECT key_id, secret_hash, notify, admin, site, project, created_at, revoked_at \
     FROM api_keys ORDER BY key_id");
const REVOKE: Sql = sql("UPDATE api_keys SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL");
const EXISTS: Sql = sql("SELECT created_at FROM api_keys WHERE key_id = $1");
// A row that is always there.
const LOCK: Sql = sql("UPDATE recommits SET count = count WHERE one = 1");
const ANY: Sql = sql("SELECT created_at FROM api_keys LIMIT 1");

/// Keys in one go, and goes at once: one that reads while the next one gathers.
const LIMITS: Limits = Limits { goes: 2, weight: 256, company: Duration::from_millis(2) };

/// A key to be written.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its public name.
    pub id: ApiKeyId,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// May it use the `notify` scope's calls?
    pub notify: bool,
    /// May it use the `admin` scope's calls?
    pub admin: bool,
    /// Where.
    pub binding: Binding,
}

/// A key as it is listed for operators.
#[derive(Debug, Clone)]
pub struct KeyListed {
    /// What it may do.
    pub key: ApiKey,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was revoked, if it was.
    pub revoked_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: Vec<u8>,
    secret_hash: Vec<u8>,
    notify: bool,
    admin: bool,
    site: Option<String>,
    project: Option<String>,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl KeyRow {
    fn read(self) -> Result<(KeyListed, [u8; 32]), StoreError> {
        let binding = match (self.site, self.project) {
            (None, None) => Binding::Unbound,
            (Some(site), None) => Binding::Site(id(&site)?),
            (Some(site), Some(project)) => Binding::Project(id(&site)?, id(&project)?),
            (None, Some(_)) => return Err(StoreError::Corrupt("a key bound to a project of no site")),
        };
        let key_id = ApiKeyId::from_octets(&self.key_id).ok_or(StoreError::Corrupt("a key's id"))?;
        let hash = self.secret_hash.try_into().map_err(|_| StoreError::Corrupt("the hash of a secret"))?;
        let listed = KeyListed {
            key: ApiKey { id: key_id, notify: self.notify, admin: self.admin, binding },
            created_at: time(self.created_at)?,
            revoked_at: self.revoked_at.map(time).transpose()?,
        };
        Ok((listed, hash))
    }
}

fn bound_to(binding: &Binding) -> (Option<&str>, Option<&str>) {
    match binding {
        Binding::Unbound => (None, None),
        Binding::Site(site) => (Some(SiteId::as_str(site)), None),
        Binding::Project(site, project) => (Some(site.as_str()), Some(ProjectId::as_str(project))),
    }
}

/// A key that is valid, with the SHA-256 of its secret.
type Valid = Option<(ApiKey, [u8; 32])>;

/// Looks keys up for all who call at once.
pub(super) type Reading = Gatherer<ApiKeyId, Valid>;

/// Starts looking keys up.
pub(super) fn start(db: &Db) -> Reading {
    let db = db.clone();
    Gatherer::start(LIMITS, move |keys| read(db.clone(), keys))
}

async fn read(db: Db, keys: Vec<ApiKeyId>) -> Vec<Result<Valid, StoreError>> {
    let each: BTreeSet<_> = keys.iter().collect();
    let rows: Result<HashMap<_, _>, StoreError> = async {
        let list = json_list(each.into_iter().map(|key| hex(key.octets())))?;
        let rows = fetch_all!(db.read(), KeyRow, VALID, list.as_str())?;
        Ok(rows.into_iter().map(|row| (row.key_id.clone(), row.read())).collect())
    }
    .await;
    let valid = |key: &ApiKeyId| match rows.as_ref().map_err(Clone::clone)?.get(key.octets().as_slice()) {
        Some(read) => read.clone().map(|(listed, hash)| Some((listed.key, hash))),
        None => Ok(None),
    };
    keys.iter().map(valid).collect()
}

async fn insert(tx: &mut Tx, new: &NewKey, now: OffsetDateTime) -> Result<(), StoreError> {
    let (site, project) = bound_to(&new.binding);
    let (key, hash) = (new.id.octets().as_slice(), new.hash.octets().as_slice());
    execute!(tx.on(), CREATE, key, hash, new.notify, new.admin, site, project, now.unix_timestamp())?;
    Ok(())
}

impl Store {
    /// Writes a new key.
    ///
    /// # Errors
    /// When the database does not answer; the key must not be handed out then.
    pub async fn create_key(&self, new: &NewKey, now: OffsetDateTime) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            insert(&mut tx, new, now).await?;
            tx.commit().await
        })
    }

    /// Writes the first key of a database that has none, as `make` gives it. Of several processes that start at once, one
    /// makes it, and the others find it made: then `make` is not called, and the answer is `None`.
    ///
    /// # Errors
    /// The outer error is the database's: the key may not be valid then. The inner one is `make`'s.
    pub async fn create_first_key<E>(
        &self,
        now: OffsetDateTime,
        make: impl FnOnce() -> Result<NewKey, E>,
    ) -> Result<Result<Option<ApiKeyId>, E>, StoreError> {
        let mut tx = self.db.begin().await?;
        // The lock that the others wait for.
        execute!(tx.on(), LOCK)?;
        if fetch_optional!(tx.on(), (i64,), ANY)?.is_some() {
            return Ok(Ok(None));
        }
        let new = match make() {
            Ok(new) => new,
            Err(error) => return Ok(Err(error)),
        };
        insert(&mut tx, &new, now).await?;
        tx.commit().await?;
        Ok(Ok(Some(new.id)))
    }

    /// A key that is not revoked, with the SHA-256 of its secret.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn key(&self, key: ApiKeyId) -> Result<Option<(ApiKey, [u8; 32])>, StoreError> {
        self.gathered.keys.ask(key, 1).await
    }

    /// All keys, revoked ones too, in the order they were made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keys(&self) -> Result<Vec<KeyListed>, StoreError> {
        let rows = fetch_all!(self.db.read(), KeyRow, ALL)?;
        rows.into_iter().map(|row| row.read().map(|(listed, _)| listed)).collect()
    }

    /// Revokes a key. Says whether there ever was one of this id.
    ///
    /// # Errors
    /// When the database does not answer; whether it was revoked is open then.
    pub async fn revoke_key(&self, key: ApiKeyId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let key = key.octets().as_slice();
        retried!(async {
            let mut tx = self.db.begin().await?;
            let revoked = execute!(tx.on(), REVOKE, key, now.unix_timestamp())? > 0;
            let made = revoked || fetch_optional!(tx.on(), (i64,), EXISTS, key)?.is_some();
            if made {
                tx.commit_revocation().await?;
            }
            Ok(made)
        })
    }

    /// Whether a key was ever made: a fresh database has none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_keys(&self) -> Result<bool, StoreError> {
        Ok(fetch_optional!(self.db.read(), (i64,), ANY)?.is_some())
    }
}

//! Sign-up tokens.

use time::OffsetDateTime;

use super::access::email;
use super::people::PROVE_ACCOUNT;
use super::row;
use crate::domain::ids::SiteId;
use crate::domain::portal::{EmailAddress, SIGN_UP_KEPT, SignUpRefused, SignUpToken};
use crate::domain::token::{Presented, SecretHash, SignUpId};
use crate::store::db::{Sql, Tx, execute, fetch_optional, retried, sql};
use crate::store::rows::{bigint, time};
use crate::store::sites::SITE_HELD;
use crate::store::{Store, StoreError};

const CREATE: Sql = sql("INSERT INTO sign_up_tokens (portal_id, token_id, secret_hash, email, expires_at) \
     VALUES ($1, $2, $3, $4, $5)");
const TOKEN: Sql = sql("SELECT secret_hash, email, expires_at, redeemed_at FROM sign_up_tokens \
     WHERE portal_id = $1 AND token_id = $2");
// Of two that redeem it at the same instant, one waits for the other's row, and then changes none.
const REDEEM: Sql = sql("UPDATE sign_up_tokens SET redeemed_at = $3 \
     WHERE portal_id = $1 AND token_id = $2 AND redeemed_at IS NULL");
// Ids are ordered by the time of issue.
const FORGET_ALL: Sql = sql("DELETE FROM sign_up_tokens");
const OLD: Sql = sql("SELECT expires_at FROM sign_up_tokens WHERE token_id < $1 LIMIT 1");
const DELETE_OLD: Sql = sql("DELETE FROM sign_up_tokens WHERE (portal_id, token_id) IN \
     (SELECT portal_id, token_id FROM sign_up_tokens WHERE token_id < $1 ORDER BY token_id LIMIT $2)");

/// A token to be written.
#[derive(Debug, Clone)]
pub struct NewSignUp {
    /// Its public name.
    pub id: SignUpId,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// Whom it signs up.
    pub email: EmailAddress,
    /// From when on it is over.
    pub expires_at: OffsetDateTime,
}

/// What became of redeeming a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// There is no such site.
    SiteNotFound,
    /// It was never made, or not for this address.
    NotFound,
    /// It is genuine, and signs nobody up.
    Refused(SignUpRefused),
    /// Its address has an account, and is proved.
    Done,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    secret_hash: Vec<u8>,
    email: String,
    expires_at: i64,
    redeemed_at: Option<i64>,
}

impl TokenRow {
    fn read(&self) -> Result<SignUpToken, StoreError> {
        let redeemed = self.redeemed_at.is_some();
        Ok(SignUpToken { email: email(&self.email)?, expires_at: time(self.expires_at)?, redeemed })
    }
}

/// The database was restored: whatever was redeemed after the backup must not be redeemed again.
pub(in crate::store) async fn forget_all(tx: &mut Tx) -> Result<(), StoreError> {
    execute!(tx.on(), FORGET_ALL,)?;
    Ok(())
}

impl Store {
    /// Remembers a token. Says whether there is such a site.
    ///
    /// # Errors
    /// When the database does not answer; the token may not be handed out then.
    pub async fn create_sign_up(&self, site: &SiteId, new: &NewSignUp) -> Result<bool, StoreError> {
        let (id, hash) = (new.id.octets().as_slice(), new.hash.octets().as_slice());
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, site.as_str())?.is_none() {
                return Ok(false);
            }
            let (portal_id, expires_at) = (row::started(&mut tx, site).await?, new.expires_at.unix_timestamp());
            execute!(tx.on(), CREATE, portal_id, id, hash, new.email.as_str(), expires_at)?;
            tx.commit().await?;
            Ok(true)
        })
    }

    /// Redeems a token, once: its address gets an account where it has none, and is proved.
    ///
    /// # Errors
    /// When the database does not answer; whether it was redeemed is open then.
    pub async fn redeem_sign_up(
        &self,
        site: &SiteId,
        presented: &Presented,
        email: &EmailAddress,
        now: OffsetDateTime,
    ) -> Result<Redeemed, StoreError> {
        let id = presented.id.octets().as_slice();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, site.as_str())?.is_none() {
                return Ok(Redeemed::SiteNotFound);
            }
            let portal_id = row::started(&mut tx, site).await?;
            let row = fetch_optional!(tx.on(), TokenRow, TOKEN, portal_id, id)?;
            let Some(row) = row.filter(|row| presented.hash.matches(&row.secret_hash)) else {
                return Ok(Redeemed::NotFound);
            };
            let token = row.read()?;
            if token.email != *email {
                return Ok(Redeemed::NotFound);
            }
            // Of a database that lost what was redeemed, nobody can tell.
            self.must_not_be_restored()?;
            if let Err(refused) = token.redeemable(now) {
                return Ok(Redeemed::Refused(refused));
            }
            if execute!(tx.on(), REDEEM, portal_id, id, now.unix_timestamp())? == 0 {
                return Ok(Redeemed::Refused(SignUpRefused::Used));
            }
            execute!(tx.on(), PROVE_ACCOUNT, portal_id, email.as_str())?;
            // Once means once also after the database was restored.
            tx.commit_revocation().await?;
            Ok(Redeemed::Done)
        })
    }

    /// Forgets at most `batch` tokens that were made so long ago that nobody asks about them. Says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge_sign_ups(&self, now: OffsetDateTime, batch: u64) -> Result<u64, StoreError> {
        let first_kept = SignUpId::first_of(now - SIGN_UP_KEPT);
        let first_kept = first_kept.as_slice();
        if fetch_optional!(self.db.read(), (i64,), OLD, first_kept)?.is_none() {
            return Ok(0);
        }
        retried!(async {
            let mut tx = self.db.begin().await?;
            let deleted = execute!(tx.on(), DELETE_OLD, first_kept, bigint(batch)?)?;
            tx.commit().await?;
            Ok(deleted)
        })
    }
}

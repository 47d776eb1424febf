//! Uploaded objects that nothing refers to any more, or not yet: what the purge deletes from the object store.
//!
//! An upload writes down its intent before its object becomes visible, and [`Store::register`] forgets the intent in
//! the transaction that refers to the object. So whatever dies in between, no object is litter for ever.

use time::{Duration, OffsetDateTime};

use super::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use super::rows::bigint;
use super::{Store, StoreError};
use crate::domain::attachment::ObjectKey;

/// How long an upload may take from its intent to its registration.
const INTENT_LIFETIME: Duration = Duration::days(1);
/// When an object that could not be deleted is tried again.
const POSTPONED_FOR: Duration = Duration::minutes(10);
/// How long a replaced object stays: downloads that run elsewhere go on reading it.
pub(super) const REPLACED_LIFETIME: Duration = Duration::hours(1);

/// Dooms the uploaded objects of the attachments that `$which` selects, from the time `$at` on.
macro_rules! doom_uploads {
    ($which:expr, $at:literal) => {
        concat!(
            "INSERT INTO doomed_objects (object_key, delete_at) SELECT object_key, ",
            $at,
            " FROM attachments WHERE ",
            $which,
            " AND uploaded ON CONFLICT (object_key) DO UPDATE SET delete_at = excluded.delete_at"
        )
    };
}
pub(super) use doom_uploads;

const DOOM: Sql = sql("INSERT INTO doomed_objects (object_key, delete_at) VALUES ($1, $2) \
     ON CONFLICT (object_key) DO UPDATE SET delete_at = excluded.delete_at");
const TAKE: Sql = sql("DELETE FROM doomed_objects WHERE object_key = $1 RETURNING delete_at");
const DUE: Sql = sql("SELECT object_key FROM doomed_objects WHERE delete_at <= $1 ORDER BY delete_at LIMIT $2");
const FORGET: Sql = sql("DELETE FROM doomed_objects WHERE object_key = $1");
const POSTPONE: Sql = sql("UPDATE doomed_objects SET delete_at = $2 WHERE object_key = $1");
const DOOM_LEFTOVERS: Sql = sql("UPDATE doomed_objects SET delete_at = 0 WHERE delete_at > 0");

/// Dooms one object.
pub(super) async fn doom(tx: &mut Tx, key: &str, delete_at: OffsetDateTime) -> Result<(), StoreError> {
    execute!(tx.on(), DOOM, key, delete_at.unix_timestamp())?;
    Ok(())
}

/// Takes an upload's intent back, because its object is about to be referred to.
pub(super) async fn keep(tx: &mut Tx, key: &ObjectKey, now: OffsetDateTime) -> Result<(), StoreError> {
    match fetch_optional!(tx.on(), (i64,), TAKE, key.as_str())? {
        Some((delete_at,)) if delete_at > now.unix_timestamp() => Ok(()),
        // The purge has deleted the object, or has read the row already and is deleting it.
        Some(_) | None => Err(sqlx::Error::Protocol("the intent to upload has expired".to_owned()).into()),
    }
}

impl Store {
    /// Writes down that an upload is about to become visible under `key`. Unless it is registered within a day, the
    /// purge deletes it.
    ///
    /// # Errors
    /// When the database does not answer: the upload must not become visible then.
    pub async fn intend_object(&self, key: &ObjectKey, now: OffsetDateTime) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            doom(&mut tx, key.as_str(), now + INTENT_LIFETIME).await?;
            tx.commit().await
        })
    }

    /// At most `batch` objects whose time has come, the oldest first. They stay listed until [`Store::forget_object`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn doomed_objects(&self, now: OffsetDateTime, batch: u64) -> Result<Vec<ObjectKey>, StoreError> {
        let batch = bigint(batch)?;
        let rows = fetch_all!(self.db.read(), (String,), DUE, now.unix_timestamp(), batch)?;
        Ok(rows.into_iter().map(|(key,)| ObjectKey::stored(key)).collect())
    }

    /// Puts off an object that could not be deleted, so that it does not keep others from their turn.
    ///
    /// # Errors
    /// When the database does not answer; the object is then listed again at once.
    pub async fn postpone_object(&self, key: &ObjectKey, now: OffsetDateTime) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            execute!(tx.on(), POSTPONE, key.as_str(), (now + POSTPONED_FOR).unix_timestamp())?;
            tx.commit().await
        })
    }

    /// Forgets an object that is no longer in the object store.
    ///
    /// # Errors
    /// When the database does not answer; the object is then listed again.
    pub async fn forget_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            execute!(tx.on(), FORGET, key.as_str())?;
            tx.commit().await
        })
    }

    /// Makes every doomed object due. For the start of the one process of an embedded database: the uploads and
    /// downloads that objects were kept for died with the process before it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn doom_leftovers(&self) -> Result<(), StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            execute!(tx.on(), DOOM_LEFTOVERS)?;
            tx.commit().await
        })
    }
}

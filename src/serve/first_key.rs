//! The first API key of a fresh data directory.

use std::path::Path;

use anyhow::Context as _;
use time::OffsetDateTime;

use super::private_file;
use crate::domain::access::Binding;
use crate::domain::token::{API_KEY_PREFIX, mint};
use crate::store::{NewKey, Store};

/// Its file in the data directory.
pub(super) const FILE_NAME: &str = "first-api-key";

/// Makes an unbound key with both scopes when the database knows none, and says where it is, not what it is.
///
/// The file is written and synced before the key is valid, so a crash in between leaves no key that nobody has. Of
/// several replicas on a fresh database one makes it.
pub(super) async fn make_if_none(store: &Store, data_dir: &Path, now: OffsetDateTime) -> anyhow::Result<()> {
    if store.has_keys().await? {
        return Ok(());
    }
    crate::store::make_private_dir(data_dir)
        .with_context(|| format!("cannot make the data directory {} (data_dir)", data_dir.display()))?;
    let path = data_dir.join(FILE_NAME);
    let make = || {
        let key = mint(API_KEY_PREFIX, now);
        private_file::write(&path, key.reveal()).with_context(|| format!("cannot write {}", path.display()))?;
        anyhow::Ok(NewKey { id: key.id, hash: key.hash, notify: true, admin: true, binding: Binding::Unbound })
    };
    if let Some(key_id) = store.create_first_key(now, make).await?? {
        tracing::info!(file = %path.display(), %key_id, "made a first API key; it is in this file");
    }
    Ok(())
}

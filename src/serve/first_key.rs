//! The first API key of a fresh data directory.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use time::OffsetDateTime;

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
        write_private(&path, key.reveal()).with_context(|| format!("cannot write {}", path.display()))?;
        anyhow::Ok(NewKey { id: key.id, hash: key.hash, notify: true, admin: true, binding: Binding::Unbound })
    };
    if let Some(key_id) = store.create_first_key(now, make).await?? {
        tracing::info!(file = %path.display(), %key_id, "made a first API key; it is in this file");
    }
    Ok(())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    if let Some(dir) = path.parent() {
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

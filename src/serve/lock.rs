//! One `serve` for one embedded database.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, bail};

use crate::store::DatabaseUrl;

/// Held while `serve` runs; the operating system gives it back however the process ends. The other commands do not
/// take it.
pub(super) struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock beside the database's file. A database server needs none: replicas share it.
    pub(super) fn take(database: &DatabaseUrl) -> anyhow::Result<Option<Self>> {
        let Some(path) = database.file() else { return Ok(None) };
        let mut name = path.as_os_str().to_owned();
        name.push(".serve-lock");
        if let Some(parent) = path.parent() {
            crate::store::make_private_dir(parent)
                .with_context(|| format!("cannot make the directory {}", parent.display()))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&name)
            .with_context(|| format!("cannot open the lock file {}", name.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => bail!(
                "another `attachlink serve` runs on {}: stop it first, or give this one a data directory of its own \
                 (--data-dir)",
                path.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the lock file"),
        }
    }
}

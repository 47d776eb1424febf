//! The embedded database's file, and whether it is still where it was opened.
//!
//! Connections keep the file that they opened. When another one is put in its place meanwhile, what is written goes to a
//! file that no restart finds again, and a command that revokes writes where the service does not read. A file that is
//! written over in place stays the same one: that is not seen here.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::StoreError;

/// A file, by its path and by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    itself: (u64, u64),
}

impl DatabaseFile {
    /// That which the path leads to now.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let itself = identity(&fs::metadata(&path)?);
        Ok(Self { path, itself })
    }

    /// Whether the path still leads to it.
    ///
    /// # Errors
    /// [`StoreError::Replaced`] where it does not.
    pub(super) fn must_be_in_place(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(now) if identity(&now) == self.itself => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Err(StoreError::Replaced),
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

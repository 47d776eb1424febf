//! The embedded database's file, and whether it is still where it was opened.
//!
//! Connections keep the file that they opened. When another one is put in its place meanwhile, what is written goes to a
//! file that no restart finds again, and a command that revokes writes where the service does not read. A file that is
//! written over in place stays the same one: that is not seen here.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;

/// A file, by its path and by what it is.
pub(super) struct DatabaseFile {
    /// As others find it, which may be by a link.
    path: PathBuf,
    /// Without links: the library puts the log and its index beside the file that a link leads to.
    real: PathBuf,
    itself: (u64, u64),
}

impl DatabaseFile {
    /// That which the path leads to now.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let (itself, real) = (identity(&fs::metadata(&path)?), path.canonicalize()?);
        Ok(Self { path, real, itself })
    }

    /// The path to open it by.
    pub(super) fn real(&self) -> &Path {
        &self.real
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

//! Uploads into the local directory: gathered, written, synced, and only then visible.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{AtFlags, RenameFlags, fsync, linkat, renameat_with, unlinkat};
use rustix::io::Errno;
use time::OffsetDateTime;

use super::ObjectError;
use super::beneath;
use super::local::{LocalDir, Seen, blocking, is_upload};
use super::local_incoming::{TemporaryName, create, folder, link};
use crate::domain::attachment::{ObjectKey, ObjectVersion, UPLOADS};

/// The octets gathered before a write: enough that handing them to a blocking thread costs nothing beside the write, and
/// all the memory that an upload takes.
const WRITE_OCTETS: usize = 256 * 1024;

struct Incoming {
    dir: Arc<LocalDir>,
    // Before the file: the lock is held until the name is gone.
    temporary: Option<TemporaryName>,
    file: File,
    written: u64,
}

impl Incoming {
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)?;
        self.written += octets.len() as u64;
        Ok(())
    }

    fn give_name(&mut self, folder: &File, name: &str) -> Result<(), Errno> {
        let Some(temporary) = &mut self.temporary else {
            return link(&self.file, folder, name);
        };
        let TemporaryName { incoming, name: old, in_use } = temporary;
        match renameat_with(&*incoming, &*old, folder, name, RenameFlags::NOREPLACE) {
            // NFS knows no such flag, but hard links; the temporary name goes with the drop.
            Err(Errno::INVAL | Errno::NOSYS) => linkat(&*incoming, &*old, folder, name, AtFlags::empty()),
            Ok(()) => {
                *in_use = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn publish(mut self, key: &ObjectKey, now: OffsetDateTime) -> io::Result<ObjectVersion> {
        self.file.set_modified(SystemTime::from(now.replace_nanosecond(0).unwrap_or(now)))?;
        self.file.sync_all()?;
        let seen = Seen::of(&self.file)?;
        if seen.size != self.written {
            return Err(io::Error::other("the file is not as long as what was written to it"));
        }
        let (path, name) = key.as_str().rsplit_once('/').unwrap_or((UPLOADS, key.as_str()));
        let folder = folder(&self.dir, path)?;
        self.give_name(&folder, name)?;
        if let Err(error) = fsync(&folder) {
            let _ = unlinkat(&folder, name, AtFlags::empty());
            return Err(error.into());
        }
        Ok(seen.version(key))
    }
}

/// Bytes on their way into the directory.
pub(super) struct LocalUpload {
    /// Missing once a write failed or was given up half-way.
    incoming: Option<Incoming>,
    gathered: Vec<u8>,
}

impl LocalUpload {
    pub(super) fn begin(dir: Arc<LocalDir>) -> io::Result<Self> {
        let (file, temporary) = create(&dir)?;
        let incoming = Incoming { dir, temporary, file, written: 0 };
        Ok(Self { incoming: Some(incoming), gathered: Vec::new() })
    }

    pub(super) async fn write(&mut self, mut octets: Bytes) -> Result<(), ObjectError> {
        loop {
            let part = octets.split_to(octets.len().min(WRITE_OCTETS - self.gathered.len()));
            self.gathered.extend_from_slice(&part);
            if self.gathered.len() < WRITE_OCTETS {
                return if self.incoming.is_some() { Ok(()) } else { Err(given_up()) };
            }
            self.flush().await?;
        }
    }

    async fn flush(&mut self) -> Result<(), ObjectError> {
        // Taken out meanwhile: when this future is dropped, nothing can be added to what may lack a piece.
        let mut incoming = self.incoming.take().ok_or_else(given_up)?;
        let mut gathered = std::mem::take(&mut self.gathered);
        let written = blocking(move || {
            incoming.append(&gathered).map_err(ObjectError::writing)?;
            gathered.clear();
            Ok((incoming, gathered))
        });
        let (incoming, gathered) = written.await?;
        self.incoming = Some(incoming);
        self.gathered = gathered;
        Ok(())
    }

    pub(super) async fn finish(mut self, key: &ObjectKey, now: OffsetDateTime) -> Result<ObjectVersion, ObjectError> {
        if !is_upload(key) || !beneath::is_plain(key.as_str()) {
            return Err(ObjectError::misuse("not a key of an upload"));
        }
        let mut incoming = self.incoming.take().ok_or_else(given_up)?;
        let gathered = std::mem::take(&mut self.gathered);
        let key = key.clone();
        blocking(move || {
            let published = incoming.append(&gathered).and_then(|()| incoming.publish(&key, now));
            published.map_err(ObjectError::writing)
        })
        .await
    }
}

fn given_up() -> ObjectError {
    ObjectError::misuse("the upload was given up")
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // Freeing gigabytes takes the file system a while.
        if let Some(incoming) = self.incoming.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(incoming));
        }
    }
}

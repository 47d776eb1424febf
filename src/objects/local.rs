//! Objects as plain files below one directory.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use compact_str::format_compact;
use parking_lot::Mutex;
use rustix::fs::{AtFlags, Stat, fsync, unlinkat};
use rustix::io::Errno;
use time::OffsetDateTime;

use super::ObjectError;
use super::beneath;
use super::local_incoming::{self, INCOMING, Way};
use super::local_read::{self, LocalBody};
use super::local_upload::LocalUpload;
use super::small::{Small, SmallFile};
use crate::domain::attachment::{ObjectKey, ObjectVersion, UPLOADS};
use crate::file_system::is_local;

/// A directory of objects: a capability that no name and no symbolic link leaves.
#[derive(Debug)]
pub struct LocalDir {
    pub(super) root: Dir,
    /// The device whose files may be opened and read on a runtime's thread as far as the page cache goes; none where
    /// the file system may ask a network first.
    prompt_device: Option<u64>,
    /// The upload folders whose names this process knows to be on disk.
    pub(super) synced_folders: Mutex<HashSet<String>>,
    /// How this file system takes uploads, once tried.
    pub(super) way: OnceLock<Way>,
}

/// What tells the contents of a file from later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    modified_s: i64,
    modified_ns: i64,
    pub(super) size: u64,
    inode: u64,
}

impl Seen {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// The version of `key`. Bytes under an upload's key never change, so their version survives a restored backup,
    /// where inodes and times differ; other files may be written or replaced at any time.
    pub(super) fn version(&self, key: &ObjectKey) -> ObjectVersion {
        let Self { modified_s, modified_ns, size, .. } = self;
        let version = if is_upload(key) {
            format_compact!("upload-{size}")
        } else {
            format_compact!("{modified_s}.{modified_ns:09}-{size}")
        };
        let modified_at = OffsetDateTime::from_unix_timestamp(*modified_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        ObjectVersion { key: key.clone(), version, size: *size, modified_at }
    }
}

impl From<&Stat> for Seen {
    fn from(stat: &Stat) -> Self {
        Self {
            modified_s: stat.st_mtime,
            modified_ns: i64::try_from(stat.st_mtime_nsec).unwrap_or_default(),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            inode: stat.st_ino,
        }
    }
}

impl From<&Metadata> for Seen {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
            size: metadata.size(),
            inode: metadata.ino(),
        }
    }
}

/// A plain file that was opened, and what it was then.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    pub(super) seen: Seen,
    /// Whether a runtime's thread may read what the page cache holds.
    pub(super) prompt: bool,
    /// Whether its bytes never change: those of an upload.
    pub(super) lasting: bool,
}

/// Whether the key is one of ours.
pub(super) fn is_upload(key: &ObjectKey) -> bool {
    key.as_str().strip_prefix(UPLOADS).is_some_and(|rest| rest.starts_with('/'))
}

/// Runs what may wait for a disk on the running runtime's blocking threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(ObjectError::Unavailable(stopped.into())))
}

impl LocalDir {
    pub(super) fn open(dir: &Path, create: bool) -> io::Result<Self> {
        if create {
            create_synced(dir)?;
        }
        let root = Dir::open_ambient_dir(dir, ambient_authority())?;
        let here = beneath::open(root.as_fd(), ".", beneath::FOLDER)?;
        let prompt_device = if is_local(&here)? { Some(here.metadata()?.dev()) } else { None };
        Ok(Self { root, prompt_device, synced_folders: Mutex::default(), way: OnceLock::new() })
    }

    async fn opened(self: &Arc<Self>, key: &ObjectKey) -> Result<Opened, ObjectError> {
        if !beneath::is_plain(key.as_str()) {
            return Err(ObjectError::NotFound);
        }
        if self.prompt_device.is_some()
            && let Some(file) = beneath::open_cached(self.root.as_fd(), key.as_str())
        {
            return self.plain_file(key, file);
        }
        let (dir, key) = (Arc::clone(self), key.clone());
        blocking(move || dir.opened_waiting(&key)).await
    }

    fn opened_waiting(&self, key: &ObjectKey) -> Result<Opened, ObjectError> {
        if !beneath::is_plain(key.as_str()) {
            return Err(ObjectError::NotFound);
        }
        let file = beneath::open(self.root.as_fd(), key.as_str(), beneath::READ).map_err(ObjectError::looking)?;
        self.plain_file(key, file)
    }

    fn plain_file(&self, key: &ObjectKey, file: File) -> Result<Opened, ObjectError> {
        let metadata = file.metadata().map_err(ObjectError::Unavailable)?;
        if !metadata.is_file() {
            return Err(ObjectError::NotFound);
        }
        let prompt = self.prompt_device == Some(metadata.dev());
        Ok(Opened { file: Arc::new(file), seen: Seen::from(&metadata), prompt, lasting: is_upload(key) })
    }

    async fn opened_as(self: &Arc<Self>, version: &ObjectVersion) -> Result<Opened, ObjectError> {
        let opened = self.opened(&version.key).await?;
        let now = opened.seen.version(&version.key);
        if now.version != version.version || now.size != version.size {
            return Err(ObjectError::Changed);
        }
        Ok(opened)
    }

    /// Whether the key still names this version.
    pub(super) async fn must_be_there(self: &Arc<Self>, version: &ObjectVersion) -> Result<(), ObjectError> {
        self.opened_as(version).await.map(drop)
    }

    pub(super) async fn stat(self: &Arc<Self>, key: &ObjectKey) -> Result<ObjectVersion, ObjectError> {
        Ok(self.opened(key).await?.seen.version(key))
    }

    pub(super) async fn stat_and_start(
        self: &Arc<Self>,
        key: &ObjectKey,
        octets: usize,
    ) -> Result<(ObjectVersion, Bytes), ObjectError> {
        let (dir, key) = (Arc::clone(self), key.clone());
        blocking(move || {
            let opened = dir.opened_waiting(&key)?;
            let start = local_read::start(&opened, octets)?;
            Ok((opened.seen.version(&key), start))
        })
        .await
    }

    pub(super) async fn body(
        self: &Arc<Self>,
        version: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<LocalBody, ObjectError> {
        if range.start > range.end || range.end > version.size {
            return Err(ObjectError::misuse("a range beyond the object"));
        }
        Ok(LocalBody::new(self.opened_as(version).await?, range))
    }

    pub(super) async fn small(self: &Arc<Self>, version: &ObjectVersion) -> Result<Small, ObjectError> {
        let opened = self.opened_as(version).await?;
        match SmallFile::of(&opened) {
            Some(file) => Ok(Small::File(file)),
            None => local_read::whole(opened).await.map(Small::Octets),
        }
    }

    pub(super) async fn begin_upload(self: &Arc<Self>) -> Result<LocalUpload, ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || LocalUpload::begin(dir).map_err(ObjectError::writing)).await
    }

    pub(super) async fn delete(self: &Arc<Self>, key: &ObjectKey) -> Result<(), ObjectError> {
        let text = key.as_str();
        let folder = text.rsplit_once('/').map(|(folder, _)| folder);
        if !is_upload(key) || !beneath::is_plain(text) || folder.is_some_and(|folder| folder.ends_with(INCOMING)) {
            return Err(ObjectError::misuse("only uploaded objects are deleted"));
        }
        let (dir, path) = (Arc::clone(self), text.to_owned());
        blocking(move || dir.unlink(&path).map_err(ObjectError::Unavailable)).await
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = match beneath::open(self.root.as_fd(), folder, beneath::FOLDER) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        // Also when it was gone: the try that removed it may have ended before this.
        Ok(fsync(&folder)?)
    }

    pub(super) async fn ping(self: &Arc<Self>) -> Result<(), ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || {
            dir.can_be_read().map_err(ObjectError::Unavailable)?;
            local_incoming::can_be_written(&dir).map_err(ObjectError::writing)
        })
        .await
    }

    fn can_be_read(&self) -> io::Result<()> {
        let here = beneath::open(self.root.as_fd(), ".", beneath::FOLDER)?;
        if here.metadata()?.nlink() == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the object directory was removed"));
        }
        self.root.entries()?.next().transpose().map(|_| ())
    }

    pub(super) async fn remove_litter(self: &Arc<Self>) -> Result<u64, ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || local_incoming::remove_litter(&dir).map_err(ObjectError::Unavailable)).await
    }
}

/// Makes a directory and what leads to it, each name on disk: an upload that was answered must not go with its folder.
fn create_synced(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_synced(parent)?;
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

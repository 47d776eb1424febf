//! Where bytes live: objects by their keys, in versions that never change.
//!
//! An object is opened in the version that a row of the database names, or not at all; what was opened stays readable
//! whatever happens to the name. Uploaded bytes are visible only whole and synced. One store is shared by all runtimes:
//! nothing here keeps a handle of one.

mod beneath;
mod chunk;
mod local;
mod local_incoming;
mod local_marks;
mod local_read;
#[cfg(test)]
mod local_tests;
mod local_upload;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use rustix::io::Errno;
use time::OffsetDateTime;

use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::domain::mark::Mark;

pub use local::LocalDir;

/// Why the store did not do what it was asked. No text names a key.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no object of this key: nothing, or nothing that is a plain file.
    #[error("no such object")]
    NotFound,
    /// The key holds other bytes than the version asked for.
    #[error("the object is not the version asked for")]
    Changed,
    /// No space left, or a quota or a limit on the size of files is reached.
    #[error("the object store is full")]
    Full,
    /// The store cannot say, or failed.
    #[error("the object store failed")]
    Unavailable(#[source] io::Error),
}

impl ObjectError {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Changed => "changed",
            Self::Full => "full",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Reads the error of a call that looked for an object. What leaves the directory, or is no plain file, is not there.
    pub(crate) fn looking(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::ISDIR
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NXIO
                | Errno::NAMETOOLONG,
            ) => Self::NotFound,
            _ => Self::Unavailable(error),
        }
    }

    /// Reads the error of a call that wrote.
    pub(crate) fn writing(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::Full,
            _ => Self::Unavailable(error),
        }
    }

    pub(crate) fn misuse(what: &'static str) -> Self {
        Self::Unavailable(io::Error::new(io::ErrorKind::InvalidInput, what))
    }
}

/// Why an object directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} as the object directory", .dir.display())]
pub struct CannotOpen {
    /// The directory, as configured.
    pub dir: PathBuf,
    /// What the operating system says.
    #[source]
    pub source: io::Error,
}

/// A place for objects.
#[derive(Clone, Debug)]
pub enum ObjectStore {
    /// A directory of the machine, or one that replicas share.
    Local(Arc<LocalDir>),
}

impl ObjectStore {
    /// Opens a local directory; with `create`, makes it where it is missing. Blocks: for the start only.
    ///
    /// # Errors
    /// [`CannotOpen`], which names the directory.
    pub fn local(dir: &Path, create: bool) -> Result<Self, CannotOpen> {
        match LocalDir::open(dir, create) {
            Ok(local) => Ok(Self::Local(Arc::new(local))),
            Err(source) => Err(CannotOpen { dir: dir.to_owned(), source }),
        }
    }

    /// What the key holds now.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`], also for what is no plain file.
    pub async fn stat(&self, key: &ObjectKey) -> Result<ObjectVersion, ObjectError> {
        match self {
            Self::Local(dir) => dir.stat(key).await,
        }
    }

    /// What the key holds now, and its first octets (fewer than `octets` only where the object is shorter), both of the
    /// same version.
    ///
    /// # Errors
    /// As [`stat`](Self::stat); [`ObjectError::Changed`] when it was written to meanwhile.
    pub async fn stat_and_start(&self, key: &ObjectKey, octets: usize) -> Result<(ObjectVersion, Bytes), ObjectError> {
        match self {
            Self::Local(dir) => dir.stat_and_start(key, octets).await,
        }
    }

    /// Whether this version is still there: a cached copy of it is served only then.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`], [`ObjectError::Changed`].
    pub async fn must_be_there(&self, version: &ObjectVersion) -> Result<(), ObjectError> {
        let now = self.stat(&version.key).await?;
        if now.version == version.version { Ok(()) } else { Err(ObjectError::Changed) }
    }

    /// Opens exactly this version, to read `range` of it. The version is checked before this answers, and again before
    /// the last octets are handed over.
    ///
    /// # Errors
    /// [`ObjectError::Changed`], [`ObjectError::NotFound`]; a range beyond the object's size is the caller's fault.
    pub async fn open(&self, version: &ObjectVersion, range: Range<u64>) -> Result<ObjectBody, ObjectError> {
        match self {
            Self::Local(dir) => dir.body(version, range).await.map(Body::Local).map(ObjectBody),
        }
    }

    /// All octets of this version, in memory of exactly its size: for small objects.
    ///
    /// # Errors
    /// As [`open`](Self::open) and its body.
    pub async fn read_whole(&self, version: &ObjectVersion) -> Result<Bytes, ObjectError> {
        match self {
            Self::Local(dir) => dir.read_whole(version).await,
        }
    }

    /// Begins an upload, which nobody sees until it is finished.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`].
    pub async fn begin_upload(&self) -> Result<Upload, ObjectError> {
        match self {
            Self::Local(dir) => dir.begin_upload().await.map(Receiving::Local).map(Upload),
        }
    }

    /// Deletes uploaded bytes for good, also across a crash. Deleting what is gone is fine; downloads that run are not
    /// disturbed.
    ///
    /// # Errors
    /// A key outside of the place of uploaded bytes is refused: those objects are not ours (product, rule 8).
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.delete(key).await,
        }
    }

    /// Leaves a mark that lasts once this answers.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`]; the mark may be there all the same.
    pub async fn leave_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.leave_mark(mark).await,
        }
    }

    /// The marks that are here, in any order.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn marks(&self) -> Result<Vec<Mark>, ObjectError> {
        match self {
            Self::Local(dir) => dir.marks().await,
        }
    }

    /// Removes a mark. One that is gone is fine.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn remove_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.remove_mark(mark).await,
        }
    }

    /// Whether the store can be read and written now. Does not write data.
    ///
    /// # Errors
    /// [`ObjectError::Full`] where nothing new can be made, else [`ObjectError::Unavailable`] with the reason.
    pub async fn ping(&self) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.ping().await,
        }
    }

    /// Removes what uploads of processes that are gone have left behind, and says how many. Safe beside living uploads,
    /// of other replicas too. For the start.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn remove_litter(&self) -> Result<u64, ObjectError> {
        match self {
            Self::Local(dir) => dir.remove_litter().await,
        }
    }
}

enum Body {
    Local(local_read::LocalBody),
}

/// The octets of a range of one version: exactly as many as asked for, or an error as the last item. Never a clean
/// short end.
pub struct ObjectBody(Body);

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody").finish_non_exhaustive()
    }
}

impl Stream for ObjectBody {
    type Item = Result<Bytes, ObjectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Body::Local(body) => Pin::new(body).poll_next(cx),
        }
    }
}

enum Receiving {
    Local(local_upload::LocalUpload),
}

/// Bytes on their way in. Dropping it leaves nothing behind.
pub struct Upload(Receiving);

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

impl Upload {
    /// Takes the next octets. After an error, or when its future was dropped, the upload can only be dropped.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`]; a full disk may show only in [`finish`](Self::finish).
    pub async fn write(&mut self, octets: Bytes) -> Result<(), ObjectError> {
        match &mut self.0 {
            Receiving::Local(upload) => upload.write(octets).await,
        }
    }

    /// Makes the bytes visible under a key from [`ObjectKey::for_upload`], whole and synced; they bear the time `now`.
    /// When its future is dropped, the object may become visible all the same.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`]; then nothing is visible.
    pub async fn finish(self, key: &ObjectKey, now: OffsetDateTime) -> Result<ObjectVersion, ObjectError> {
        match self.0 {
            Receiving::Local(upload) => upload.finish(key, now).await,
        }
    }
}

//! Where bytes live: objects by their keys, in versions that never change.
//!
//! An object is opened in the version that a row of the database names, or not at all; what was opened stays readable
//! whatever happens to the name. Uploaded bytes are visible only whole and synced. One store is shared by all runtimes:
//! nothing here keeps a handle of one.

mod beneath;
mod body;
mod chunk;
mod local;
mod local_incoming;
mod local_marks;
mod local_read;
#[cfg(test)]
mod local_tests;
mod local_upload;
mod mend;
mod pace;
mod pipe;
mod s3;
mod small;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rustix::io::Errno;
use time::OffsetDateTime;

use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::domain::mark::Mark;

use body::Body;
pub use body::{ObjectBody, Portion};
pub use local::LocalDir;
pub use mend::{MayMend, Owner};
pub use pipe::Pipe;
pub use s3::{CannotUse, DEFAULT_MEND_LIMIT, DEFAULT_READ_TIMEOUT, KeyPair, S3Bucket, S3Settings, sdk_client};
pub use small::{Small, Source};

const FAILS: &str = "it answers with an error; the log says which";

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

    /// Why the store is not ready, in a few fixed words.
    #[must_use]
    pub fn in_short(&self) -> &'static str {
        match self {
            Self::Full => "it is full",
            Self::Unavailable(error) => s3::in_short(error).unwrap_or(FAILS),
            Self::NotFound | Self::Changed => FAILS,
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

/// A place for objects. What goes to S3 is boxed: the SDK's futures are of 20 kB, and would be so for local files too.
#[derive(Clone, Debug)]
pub enum ObjectStore {
    /// A directory of the machine, or one that replicas share.
    Local(Arc<LocalDir>),
    /// A bucket of an S3-compatible store, or a folder of one.
    S3(Arc<S3Bucket>),
}

/// Whether the key is one that an upload may have: below the place of uploads, and with no name that means another.
fn is_plain_upload(key: &ObjectKey) -> bool {
    let plain = |segment: &str| !segment.is_empty() && !segment.starts_with('.');
    local::is_upload(key) && key.as_str().split('/').all(plain)
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

    /// Makes the place of marks where it is missing, which tells this directory from an empty one, and tries whether it can be
    /// written to. Blocks: for the start only.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn begin_history(&self) -> io::Result<()> {
        match self {
            Self::Local(dir) => dir.begin_history(),
            Self::S3(_) => Ok(()),
        }
    }

    /// Opens a bucket, which must be there, and be readable and writable.
    ///
    /// # Errors
    /// [`CannotUse`], with the setting to change.
    pub async fn s3(settings: &S3Settings) -> Result<Self, CannotUse> {
        Box::pin(S3Bucket::connect(settings)).await.map(Arc::new).map(Self::S3)
    }

    /// What the key holds now.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`], also for what is no plain file.
    pub async fn stat(&self, key: &ObjectKey) -> Result<ObjectVersion, ObjectError> {
        match self {
            Self::Local(dir) => dir.stat(key).await,
            Self::S3(bucket) => Box::pin(bucket.stat(key)).await,
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
            Self::S3(bucket) => Box::pin(bucket.stat_and_start(key, octets)).await,
        }
    }

    /// A small object of this version, to be kept.
    ///
    /// # Errors
    /// As [`open`](Self::open) and its body.
    pub async fn small(&self, version: &ObjectVersion) -> Result<Small, ObjectError> {
        match self {
            Self::Local(dir) => dir.small(version).await,
            Self::S3(bucket) => Box::pin(bucket.read_whole(version)).await.map(Small::Octets),
        }
    }

    /// Whether what was kept of this version may still be used: what is no longer there is not served. `false`: it has to
    /// be taken anew.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`], [`ObjectError::Changed`].
    pub async fn still_has(&self, version: &ObjectVersion, kept: &Small) -> Result<bool, ObjectError> {
        match (self, kept) {
            (_, Small::File(file)) => return Ok(file.is_untouched()),
            (Self::Local(dir), Small::Octets(_)) => dir.must_be_there(version).await?,
            // Nobody but us writes under an upload's key, so its bytes are right wherever they are; to ask costs a
            // round trip. Of other objects one octet is asked for, under the conditions of any download.
            (Self::S3(_), Small::Octets(_)) if is_plain_upload(&version.key) => {}
            (Self::S3(_), Small::Octets(_)) => self.take_first(version).await?,
        }
        Ok(true)
    }

    /// Asks for the first octet of this version, and takes it: a connection whose answer is read to its end is used again.
    async fn take_first(&self, version: &ObjectVersion) -> Result<(), ObjectError> {
        let mut first = self.open(version, 0..version.size.min(1)).await?;
        while let Some(octet) = first.next().await {
            octet?;
        }
        Ok(())
    }

    /// Opens exactly this version, to read `range` of it. The version is checked before this answers, and again before
    /// the last octets are handed over.
    ///
    /// # Errors
    /// [`ObjectError::Changed`], [`ObjectError::NotFound`]; a range beyond the object's size is the caller's fault.
    pub async fn open(&self, version: &ObjectVersion, range: Range<u64>) -> Result<ObjectBody, ObjectError> {
        match self {
            Self::Local(dir) => dir.body(version, range).await.map(Body::Local).map(ObjectBody),
            Self::S3(bucket) => Box::pin(bucket.body(version, range)).await.map(Box::new).map(Body::S3).map(ObjectBody),
        }
    }

    /// Begins an upload to a key from [`ObjectKey::for_upload`], which nobody sees until it is finished. `expected` is
    /// its length in octets, as far as known: nothing is checked against it.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`].
    pub async fn begin_upload(&self, key: &ObjectKey, expected: Option<u64>) -> Result<Upload, ObjectError> {
        if !is_plain_upload(key) {
            return Err(ObjectError::misuse("not a key of an upload"));
        }
        let receiving = match self {
            Self::Local(dir) => Receiving::Local(dir.begin_upload().await?, key.clone()),
            Self::S3(bucket) => Receiving::S3(Box::new(s3::S3Upload::begin(Arc::clone(bucket), key, expected)?)),
        };
        Ok(Upload(receiving))
    }

    /// Deletes uploaded bytes for good, also across a crash. Deleting what is gone is fine; downloads that run are not
    /// disturbed.
    ///
    /// # Errors
    /// A key outside of the place of uploaded bytes is refused: those objects are not ours (product, rule 8).
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.delete(key).await,
            Self::S3(bucket) => Box::pin(bucket.delete(key)).await,
        }
    }

    /// Leaves a mark that lasts once this answers.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`]; the mark may be there all the same.
    pub async fn leave_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.leave_mark(mark).await,
            Self::S3(bucket) => Box::pin(bucket.leave_mark(mark)).await,
        }
    }

    /// The marks that are here, in any order.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn marks(&self) -> Result<Vec<Mark>, ObjectError> {
        match self {
            Self::Local(dir) => dir.marks().await,
            Self::S3(bucket) => Box::pin(bucket.marks()).await,
        }
    }

    /// Removes a mark. One that is gone is fine.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn remove_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.remove_mark(mark).await,
            Self::S3(bucket) => Box::pin(bucket.remove_mark(mark)).await,
        }
    }

    /// Forgets what is of no use any more. To be called now and then.
    pub fn upkeep(&self) {
        match self {
            Self::Local(_) => {}
            Self::S3(bucket) => bucket.forget_old_signatures(),
        }
    }

    /// Whether the store can be read and written now. Does not write data.
    ///
    /// # Errors
    /// [`ObjectError::Full`] where nothing new can be made, else [`ObjectError::Unavailable`] with the reason.
    pub async fn ping(&self) -> Result<(), ObjectError> {
        match self {
            Self::Local(dir) => dir.ping().await,
            Self::S3(bucket) => Box::pin(bucket.ping()).await,
        }
    }

    /// Removes what uploads of processes that are gone have left behind, and says how many. Safe beside living uploads,
    /// of other replicas too: in a bucket only what was begun a day before `now` is taken for left behind. For the start.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    pub async fn remove_litter(&self, now: OffsetDateTime) -> Result<u64, ObjectError> {
        match self {
            Self::Local(dir) => dir.remove_litter().await,
            Self::S3(bucket) => Box::pin(bucket.remove_litter(now)).await,
        }
    }
}

enum Receiving {
    Local(local_upload::LocalUpload, ObjectKey),
    S3(Box<s3::S3Upload>),
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
            Receiving::Local(upload, _) => upload.write(octets).await,
            Receiving::S3(upload) => Box::pin(upload.write(octets)).await,
        }
    }

    /// Makes the bytes visible under their key, whole and synced; they bear the time `now`.
    /// When its future is dropped, the object may become visible all the same.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::Unavailable`]; then nothing is visible.
    pub async fn finish(self, now: OffsetDateTime) -> Result<ObjectVersion, ObjectError> {
        match self.0 {
            Receiving::Local(upload, key) => upload.finish(&key, now).await,
            Receiving::S3(upload) => Box::pin(upload.finish(now)).await,
        }
    }
}

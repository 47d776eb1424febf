//! Files that have no name yet, and what tells them from litter.
//!
//! Where the file system can, an upload goes to a file without a name (`O_TMPFILE`), which the kernel frees with the
//! process, and which gets its name at the end. Elsewhere it goes to a file of a random name in a folder of its own,
//! locked as long as its process lives: an unlocked one is litter. Replicas may share the directory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{
    Access, AtFlags, CWD, FlockOperation, Mode, OFlags, accessat, flock, fsync, linkat, mkdirat, openat, unlinkat,
};
use rustix::io::Errno;

use super::beneath;
use super::local::LocalDir;
use crate::domain::attachment::UPLOADS;

/// Where named uploads wait, below [`UPLOADS`]. No key from [`ObjectKey::for_upload`] lies in it.
pub(super) const INCOMING: &str = "/.incoming";

/// Customers' files are nobody else's business.
const FILE_MODE: Mode = Mode::from_raw_mode(0o640);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o750);

/// How a file system takes uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A file without a name, linked at the end.
    Unnamed,
    /// A file of a temporary name, locked, and renamed at the end.
    Named,
}

fn random_name() -> io::Result<String> {
    let mut octets = [0_u8; 16];
    SystemRandom::new().fill(&mut octets).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(octets)))
}

/// Opens a folder of ours, making it where it is missing. Its name is on disk when this returns.
pub(super) fn folder(dir: &LocalDir, path: &str) -> io::Result<File> {
    let mut folder = beneath::open(dir.root.as_fd(), ".", beneath::FOLDER)?;
    let mut end = 0;
    for name in path.split('/') {
        end += name.len();
        let made = match mkdirat(&folder, name, FOLDER_MODE) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        // One that was there may have been made a moment ago by someone who has not synced it yet.
        if made || !dir.synced_folders.lock().contains(&path[..end]) {
            fsync(&folder)?;
            dir.synced_folders.lock().insert(path[..end].to_owned());
        }
        folder = beneath::open(folder.as_fd(), name, beneath::FOLDER)?;
        end += 1;
    }
    Ok(folder)
}

fn open_unnamed(uploads: &File) -> Result<File, Errno> {
    openat(uploads, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, FILE_MODE).map(File::from)
}

fn cannot_be_unnamed(error: Errno) -> bool {
    // EISDIR: a kernel that knows nothing of O_TMPFILE. EINVAL, EOPNOTSUPP: a file system that does not.
    matches!(error, Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS)
}

/// Gives a name to a file without one.
pub(super) fn link(unnamed: &File, folder: &File, name: &str) -> Result<(), Errno> {
    let itself = format!("/proc/self/fd/{}", unnamed.as_raw_fd());
    linkat(CWD, itself, folder, name, AtFlags::SYMLINK_FOLLOW)
}

/// Finds out whether files without a name can be had, and named: that takes a file system that can, and `/proc`.
fn try_ways(uploads: &File, incoming: &File) -> io::Result<Way> {
    let unnamed = match open_unnamed(uploads) {
        Err(error) if cannot_be_unnamed(error) => return Ok(Way::Named),
        other => other?,
    };
    let name = random_name()?;
    match link(&unnamed, incoming, &name) {
        Ok(()) => {
            unlinkat(incoming, &name, AtFlags::empty())?;
            Ok(Way::Unnamed)
        }
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ROFS)) => Err(error.into()),
        Err(_) => Ok(Way::Named),
    }
}

/// Makes a file that is told from litter by its lock.
fn create_named(incoming: &File) -> io::Result<(File, String)> {
    loop {
        let name = random_name()?;
        let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(incoming, &name, create, FILE_MODE)?);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // A sweep may have come between the two calls and taken the file for litter.
            Ok(()) if file.metadata()?.nlink() > 0 => return Ok((file, name)),
            Ok(()) | Err(Errno::WOULDBLOCK) => {}
            Err(error) => {
                let _ = unlinkat(incoming, &name, AtFlags::empty());
                return Err(error.into());
            }
        }
    }
}

/// A temporary name, removed unless the file got its real one.
pub(super) struct TemporaryName {
    pub(super) incoming: File,
    pub(super) name: String,
    pub(super) in_use: bool,
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if self.in_use {
            // What stays is litter: unlocked, and swept at the next start.
            let _ = unlinkat(&self.incoming, &self.name, AtFlags::empty());
        }
    }
}

fn waiting_room(dir: &LocalDir) -> io::Result<File> {
    folder(dir, &format!("{UPLOADS}{INCOMING}"))
}

/// Makes a file for an upload, in the way that this file system can.
pub(super) fn create(dir: &LocalDir) -> io::Result<(File, Option<TemporaryName>)> {
    let uploads = folder(dir, UPLOADS)?;
    let way = if let Some(way) = dir.way.get() {
        *way
    } else {
        let tried = try_ways(&uploads, &waiting_room(dir)?)?;
        *dir.way.get_or_init(|| tried)
    };
    if way == Way::Unnamed {
        return Ok((open_unnamed(&uploads)?, None));
    }
    let incoming = waiting_room(dir)?;
    let (file, name) = create_named(&incoming)?;
    Ok((file, Some(TemporaryName { incoming, name, in_use: true })))
}

/// Says whether a file could be made now, without leaving one.
pub(super) fn can_be_written(dir: &LocalDir) -> io::Result<()> {
    let uploads = match beneath::open(dir.root.as_fd(), UPLOADS, beneath::FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => beneath::open(dir.root.as_fd(), ".", beneath::FOLDER)?,
        other => other?,
    };
    match open_unnamed(&uploads) {
        Err(error) if cannot_be_unnamed(error) => {
            Ok(accessat(&uploads, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
        }
        other => Ok(other.map(drop)?),
    }
}

/// Removes unlocked files from the folder of named uploads.
pub(super) fn remove_litter(dir: &LocalDir) -> io::Result<u64> {
    let incoming = match beneath::open(dir.root.as_fd(), &format!("{UPLOADS}{INCOMING}"), beneath::FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut removed = 0;
    for entry in cap_std::fs::Dir::reopen_dir(&incoming)?.entries()? {
        let name = entry?.file_name();
        let look = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Gone meanwhile, or nothing that an upload made.
        let Ok(file) = openat(&incoming, &name, look, Mode::empty()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        match unlinkat(&incoming, &name, AtFlags::empty()) {
            Ok(()) => removed += 1,
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}

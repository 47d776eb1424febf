//! What kind of file system something lies on.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FsWord, fstatfs, statfs};

/// ext4, xfs, btrfs, f2fs, tmpfs, bcachefs, overlayfs.
const LOCAL: [FsWord; 7] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994, 0xCA45_1A4E, 0x794C_7630];

/// Whether it is of this machine: it answers from memory what is in memory, asks no network, and shows every process and
/// every way of reading a file the same octets at the same time.
pub(crate) fn is_local(file: impl AsFd) -> io::Result<bool> {
    Ok(LOCAL.contains(&fstatfs(file)?.f_type))
}

/// The same of a file that is not opened for it.
pub(crate) fn is_local_path(path: &Path) -> io::Result<bool> {
    Ok(LOCAL.contains(&statfs(path)?.f_type))
}

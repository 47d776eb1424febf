//! Opening by a name that cannot leave a directory.
//!
//! `cap-std` would follow symbolic links that stay inside; here none is followed, for a link could lead from one site's
//! folder into another's (api: an object is registered under its site's prefix *and nowhere else*).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// How files are opened to be read: a FIFO must not block us, a terminal not become ours.
pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How folders are opened, so that they can be listed and synced.
pub(super) const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Whether a text names something inside, in one way only.
pub(super) fn is_plain(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Opens `path` below `root`, following no symbolic link.
pub(super) fn open(root: BorrowedFd<'_>, path: &str, how: OFlags) -> io::Result<File> {
    match openat2(root, path, how, Mode::empty(), INSIDE) {
        // Older than Linux 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => Ok(walk(root, path, how)?.into()),
        other => Ok(other?.into()),
    }
}

/// Opens a file if that waits for nothing: every part of the path is in the kernel's cache, on `root`'s file system
/// (Linux 5.12). `None` decides nothing.
pub(super) fn open_cached(root: BorrowedFd<'_>, path: &str) -> Option<File> {
    let at_once = INSIDE.union(ResolveFlags::CACHED).union(ResolveFlags::NO_XDEV);
    openat2(root, path, READ, Mode::empty(), at_once).ok().map(File::from)
}

fn walk(root: BorrowedFd<'_>, path: &str, how: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder: Option<OwnedFd> = None;
    let mut rest = path;
    while let Some((segment, after)) = rest.split_once('/') {
        folder = Some(openat(folder.as_ref().map_or(root, AsFd::as_fd), segment, step, Mode::empty())?);
        rest = after;
    }
    openat(folder.as_ref().map_or(root, AsFd::as_fd), rest, how | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn both_ways_of_opening_agree() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(outer.path().join("secret"), "x").unwrap();
        fs::write(root.join("a/b/c"), "x").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("b", root.join("a/link")).unwrap();
        symlink("a/b/c", root.join("inside")).unwrap();
        symlink("..", root.join("up")).unwrap();
        let root = File::open(&root).unwrap();
        for (path, there) in [
            ("a/b/c", true),
            ("a/b/d", false),
            ("a/b/c/d", false),
            ("out", false),
            ("inside", false),
            ("a/link/c", false),
            ("up/secret", false),
            ("up/root/a/b/c", false),
        ] {
            assert_eq!(open(root.as_fd(), path, READ).is_ok(), there, "{path}");
            assert_eq!(walk(root.as_fd(), path, READ).is_ok(), there, "{path}, on foot");
            assert!(there || open_cached(root.as_fd(), path).is_none(), "{path}, cached");
        }
    }

    #[test]
    fn only_plain_names_are_looked_up() {
        for bad in ["", "/", "/etc/passwd", "a//b", "a/", ".", "..", "a/../b", "./a", "a\0b"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        for good in ["a", "...", ".a/b..", "ü b/c"] {
            assert!(is_plain(good), "{good:?}");
        }
    }
}

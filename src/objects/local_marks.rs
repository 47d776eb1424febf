//! Marks of revocations as empty files of a folder of their own.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{Access, AtFlags, accessat};

use super::local::{LocalDir, blocking};
use super::{ObjectError, beneath};
use crate::domain::attachment::HISTORY;
use crate::domain::mark::Mark;

impl LocalDir {
    pub(super) fn begin_history(&self) -> io::Result<()> {
        Ok(accessat(&folder(&self.root)?, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
    }

    pub(super) async fn leave_mark(self: &Arc<Self>, mark: Mark) -> Result<(), ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || leave(&dir.root, &mark).map_err(ObjectError::writing)).await
    }

    pub(super) async fn marks(self: &Arc<Self>) -> Result<Vec<Mark>, ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || list(&dir.root).map_err(ObjectError::Unavailable)).await
    }

    pub(super) async fn remove_mark(self: &Arc<Self>, mark: Mark) -> Result<(), ObjectError> {
        let dir = Arc::clone(self);
        blocking(move || remove(&dir.root, &mark).map_err(ObjectError::Unavailable)).await
    }
}

/// The folder of marks, on the disk by its name.
fn folder(root: &Dir) -> io::Result<Dir> {
    match root.create_dir(HISTORY) {
        Ok(()) => beneath::open(root.as_fd(), ".", beneath::FOLDER)?.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    root.open_dir(HISTORY)
}

/// The mark lasts once this answers: the file's name is all that it says, so the folder is what is synced.
fn leave(root: &Dir, mark: &Mark) -> io::Result<()> {
    folder(root)?.open_with(mark.name(), OpenOptions::new().write(true).create(true))?;
    beneath::open(root.as_fd(), HISTORY, beneath::FOLDER)?.sync_all()
}

fn list(root: &Dir) -> io::Result<Vec<Mark>> {
    let entries = match root.read_dir(HISTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut marks = Vec::new();
    for entry in entries {
        marks.extend(entry?.file_name().to_str().and_then(Mark::from_name));
    }
    Ok(marks)
}

fn remove(root: &Dir, mark: &Mark) -> io::Result<()> {
    match root.open_dir(HISTORY)?.remove_file(mark.name()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

//! Which file or directory keeps a command from its work. Errors of the database and of the object store name none, and
//! of several nested ones the outermost is rarely the cause.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::{Config, ObjectsLocation};
use crate::domain::attachment::{HISTORY, UPLOADS};
use crate::objects::{CannotOpen, ObjectError};
use crate::store::StoreError;

/// What lies beside the database's file, by what its name adds. All of them have to be read and written.
const FILES: [&str; 3] = ["", "-wal", "-shm"];

/// Puts what is to blame in the place of an error, with what to do, where that is found; else the error stays as it is.
pub(super) fn named(error: anyhow::Error, config: &Config) -> anyhow::Error {
    let found = if is::<ObjectError>(&error) || is::<CannotOpen>(&error) {
        objects(config)
    } else {
        damage(&error, config).or_else(|| may_be_a_file(&error).then(|| database(config)).flatten())
    };
    found.map_or(error, anyhow::Error::msg)
}

fn is<T: std::error::Error + 'static>(error: &anyhow::Error) -> bool {
    error.chain().any(<dyn std::error::Error>::is::<T>)
}

/// Whether it may come from a file of the database: the store says so, or the operating system, of whatever it was.
fn may_be_a_file(error: &anyhow::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    let of_system = error.root_cause().downcast_ref::<io::Error>().map(io::Error::kind);
    let of_files = [AlreadyExists, IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem];
    is::<StoreError>(error) || of_system.is_some_and(|kind| of_files.contains(&kind))
}

fn damage(error: &anyhow::Error, config: &Config) -> Option<String> {
    let file = config.database.url.file()?.display();
    let is_damaged = error.chain().filter_map(|cause| cause.downcast_ref::<StoreError>()).any(StoreError::is_damaged);
    let advice = "put a backup in its place (docs/OPERATIONS.md, Restoring), or name another with --data-dir";
    is_damaged.then(|| format!("{file} is damaged, or no database of attachlink: {}; {advice}", error.root_cause()))
}

/// What cannot be used of the embedded database.
fn database(config: &Config) -> Option<String> {
    const SETTING: &str = "--data-dir or --database-url";
    let file = config.database.url.file()?;
    let beside = |added: &&str| {
        let mut name = file.as_os_str().to_owned();
        name.push(added);
        PathBuf::from(name)
    };
    directory(file.parent()?, SETTING)
        .or_else(|| file.is_dir().then(|| format!("{} is a directory; name a file with {SETTING}", file.display())))
        .or_else(|| {
            FILES.iter().map(beside).find_map(|file| refused(&file, Access::READ_OK | Access::WRITE_OK, SETTING))
        })
}

/// What cannot be used of a local object store.
fn objects(config: &Config) -> Option<String> {
    const SETTING: &str = "--objects";
    let ObjectsLocation::Local(root) = &config.objects.location else { return None };
    directory(root, SETTING).or_else(|| [UPLOADS, HISTORY].iter().find_map(|name| directory(&root.join(name), SETTING)))
}

/// Why a directory cannot be used, or made where it is missing.
fn directory(path: &Path, setting: &str) -> Option<String> {
    // The last one above a relative path is "", which stands for the current directory.
    let here = |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
    let nearest = path.ancestors().map(here).find(|path| path.exists())?;
    if !nearest.is_dir() {
        return Some(format!("{} is no directory; name another with {setting}", nearest.display()));
    }
    refused(&nearest, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK, setting)
}

/// What the operating system says when this user asks for what is there. What is missing is no obstacle.
fn refused(path: &Path, wanted: Access, setting: &str) -> Option<String> {
    let error = io::Error::from(access(path, wanted).err()?);
    (error.kind() != io::ErrorKind::NotFound).then(|| refusal(path, &error, setting))
}

fn refusal(path: &Path, error: &io::Error, setting: &str) -> String {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "run attachlink as its owner, or change its owner or mode".to_owned(),
        _ => format!("name another with {setting}"),
    };
    format!("cannot read and write {}: {error}; {advice}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn config(data_dir: &Path) -> Config {
        Config::load(&[("data_dir", data_dir.to_str().unwrap().to_owned())].into(), &Environment::new()).unwrap()
    }

    fn told(error: impl Into<anyhow::Error>, data_dir: &Path) -> String {
        format!("{:#}", named(error.into(), &config(data_dir)))
    }

    #[test]
    fn what_is_no_directory_is_named() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        let named = format!("{} is no directory; name another with --", file.display());
        let exists = || io::Error::from(io::ErrorKind::AlreadyExists);
        for data_dir in [file.clone(), file.join("below")] {
            assert_eq!(told(exists(), &data_dir), format!("{named}data-dir or --database-url"));
            let of_store = anyhow::Error::from(StoreError::from(exists())).context("cannot open the database");
            assert_eq!(told(of_store, &data_dir), format!("{named}data-dir or --database-url"));
        }
        let objects = place.path().join("objects");
        std::fs::write(&objects, "").unwrap();
        let of_objects = anyhow::Error::from(ObjectError::Full).context("it cannot be used");
        let named = format!("{} is no directory; name another with --objects", objects.display());
        assert_eq!(told(of_objects, place.path()), named);
    }

    #[test]
    fn a_directory_in_the_databases_place_is_named() {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("attachlink.db");
        std::fs::create_dir(&database).unwrap();
        let told = told(io::Error::from(io::ErrorKind::IsADirectory), place.path());
        assert!(told.starts_with(&format!("{} is a directory; name a file", database.display())), "{told}");
    }

    #[test]
    fn an_error_of_something_else_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let (usable, file) = (place.path().join("data"), place.path().join("file"));
        std::fs::write(&file, "").unwrap();
        let denied = anyhow::Error::from(io::Error::from(io::ErrorKind::PermissionDenied)).context("no port");
        assert_eq!(told(denied, &usable), "no port: permission denied");
        assert_eq!(told(StoreError::Full, &usable), "the database's disk is full");
        assert_eq!(told(ObjectError::Full, &usable), "the object store is full");
        // Nothing is looked for where the error is not about files at all.
        assert_eq!(told(io::Error::from(io::ErrorKind::AddrInUse), &file), "address in use");
        assert_eq!(told(anyhow::anyhow!("ended at once"), &file), "ended at once");
    }

    #[test]
    fn a_refusal_says_what_helps() {
        let told = |kind: io::ErrorKind| refusal(Path::new("d/a.db"), &kind.into(), "--data-dir");
        assert_eq!(
            told(io::ErrorKind::PermissionDenied),
            "cannot read and write d/a.db: permission denied; run attachlink as its owner, or change its owner or mode"
        );
        assert!(told(io::ErrorKind::ReadOnlyFilesystem).ends_with("; name another with --data-dir"));
    }
}

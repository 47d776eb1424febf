//! The local directory on real directories.

mod full;
mod reading;
mod small;
mod uploading;

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tempfile::TempDir;
use time::macros::datetime;

use super::chunk::CHUNK_OCTETS;
use super::local_incoming::Way;
use super::local_read::READS_IN_A_ROW;
use super::*;
use crate::domain::attachment::UPLOADS;

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00.5 UTC);
const CHUNK: u64 = CHUNK_OCTETS as u64;

struct Place {
    dir: TempDir,
    store: ObjectStore,
}

impl Place {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(folder: &Path) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        let store = ObjectStore::local(dir.path(), false).unwrap();
        Self { dir, store }
    }

    /// One whose file system is taken not to know files without names.
    fn with_named_uploads() -> Self {
        let place = Self::new();
        place.local().way.set(Way::Named).unwrap();
        place
    }

    fn local(&self) -> &LocalDir {
        let ObjectStore::Local(local) = &self.store else { unreachable!() };
        local
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.path().join(key)
    }

    fn put(&self, key: &str, octets: &[u8]) -> ObjectKey {
        fs::create_dir_all(self.path(key).parent().unwrap()).unwrap();
        fs::write(self.path(key), octets).unwrap();
        named(key)
    }

    async fn put_and_stat(&self, key: &str, octets: &[u8]) -> ObjectVersion {
        self.store.stat(&self.put(key, octets)).await.unwrap()
    }

    async fn upload(&self, seed: u8, octets: &[u8]) -> ObjectVersion {
        let mut upload = self.store.begin_upload(&key(seed), None).await.unwrap();
        for part in octets.chunks(100_000) {
            upload.write(Bytes::copy_from_slice(part)).await.unwrap();
        }
        upload.finish(NOW).await.unwrap()
    }

    /// Every file below the directory, by its path.
    fn files(&self) -> Vec<PathBuf> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { below(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        below(self.dir.path(), &mut found);
        found
    }

    /// Waits until nothing is below the directory: what was dropped is freed on another thread.
    async fn empties(&self) {
        for _ in 0..500 {
            if self.files().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("left behind: {:?}", self.files());
    }
}

fn named(key: &str) -> ObjectKey {
    ObjectKey::named(key).unwrap()
}

fn key(seed: u8) -> ObjectKey {
    ObjectKey::for_upload([seed; 16])
}

/// Octets that tell their place.
fn sample(size: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(size).collect()
}

async fn collect(mut body: ObjectBody) -> Result<Vec<u8>, ObjectError> {
    let mut all = Vec::new();
    while let Some(octets) = body.next().await {
        all.extend_from_slice(&octets?);
    }
    Ok(all)
}

async fn read(place: &Place, version: &ObjectVersion, range: Range<u64>) -> Result<Vec<u8>, ObjectError> {
    collect(place.store.open(version, range).await?).await
}

/// All octets of what would be kept of a small object.
async fn whole(store: &ObjectStore, version: &ObjectVersion) -> Result<Bytes, ObjectError> {
    match store.small(version).await?.range(0..version.size, Instant::now()).await? {
        Source::Memory(octets) => Ok(octets),
        Source::Store(body) => collect(body).await.map(Bytes::from),
    }
}

#[tokio::test]
async fn only_plain_files_inside_are_objects() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    place.put("acme/x", b"x");
    place.put("other/y", b"y");
    symlink(outside.path().join("secret"), place.path("acme/absolute")).unwrap();
    symlink(outside.path(), place.path("acme/folder")).unwrap();
    symlink("../../..", place.path("acme/up")).unwrap();
    symlink("../other/y", place.path("acme/neighbour")).unwrap();
    symlink("/proc/self/exe", place.path("acme/magic")).unwrap();
    let fifo = place.path("acme/fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let socket = std::os::unix::net::UnixListener::bind(place.path("acme/socket")).unwrap();
    let long = "x".repeat(300);
    for key in [
        "acme",
        "acme/none",
        "acme/x/y",
        "acme/absolute",
        "acme/folder/secret",
        "acme/up/etc/passwd",
        "acme/neighbour",
        "acme/magic",
        "acme/fifo",
        "acme/socket",
        "..",
        "../secret",
        "acme/../other/y",
        "/etc/passwd",
        "acme//x",
        "acme/x\0",
        "",
        &long,
    ] {
        let key = ObjectKey::stored(key.to_owned());
        let soon = Duration::from_secs(10);
        let there = tokio::time::timeout(soon, place.store.stat(&key)).await.unwrap();
        assert!(matches!(there, Err(ObjectError::NotFound)), "{key:?}: {there:?}");
        let first = tokio::time::timeout(soon, place.store.stat_and_start(&key, 10)).await.unwrap();
        assert!(matches!(first, Err(ObjectError::NotFound)), "{key:?}: {first:?}");
    }
    drop(socket);
    assert!(place.store.stat(&named("acme/x")).await.is_ok());
}

#[tokio::test]
async fn only_uploaded_objects_are_deleted_and_again_is_fine() {
    let place = Place::new();
    let version = place.upload(1, &sample(2_000_000)).await;
    place.put("acme/x", b"x");
    let running = place.store.open(&version, 0..version.size).await.unwrap();
    for _ in 0..2 {
        place.store.delete(&key(1)).await.unwrap();
        assert!(matches!(place.store.stat(&key(1)).await, Err(ObjectError::NotFound)));
    }
    place.store.delete(&key(2)).await.unwrap();
    assert!(collect(running).await.unwrap() == sample(2_000_000));
    for foreign in ["acme/x", "attachlink-uploads", "attachlink-uploads/../acme/x", "attachlink-uploads/.incoming/x"] {
        assert!(place.store.delete(&ObjectKey::stored(foreign.to_owned())).await.is_err(), "{foreign}");
    }
    assert!(place.store.stat(&named("acme/x")).await.is_ok());
}

#[tokio::test]
async fn ping_tells_a_directory_that_is_gone() {
    let place = Place::new();
    place.store.ping().await.unwrap();
    place.upload(1, b"x").await;
    place.store.ping().await.unwrap();
    assert_eq!(place.files().len(), 1, "a ping leaves nothing");
    fs::remove_dir_all(place.dir.path()).unwrap();
    assert!(matches!(place.store.ping().await, Err(ObjectError::Unavailable(_))));
}

#[test]
fn a_missing_directory_is_made_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/objects");
    let error = ObjectStore::local(&deep, false).unwrap_err();
    assert!(error.to_string().contains("a/b/objects"), "{error}");
    assert!(ObjectStore::local(&deep, true).is_ok());
    assert!(ObjectStore::local(&deep, true).is_ok());
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(ObjectStore::local(&dir.path().join("file"), true).is_err());
}

#[test]
fn errors_are_told_apart_and_name_no_key() {
    let writing = |errno: Errno| ObjectError::writing(errno.into());
    for full in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
        assert!(matches!(writing(full), ObjectError::Full));
    }
    for other in [Errno::IO, Errno::ROFS, Errno::NOENT, Errno::ACCESS] {
        assert!(matches!(writing(other), ObjectError::Unavailable(_)));
    }
    for unreadable in [Errno::ACCESS, Errno::IO, Errno::MFILE, Errno::STALE] {
        assert!(matches!(ObjectError::looking(unreadable.into()), ObjectError::Unavailable(_)));
    }
    assert_eq!(writing(Errno::IO).to_string(), "the object store failed");
}

//! What every object store must do. Each test is a function of a fresh [`Place`], run once for each store.

mod reading;
mod unfinished;
mod uploading;
mod versions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use attachlink::domain::attachment::{ObjectKey, ObjectVersion};
use attachlink::objects::{ObjectBody, ObjectError, ObjectStore, Source};
use bytes::Bytes;
use futures_util::StreamExt as _;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::s3::bucket::Bucket;
use crate::s3::server::S3Server;

/// When uploads happen.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00.5 UTC);

/// Runs each of these functions as a test of its own, on each store.
macro_rules! on_each_store {
    ($($name:ident),* $(,)?) => {
        mod local {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::objects_contract::Place::local()).await;
                }
            )*
        }
        $crate::objects_contract::on_each_s3!($($name),*);
    };
}
/// As `on_each_store`, on S3 only.
macro_rules! on_each_s3 {
    ($($name:ident),* $(,)?) => {
        $crate::objects_contract::on_these!(moto: $($name),*);
        $crate::objects_contract::on_these!(s3s: $($name),*);
        $crate::objects_contract::on_these!(garage: $($name),*);
    };
}
macro_rules! on_these {
    ($server:ident: $($name:ident),*) => {
        mod $server {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let server = $crate::s3::server::S3Server::$server().await;
                    super::$name($crate::objects_contract::Place::on(server).await).await;
                }
            )*
        }
    };
}
pub(crate) use {on_each_s3, on_each_store, on_these};

/// What is behind a store, for what others do to it.
enum Behind {
    Directory(tempfile::TempDir),
    Bucket(Bucket),
}

/// The folder of the bucket that the store has, so that what lies beside it shows.
const PREFIX: &str = "folder/of ours";

/// A fresh store, and what is behind it.
pub(crate) struct Place {
    pub(crate) store: ObjectStore,
    behind: Behind,
}

impl Place {
    pub(crate) fn local() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: ObjectStore::local(dir.path(), false).unwrap(), behind: Behind::Directory(dir) }
    }

    pub(crate) async fn on(server: S3Server) -> Self {
        let bucket = Bucket::fresh(server).await;
        Self { store: bucket.server.store(&bucket.name, PREFIX).await, behind: Behind::Bucket(bucket) }
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        match &self.behind {
            Behind::Bucket(bucket) => bucket,
            Behind::Directory(_) => panic!("a test for buckets only"),
        }
    }

    /// Whether the names of folders are no objects here: s3s-fs fails on them.
    pub(crate) fn knows_folders(&self) -> bool {
        !matches!(&self.behind, Behind::Bucket(bucket) if bucket.server.has_folders)
    }

    /// Puts an object there, as the help desk would.
    pub(crate) async fn put(&self, key: &str, octets: &[u8]) -> ObjectKey {
        match &self.behind {
            Behind::Directory(dir) => {
                let path = dir.path().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                // A new file each time: a new inode, so the version differs within a tick of the clock.
                let _ = std::fs::remove_file(&path);
                std::fs::write(path, octets).unwrap();
            }
            Behind::Bucket(bucket) => bucket.put(&format!("{PREFIX}/{key}"), octets).await,
        }
        named(key)
    }

    pub(crate) async fn put_and_stat(&self, key: &str, octets: &[u8]) -> ObjectVersion {
        let key = self.put(key, octets).await;
        self.store.stat(&key).await.unwrap()
    }

    pub(crate) async fn remove(&self, key: &str) {
        match &self.behind {
            Behind::Directory(dir) => std::fs::remove_file(dir.path().join(key)).unwrap(),
            Behind::Bucket(bucket) => bucket.remove(&format!("{PREFIX}/{key}")).await,
        }
    }

    /// Every object there is, by its key, whoever put it there.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = match &self.behind {
            Behind::Directory(dir) => {
                let mut files = Vec::new();
                below(dir.path(), &mut files);
                files.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned()).collect()
            }
            Behind::Bucket(bucket) => {
                let (prefix, keys) = (format!("{PREFIX}/"), bucket.keys().await);
                keys.iter().map(|key| key.strip_prefix(&prefix).expect("all is in our folder").to_owned()).collect()
            }
        };
        keys.sort();
        keys
    }

    pub(crate) async fn upload(&self, seed: u8, octets: &[u8], expected: Option<u64>) -> ObjectVersion {
        let mut upload = self.store.begin_upload(&upload_key(seed), expected).await.unwrap();
        for part in octets.chunks(700_001) {
            upload.write(Bytes::copy_from_slice(part)).await.unwrap();
        }
        upload.finish(NOW).await.unwrap()
    }

    pub(crate) async fn read(
        &self,
        version: &ObjectVersion,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, ObjectError> {
        collect(self.store.open(version, range).await?).await
    }

    /// All octets of what would be kept of a small object.
    pub(crate) async fn whole(&self, version: &ObjectVersion) -> Result<Bytes, ObjectError> {
        whole(&self.store, version).await
    }
}

async fn whole(store: &ObjectStore, version: &ObjectVersion) -> Result<Bytes, ObjectError> {
    match store.small(version).await?.range(0..version.size, std::time::Instant::now()).await? {
        Source::Memory(octets) => Ok(octets),
        Source::Store(body) => collect(body).await.map(Bytes::from),
    }
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

pub(crate) fn named(key: &str) -> ObjectKey {
    ObjectKey::named(key).unwrap()
}

pub(crate) fn upload_key(seed: u8) -> ObjectKey {
    ObjectKey::for_upload([seed; 16])
}

/// Octets that tell their place.
pub(crate) fn sample(size: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(size).collect()
}

pub(crate) async fn collect(mut body: ObjectBody) -> Result<Vec<u8>, ObjectError> {
    let mut all = Vec::new();
    while let Some(octets) = body.next().await {
        all.extend_from_slice(&octets?);
    }
    Ok(all)
}

/// Waits until a check holds: what was dropped is given up in the background.
pub(crate) async fn soon<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    for _ in 0..500 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

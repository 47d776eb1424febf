//! Real S3 servers, and what each of them proves.
//!
//! | server | is | checks signatures | honours `If-Match` | keeps versions |
//! |---|---|---|---|---|
//! | moto | from Python's index, a process | no | yes | yes |
//! | s3s-fs | a crate, in this process | yes | no | no |
//! | Garage | from crates.io, a process, the genuine one | yes | yes | no |
//!
//! moto and s3s-fs run by default; Garage with `scripts/test --genuine`, which starts it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use attachlink::objects::{DEFAULT_MEND_LIMIT, DEFAULT_READ_TIMEOUT, KeyPair, ObjectStore, S3Settings, sdk_client};
use aws_sdk_s3::Client;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

/// How long a server may take to answer for the first time. moto imports half of Python.
const START_SECONDS: u64 = 60;

/// What has to live as long as a server.
pub enum Keep {
    Nothing,
    Directory { _dir: TempDir },
    Process(Child),
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Self::Process(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A server that answers, and how to sign for it.
pub struct S3Server {
    pub endpoint: String,
    pub region: String,
    pub id: String,
    pub secret: String,
    /// Whether it can list uploads in parts that are not finished. s3s-fs cannot.
    pub lists_unfinished_uploads: bool,
    /// When it says that uploads were begun, where it does not say the truth: moto always says 2010.
    pub uploads_begin: Option<OffsetDateTime>,
    /// Whether a folder's name is an error instead of no object: s3s-fs on its directories.
    pub has_folders: bool,
    _keep: Keep,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A port that nobody listens on just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where `scripts/test` puts moto.
fn moto_program() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(variable("HOME").unwrap_or_default()).join(".cache"));
    cache.join("attachlink/moto/bin/moto_server")
}

async fn answers(endpoint: &str) {
    let address = endpoint.trim_start_matches("http://");
    for _ in 0..START_SECONDS * 20 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{endpoint} does not answer");
}

impl S3Server {
    /// A server that answers as S3 does.
    pub fn new(endpoint: String, region: String, [id, secret]: [String; 2], keep: Keep) -> Self {
        let (lists_unfinished_uploads, uploads_begin, has_folders) = (true, None, false);
        Self { endpoint, region, id, secret, lists_unfinished_uploads, uploads_begin, has_folders, _keep: keep }
    }

    /// The moto that `scripts/test` has started, or one of this test's own.
    pub async fn moto() -> Self {
        let (endpoint, keep) = match variable("ATTACHLINK_TEST_MOTO") {
            Some(endpoint) => (endpoint, Keep::Nothing),
            None => Self::start_moto(),
        };
        answers(&endpoint).await;
        let always = Some(datetime!(2010-11-10 20:48:33 UTC));
        Self { uploads_begin: always, ..Self::new(endpoint, "us-east-1".into(), ["any".into(), "any".into()], keep) }
    }

    fn start_moto() -> (String, Keep) {
        let (program, port) = (moto_program(), free_port());
        let mut moto = Command::new(&program);
        moto.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = moto.spawn().unwrap_or_else(|error| {
            panic!("no moto at {} ({error}): scripts/test installs it and starts it", program.display())
        });
        (format!("http://127.0.0.1:{port}"), Keep::Process(child))
    }

    /// s3s-fs on a temporary directory, in this process.
    pub async fn s3s() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(dir.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("s3s-key", "s3s-secret"));
        let service = service.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        let pair = ["s3s-key".into(), "s3s-secret".into()];
        let s3s = Self::new(endpoint, "us-east-1".into(), pair, Keep::Directory { _dir: dir });
        Self { lists_unfinished_uploads: false, has_folders: true, ..s3s }
    }

    /// The Garage that `scripts/test --genuine` has started: `ENDPOINT REGION KEY_ID SECRET`, a key that may make
    /// buckets.
    pub async fn garage() -> Self {
        let given = variable("ATTACHLINK_TEST_GARAGE").expect("run by: scripts/test --genuine, which starts Garage");
        let words: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
        let [endpoint, region, id, secret] = words.try_into().expect("ENDPOINT REGION KEY_ID SECRET");
        answers(&endpoint).await;
        Self::new(endpoint, region, [id, secret], Keep::Nothing)
    }

    /// Settings for a bucket of this server.
    pub fn settings(&self, bucket: &str, prefix: &str) -> S3Settings {
        S3Settings {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: Some(self.endpoint.parse().unwrap()),
            region: Some(self.region.clone()),
            key_pair: Some(KeyPair { id: self.id.clone(), secret: self.secret.clone(), session_token: None }),
            read_timeout: DEFAULT_READ_TIMEOUT,
            mend_limit: DEFAULT_MEND_LIMIT,
        }
    }

    pub async fn client(&self) -> Client {
        sdk_client(&self.settings("none", "")).await.unwrap()
    }

    /// A bucket of its own name, which is empty.
    pub async fn fresh_bucket(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let random = tempfile::Builder::new().rand_bytes(10).tempdir().unwrap();
        let random = random.path().file_name().unwrap().to_string_lossy().to_ascii_lowercase().replace('.', "");
        let name = format!("test-{number}-{random}");
        self.client().await.create_bucket().bucket(&name).send().await.unwrap();
        name
    }

    pub async fn store(&self, bucket: &str, prefix: &str) -> ObjectStore {
        ObjectStore::s3(&self.settings(bucket, prefix)).await.unwrap()
    }

    /// What a service needs to use a bucket of this server.
    pub fn environment(&self, bucket: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ATTACHLINK_OBJECTS", format!("s3://{bucket}/desk")),
            ("ATTACHLINK_S3_ENDPOINT", self.endpoint.clone()),
            ("ATTACHLINK_S3_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
        ]
    }
}

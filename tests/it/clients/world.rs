//! The binary on an object store, and programs that download from it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::binary::{Background, Binary, Place, attachment_path, eventually};
use crate::keeps::Keeps;
use crate::s3::bucket::{Bucket, SERVICE_FOLDER};
use crate::s3::server::{S3Server, free_port};

/// How long a program may take to get its first octets.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);
const MIB: usize = 1024 * 1024;

/// A service with the project `SUP` of the site `acme` in `secured_link`, always at the same public address.
pub struct World {
    pub place: Place,
    pub service: Binary,
    settings: Vec<(&'static str, String)>,
    bucket: Option<Bucket>,
}

impl World {
    pub async fn on(keeps: Keeps) -> Self {
        let bucket = match keeps {
            Keeps::Moto => Some(Bucket::fresh(S3Server::moto().await).await),
            Keeps::Garage => Some(Bucket::fresh(S3Server::garage().await).await),
            Keeps::Embedded | Keeps::Postgres => None,
        };
        let mut settings = bucket.as_ref().map(|it| it.server.environment(&it.name)).unwrap_or_default();
        settings.push(("ATTACHLINK_PUBLIC_LISTEN", format!("127.0.0.1:{}", free_port())));
        let place = Place::new();
        let service = serve(&place, &settings);
        service.acme();
        service.put("/sites/acme", &site()).ok(200);
        Self { place, service, settings, bucket }
    }

    /// Uploads an attachment of the comment `c1` and gives a link to it.
    pub fn upload(&self, attachment: &str, filename: &str, media_type: &str, octets: &[u8]) -> String {
        self.service.attach("c1", attachment, filename, media_type, octets);
        self.service.link("c1", attachment).0
    }

    /// Puts an object into the store, registers it in place, and gives a link to it.
    pub async fn register(&self, attachment: &str, filename: &str, octets: &[u8]) -> String {
        let key = format!("acme/{attachment}");
        if let Some(bucket) = &self.bucket {
            bucket.put(&format!("{SERVICE_FOLDER}/{key}"), octets).await;
        } else {
            let path = self.place.data().join("objects").join(&key);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("room for a folder");
            std::fs::write(path, octets).expect("room for a file");
        }
        let body = json!({"object_key": key, "filename": filename, "media_type": "application/octet-stream"});
        self.service.put(&attachment_path("c1", attachment), &body).ok(201);
        self.service.link("c1", attachment).0
    }

    /// `kill -9`, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.service.kill();
    }

    pub fn start_again(&mut self) {
        self.service = serve(&self.place, &self.settings);
    }

    /// Runs a program that downloads into `file`, slowly, and kills the service in the middle of it.
    #[track_caller]
    pub fn cut(&mut self, program: &mut Command, file: &Path) {
        let mut running = Background::start(program.stderr(Stdio::null()));
        wait_for_octets(file);
        self.kill();
        assert!(!running.wait().success(), "{program:?} takes a part for the whole");
        self.start_again();
    }

    /// A fresh folder to save in.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.place.path(name);
        std::fs::create_dir_all(&folder).expect("room for a folder");
        folder
    }
}

fn serve(place: &Place, settings: &[(&'static str, String)]) -> Binary {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    place.serve(&settings)
}

/// A site whose objects may be registered in place.
fn site() -> serde_json::Value {
    let portal = "https://help.acme.example/portal/{project}/{request}";
    json!({"plan": "standard", "safe_notifications": false, "portal_url": portal, "object_prefix": "acme"})
}

/// Waits until a download is well under way.
#[track_caller]
pub fn wait_for_octets(file: &Path) {
    let some = || std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > MIB as u64).then_some(());
    eventually(BEGINS_WITHIN, "a mebibyte", some);
}

/// Octets of which no two mebibytes are equal; `seed` tells files apart.
pub fn mebibytes(count: usize, seed: u32) -> Vec<u8> {
    let words = u32::try_from(count * MIB / size_of::<u32>()).expect("a small file");
    (0..words).flat_map(|word| (word ^ seed).to_le_bytes()).collect()
}

/// A program with nobody's settings, in UTF-8, that saves in `folder`.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).env("LC_ALL", "C.UTF-8").current_dir(folder).stdin(Stdio::null());
    command
}

/// `curl` in a folder.
pub fn curl(folder: &Path) -> Command {
    let mut command = program("curl", folder);
    command.args(["-q", "-sS", "--max-time", "60"]);
    command
}

/// `wget` in a folder; it tries once.
pub fn wget(folder: &Path) -> Command {
    let mut command = program("wget", folder);
    command.args(["--no-config", "--no-verbose", "--tries=1", "--timeout=60"]);
    command
}

/// `aria2c` in a folder; it tries once.
pub fn aria2c(folder: &Path) -> Command {
    let mut command = program("aria2c", folder);
    command.args(["--no-conf", "--quiet", "--max-tries=1", "--file-allocation=none", "--auto-save-interval=1"]);
    command
}

/// Runs it to its end, which must be a good one.
#[track_caller]
pub fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/test installs it"));
    assert!(output.status.success(), "{command:?}: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// The one file of a folder: its name and its content. The folder is empty afterwards.
#[track_caller]
pub fn take_the_only_file(folder: &Path) -> (String, Vec<u8>) {
    let mut files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let file = files.next().expect("a file was saved");
    assert_eq!(files.next(), None, "and nothing else");
    let content = std::fs::read(&file).expect("a file");
    std::fs::remove_file(&file).expect("it is ours");
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_else(|| panic!("UTF-8: {}", file.display()));
    (name.to_owned(), content)
}

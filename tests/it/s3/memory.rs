//! Memory does not grow with the object: the built binary moves far more octets than it may hold.

use serde_json::json;

use super::bucket::Bucket;
use super::server::S3Server;
use crate::binary::{Binary, Place, attachment_path, curl};

const MIB: u64 = 1024 * 1024;
/// Two parts of an upload, and what the sockets and the allocator take.
const BOUND_OCTETS: u64 = 64 * MIB;

/// The most memory that a process ever held.
fn peak_octets(service: &Binary) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

fn upload_and_download(settings: &[(&str, String)], octets: u64) {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (place, file, copy) = (Place::new(), "large.bin", "copy.bin");
    let service = place.serve(&settings);
    service.site();
    service.put("/sites/acme/projects/SUP/attachment-security", &json!({"mode": "secured_link"})).ok(200);
    service.attach("c1", "small", "x.bin", "text/plain", b"hello");
    let before = peak_octets(&service);

    let large = std::fs::File::create(place.path(file)).unwrap();
    large.set_len(octets).unwrap();
    let (file, copy) = (place.path(file), place.path(copy));
    let bearer = format!("Authorization: Bearer {}", service.key);
    let content = format!("http://{}/v1{}/content", service.api, attachment_path("c1", "large"));
    curl(&["-T", file.to_str().unwrap(), "-H", &bearer, &content]).ok(201);
    let uploaded = peak_octets(&service);
    let (url, _) = service.link("c1", "large");
    // Into a file: what curl gives back is kept in this process's memory otherwise.
    let downloaded = std::process::Command::new("curl").args(["-sSf", "-o"]).arg(&copy).arg(&url).status().unwrap();
    assert!(downloaded.success());
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), octets);
    let (uploading, both) = (uploaded - before, peak_octets(&service) - before);
    println!("{octets} octets: {uploading} more to upload, {both} with the download");
    assert!(both < BOUND_OCTETS, "{both} octets more than before");
}

async fn stays_bounded(server: S3Server, octets: u64) {
    let bucket = Bucket::fresh(server).await;
    let settings: Vec<_> = bucket
        .server
        .environment(&bucket.name)
        .into_iter()
        .chain([("ATTACHLINK_CACHE_BYTES", "0".to_owned())])
        .collect();
    tokio::task::spawn_blocking(move || upload_and_download(&settings, octets)).await.unwrap();
}

/// moto keeps it all in its own memory.
#[tokio::test(flavor = "multi_thread")]
async fn stays_bounded_on_moto() {
    stays_bounded(S3Server::moto().await, 160 * MIB).await;
}

mod garage {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn stays_bounded() {
        let octets = if std::env::var_os("ATTACHLINK_TEST_LONG").is_some() { 5 * 1024 * MIB } else { 512 * MIB };
        super::stays_bounded(S3Server::garage().await, octets).await;
    }
}

//! The whole service on a disk that fills up: a small file system of its own, in a mount namespace of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::binary::{Binary, Place, attachment_path, binary, comment_path, curl, eventually};

const MIB: usize = 1024 * 1024;
/// More than a round of the purge and the next.
const PURGE: Duration = Duration::from_secs(25);

/// Runs `script` with `$1` as a fresh file system of 8 MiB that nobody else sees.
fn on_a_small_disk(command: &mut Command, own_users: bool, dir: &Path, script: &str) {
    command.args(["--mount", "--propagation", "private"]);
    if own_users {
        command.args(["--map-root-user"]);
    }
    let mount = "mount -t tmpfs -o size=8m,mode=0755 tmpfs \"$1\"";
    command.args(["sh", "-c", &format!("{mount} && {script}"), "sh"]).arg(dir).arg(binary());
}

/// How this machine lets us have a mount namespace, if at all.
fn namespace(dir: &Path) -> Option<bool> {
    [false, true].into_iter().find(|own_users| {
        let mut command = Command::new("unshare");
        on_a_small_disk(&mut command, *own_users, dir, "true");
        command.output().is_ok_and(|output| output.status.success())
    })
}

/// A path as the process with that id sees it.
fn seen_by(id: u32, path: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{id}/root")).join(path.strip_prefix("/").unwrap())
}

fn uploaded(data: &Path) -> usize {
    fn count(dir: &Path) -> usize {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| if entry.path().is_dir() { count(&entry.path()) } else { 1 }).sum()
    }
    count(&data.join("objects/attachlink-uploads"))
}

#[test]
fn a_full_disk_refuses_uploads_and_nothing_else() {
    let place = Place::new();
    let data = place.data();
    std::fs::create_dir(&data).unwrap();
    let Some(own_users) = namespace(&data) else {
        println!("NOT RUN: this machine allows no mount namespace (unshare --mount), so no disk could be filled");
        return;
    };
    let mut command = place.command("unshare");
    on_a_small_disk(&mut command, own_users, &data, "exec \"$2\" serve");
    let service = Binary::start_seeing(command, |id| seen_by(id, &data));
    let data = seen_by(service.id(), &data);
    assert!(data.join("attachlink.db").exists(), "the service lives on the small disk");
    service.acme();
    let kept = vec![1; 3 * MIB];
    service.attach("c1", "kept", "kept.bin", "application/octet-stream", &kept);
    service.attach("c2", "gone", "gone.bin", "application/octet-stream", &vec![2; MIB]);
    let ((url, _), (gone, _)) = (service.link("c1", "kept"), service.link("c2", "gone"));

    // Larger than the room: refused, whether its length is known before or not, and nothing of it stays.
    let content = |attachment: &str| format!("{}/content?filename=x.bin", attachment_path("c1", attachment));
    for octets in [6 * MIB, 32 * MIB] {
        service.upload(&content("large"), "text/plain", &vec![3; octets]).refused(507, "storage_full");
        service.get(&attachment_path("c1", "large")).refused(404, "attachment_not_found");
        // Replacing is no different: what was there stays whole.
        service.upload(&content("kept"), "text/plain", &vec![3; octets]).refused(507, "storage_full");
    }
    assert_eq!(uploaded(&data), 2, "no litter");
    assert!(curl(&[&url]).ok(200).body == kept);
    service.attach("c1", "small", "small.txt", "text/plain", b"there is room for this");

    // Not an octet is left, not even for the database.
    let filler = data.join("filler");
    let mut octets = MIB;
    while octets > 0 {
        let more = vec![4; octets];
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&filler).unwrap();
        if std::io::Write::write_all(&mut &file, &more).is_err() {
            octets /= 2;
        }
    }
    assert!(curl(&[&url]).ok(200).body == kept, "existing files download");
    let refused = service.upload(&content("more"), "text/plain", &vec![5; 64 * 1024]);
    refused.refused(507, "storage_full");
    // A revocation is answered only if it holds.
    let deleted = service.delete(&comment_path("c2"));
    match deleted.status {
        204 => curl(&[&gone]).refused(410, "link_withdrawn"),
        status => assert!(matches!(status, 503 | 507), "{deleted:?}"),
    }
    std::fs::remove_file(&filler).unwrap();
    service.delete(&comment_path("c2")).ok(204);
    curl(&[&gone]).refused(410, "link_withdrawn");

    // What is deleted makes room, once the purge has been round.
    service.delete(&attachment_path("c1", "kept")).ok(204);
    let bytes = vec![6; 4 * MIB + MIB / 2];
    eventually(PURGE, "there is room again", || {
        let answer = service.upload(&content("large"), "application/octet-stream", &bytes);
        assert!(matches!(answer.status, 201 | 507), "{answer:?}");
        (answer.status == 201).then_some(())
    });
    assert!(service.get(&format!("{}/content", attachment_path("c1", "large"))).ok(200).body == bytes);
    eventually(PURGE, "only what is registered stays", || (uploaded(&data) == 2).then_some(()));
    let notify = json!({"request": "SUP-1", "message_size": 1});
    service.post(&format!("{}/notifications", comment_path("c1")), &notify).ok(200);
}

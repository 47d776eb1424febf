//! A database, or an object directory, that is not where it was: nothing is answered that a restart would not find again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::binary::{Binary, Place, Signal, attachment_path, curl, eventually, path_of};

const SOON: Duration = Duration::from_secs(5);

struct Files {
    database: PathBuf,
    away: PathBuf,
}

impl Files {
    fn of(place: &Place) -> Self {
        Self { database: place.data().join("attachlink.db"), away: place.path("away") }
    }

    /// Moves the database away, or back.
    fn rename(&self, back: bool) {
        fs::create_dir_all(&self.away).unwrap();
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("attachlink.db{suffix}");
            let (here, away) = (self.database.with_file_name(&name), self.away.join(&name));
            let (from, to) = if back { (away, here) } else { (here, away) };
            fs::rename(from, to).unwrap();
        }
    }
}

fn refuses_all(service: &Binary, url: &str) {
    eventually(SOON, "links are refused", || (curl(&[url]).status == 503).then_some(()));
    curl(&[url]).refused(503, "unavailable");
    service.delete("/sites/acme/projects/SUP/comments/c2").refused(503, "unavailable");
    let links = format!("{}/links", attachment_path("c1", "a1"));
    service.post(&links, &json!({"recipients": ["r-1"]})).refused(503, "unavailable");
    let ready = curl(&[&format!("http://{}/readyz", service.ops)]).ok(503).json();
    assert_eq!(ready["database"], "its file was moved or replaced: put it back, or stop the service and restore it");
}

#[test]
fn a_database_that_is_moved_under_a_running_service_is_found_out() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let (url, _) = service.link("c1", "a1");
    let copy = place.path("copy.db");
    place.done(&["backup", copy.to_str().unwrap()]);
    curl(&[&url]).ok(200);

    let files = Files::of(&place);
    files.rename(false);
    refuses_all(&service, &url);
    files.rename(true);
    eventually(SOON, "it is served again", || (curl(&[&url]).status == 200).then_some(()));
    service.delete("/sites/acme/projects/SUP/comments/c2").ok(204);

    // As by who restores a backup and forgets to stop the service first.
    files.rename(false);
    fs::copy(&copy, &files.database).unwrap();
    refuses_all(&service, &url);
    assert!(service.log().contains("moved or replaced"), "{}", service.log());
}

/// A place in which a link was revoked, and one that lives.
fn used() -> (Place, String) {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    service.attach("c3", "a1", "log.txt", "text/plain", b"hello");
    let (url, _) = service.link("c1", "a1");
    service.delete("/sites/acme/projects/SUP/comments/c2").ok(204);
    service.signal(Signal::TERM);
    assert_eq!(service.wait().code(), Some(0));
    (place, path_of(&url).to_owned())
}

#[test]
fn an_object_directory_that_is_not_the_one_that_it_was_is_refused() {
    let (place, path) = used();
    let (objects, mounted) = (place.data().join("objects"), place.path("mounted"));
    fs::rename(&objects, &mounted).unwrap();
    let missing = place.run(&["serve"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(!objects.exists(), "it is not made anew");
    fs::create_dir(&objects).unwrap();
    let empty = place.run(&["serve"]);
    assert_eq!(empty.status.code(), Some(1));
    for output in [missing, empty] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("is the volume mounted?") && said.contains(objects.to_str().unwrap()), "{said}");
    }
    let revoked = place.run(&["revoke", "--site", "acme", "--project", "SUP", "--comment", "c3"]);
    let said = String::from_utf8(revoked.stderr).unwrap();
    assert!(revoked.status.success() && said.contains("could not be told"), "{said}");
    assert_eq!(fs::read_dir(&objects).unwrap().count(), 0, "nothing is written there");
    fs::remove_dir(&objects).unwrap();
    fs::rename(&mounted, &objects).unwrap();
    let service = place.serve(&[]);
    curl(&[&format!("http://{}/{path}", service.public)]).ok(200);
}

/// Some have reasons to begin with an empty one.
#[test]
fn the_folder_of_marks_says_that_a_directory_is_the_right_one() {
    let (place, path) = used();
    fs::remove_dir_all(place.data().join("objects")).unwrap();
    fs::create_dir_all(place.data().join("objects/attachlink-history")).unwrap();
    let service = place.serve(&[]);
    curl(&[&format!("http://{}/{path}", service.public)]).refused(503, "object_unavailable");
    service.attach("c4", "a1", "log.txt", "text/plain", b"hello");
    curl(&[&service.link("c4", "a1").0]).ok(200);
}

/// The log has what was committed last. `SQLite` takes one beside an empty database for left over, and deletes it.
#[test]
fn a_log_without_its_database_is_refused_and_kept() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.acme();
    service.kill();
    let files = Files::of(&place);
    fs::create_dir(&files.away).unwrap();
    fs::rename(&files.database, files.away.join("attachlink.db")).unwrap();
    let refused = place.run(&["serve"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("attachlink.db-wal") && said.contains("put that back"), "{said}");
    fs::rename(files.away.join("attachlink.db"), &files.database).unwrap();
    place.serve(&[]).get("/sites/acme").ok(200);
}

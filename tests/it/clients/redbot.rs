//! `redbot` (from Python's index) on downloads, images and pages: it asks again with conditions and ranges, and says what
//! it finds wrong in the answers.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::world::{World, mebibytes};
use crate::binary::comment_path;
use crate::harness::PNG;
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(it_finds_nothing_bad);

const PAGE: &str = "Accept: text/html";

/// Its warnings that are wrong for us, and why.
const WRONG_FOR_US: [(&str, &str); 2] = [
    ("CC_CONFLICTING", "no-store includes private; the latter is for caches that do not know the former"),
    ("CSP_UNSAFE_INLINE", "of styles alone, in files: scripts are denied by default-src, and by sandbox besides"),
];

/// The Python of an environment that `scripts/test` keeps.
pub fn python(environment: &str) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").unwrap_or_else(|| variable("HOME").unwrap_or_default().join(".cache"));
    cache.join("attachlink").join(environment).join("bin/python")
}

/// What it says of an answer, and of those to what it asks besides.
fn notes(url: &str, field: &str) -> Vec<Value> {
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/redbot_notes.py");
    let output = Command::new(python("redbot")).args([judge, url, field]).output();
    let output = output.expect("no redbot: scripts/test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Looks at one answer: every warning is known, nothing is bad. Gives the names of all notes.
#[track_caller]
fn looked_at(url: &str, field: &str) -> Vec<String> {
    let notes = notes(url, field);
    for note in &notes {
        let name = note["name"].as_str().expect("a text");
        let known = WRONG_FOR_US.iter().any(|(wrong, _)| *wrong == name);
        let fine = match note["level"].as_str() {
            Some("good" | "info") => true,
            Some("warning") => known,
            _ => false,
        };
        assert!(fine, "{url} {field}: {note}");
    }
    notes.iter().map(|note| note["name"].as_str().expect("a text").to_owned()).collect()
}

async fn it_finds_nothing_bad(keeps: Keeps) {
    let world = World::on(keeps).await;
    let file = world.upload("a1", "gro%C3%9F.bin", "application/octet-stream", &mebibytes(1, 0));
    let image = world.upload("a2", "x.png", "image/png", &PNG.repeat(100));
    let html = world.upload("a3", "x.html", "text/html", &b"<p>hello</p>".repeat(100));
    for url in [&file, &image, &html] {
        let notes = looked_at(url, "Accept: */*");
        for right in ["RANGE_CORRECT", "INM_304", "IMS_304", "CL_CORRECT", "DATE_CORRECT"] {
            assert!(notes.iter().any(|note| note == right), "{url}: {notes:?}");
        }
    }
    world.service.delete(&comment_path("c1")).ok(204);
    let nowhere = format!("http://{}/a/nothing", world.service.public);
    for (url, said) in [(&file, "STATUS_GONE"), (&nowhere, "STATUS_NOT_FOUND")] {
        for field in [PAGE, "Accept: */*"] {
            assert!(looked_at(url, field).iter().any(|note| note == said), "{url}");
        }
    }
    looked_at(&format!("http://{}/robots.txt", world.service.public), "Accept: */*");
}

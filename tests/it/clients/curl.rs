//! `curl`, beyond what `tests/it/curl.rs` does with it.

use super::world::{World, curl, done, mebibytes, take_the_only_file};
use crate::keeps::{Keeps, with_each_object_store};

/// What `curl` ends with when it wants to go on, and the server sends all of it.
const CANNOT_RESUME: i32 = 33;
/// A rate at which the file is far from whole when the service is killed.
const SLOW: [&str; 2] = ["--limit-rate", "4M"];
const PART: usize = 1_500_000;

with_each_object_store!(
    a_cut_download_is_resumed,
    a_file_that_was_replaced_is_not_mixed_with_if_range,
    conditions,
    ranges_and_versions
);

async fn a_cut_download_is_resumed(keeps: Keeps) {
    let mut world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(24, 0), world.folder("curl"));
    let (url, file) = (world.upload("a1", "big.bin", "application/octet-stream", &octets), folder.join("big"));
    world.cut(curl(&folder).args(SLOW).args(["-o", "big", &url]), &file);
    let part = std::fs::read(&file).unwrap();
    assert!(part.len() < octets.len() && octets.starts_with(&part), "{}", part.len());
    done(curl(&folder).args(["-C", "-", "-o", "big", &url]));
    assert!(std::fs::read(&file).unwrap() == octets, "whole and equal");
}

/// `curl -C -` asks for the rest without `If-Range`. By RFC 9110 section 14.2 it gets the rest of what is there now, under
/// another tag; nothing in its request says that it holds a part of something else. With the tag in `If-Range` it gets
/// all of it (section 13.1.5), which `curl` refuses to append.
async fn a_file_that_was_replaced_is_not_mixed_with_if_range(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (old, new, folder) = (mebibytes(3, 0), mebibytes(3, u32::MAX), world.folder("curl"));
    let url = world.upload("a1", "big.bin", "application/octet-stream", &old);
    let first_part = format!("0-{}", PART - 1);
    done(curl(&folder).args(["-r", &first_part, "--etag-save", "tag", "-o", "part", &url]));
    world.service.attach("c1", "a1", "big.bin", "application/octet-stream", &new);
    let (file, tag) = (folder.join("part"), std::fs::read_to_string(folder.join("tag")).unwrap());

    let if_range = format!("If-Range: {}", tag.trim());
    let output = curl(&folder).args(["-C", "-", "-H", &if_range, "-o", "part", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(CANNOT_RESUME));
    assert!(std::fs::read(&file).unwrap() == old[..PART], "what was there is left alone");

    let head = done(curl(&folder).args(["-C", "-", "-D", "-", "-o", "part", &url])).stdout;
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 206") && !head.contains(tag.trim()), "{head}");
    assert!(std::fs::read(&file).unwrap() == [&old[..PART], &new[PART..]].concat(), "the rest of the new one");
}

async fn conditions(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(1, 0), world.folder("curl"));
    let url = world.upload("a1", "log.txt", "text/plain", &octets);
    let status = |arguments: &[&str]| {
        let output = done(curl(&folder).args(["-w", "%{http_code}", "-R"]).args(arguments).arg(&url));
        String::from_utf8(output.stdout).unwrap()
    };
    let saved = || std::fs::read(folder.join("file")).unwrap();
    assert_eq!(status(&["-o", "file", "--etag-save", "tag"]), "200");
    assert_eq!(status(&["-o", "file", "--etag-compare", "tag", "--etag-save", "tag"]), "304");
    // `-R` gave the file the date of the answer.
    assert_eq!(status(&["-z", "file", "-o", "file"]), "304");
    assert_eq!(status(&["-z", "2000-01-01", "-o", "file"]), "200");
    assert_eq!(status(&["-z", "-Sat, 01 Jan 2000 00:00:00 GMT", "-o", "none"]), "412");
    assert!(saved() == octets, "it is left alone when nothing is new");

    let new = mebibytes(1, 1);
    world.service.attach("c1", "a1", "log.txt", "text/plain", &new);
    assert_eq!(status(&["-o", "file", "--etag-compare", "tag", "--etag-save", "tag"]), "200");
    assert!(saved() == new, "the new one");
    assert_eq!(status(&["-o", "file", "--etag-compare", "tag"]), "304");
}

async fn ranges_and_versions(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(2, 0), world.folder("curl"));
    let url = world.upload("a1", "big.bin", "application/octet-stream", &octets);
    let end = octets.len();
    for (range, expected) in [
        ("0-0", &octets[..1]),
        ("1000000-1999999", &octets[1_000_000..2_000_000]),
        ("2000000-", &octets[2_000_000..]),
        ("-7", &octets[end - 7..]),
        // Several are ignored (RFC 9110 section 14.2).
        ("0-1,5-6", &octets[..]),
    ] {
        assert!(done(curl(&folder).args(["-r", range, &url])).stdout == expected, "{range}");
    }
    // Each version of the protocol; `--http2` asks to upgrade, which is declined.
    for (version, answered) in [("--http1.0", "1"), ("--http1.1", "1.1"), ("--http2", "1.1")] {
        let whole = done(curl(&folder).args([version, "-w", "%{stderr}%{http_version}", &url]));
        assert!(whole.stdout == octets, "{version}");
        assert_eq!(String::from_utf8(whole.stderr).unwrap(), answered, "{version}");
    }
    // One connection for all.
    let counts = done(curl(&folder).args(["-o", "1", "-o", "2", "-w", "%{num_connects} ", &url, &url]));
    assert_eq!(counts.stdout, b"1 0 ");
    let saving = world.folder("names");
    done(curl(&saving).args(["-OJ", &url]));
    assert_eq!(take_the_only_file(&saving), ("big.bin".to_owned(), octets));
}

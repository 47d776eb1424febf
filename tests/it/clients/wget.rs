//! `wget`.

use std::time::Duration;

use super::world::{World, done, mebibytes, take_the_only_file, wget};
use crate::binary::{comment_path, eventually};
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(a_cut_download_is_continued, a_copy_is_kept_up_to_date, a_dead_link_is_an_error);

const LOGGED_WITHIN: Duration = Duration::from_secs(10);
const SLOW: &str = "--limit-rate=4m";

async fn a_cut_download_is_continued(keeps: Keeps) {
    let mut world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(24, 0), world.folder("wget"));
    let (url, file) = (world.upload("a1", "big.bin", "application/octet-stream", &octets), folder.join("big"));
    world.cut(wget(&folder).args([SLOW, "-O", "big", &url]), &file);
    let part = std::fs::read(&file).unwrap();
    assert!(part.len() < octets.len() && octets.starts_with(&part), "{}", part.len());
    done(wget(&folder).args(["-c", "-O", "big", &url]));
    assert!(std::fs::read(&file).unwrap() == octets, "whole and equal");
    // Once more: there is nothing left to get, which 416 says, and it takes for done.
    done(wget(&folder).args(["-c", "-O", "big", &url]));
    assert!(std::fs::read(&file).unwrap() == octets, "still");
}

/// `-N` asks with `If-Modified-Since`.
async fn a_copy_is_kept_up_to_date(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(1, 0), world.folder("wget"));
    let url = world.upload("a1", "log.txt", "text/plain", &octets);
    for _ in 0..2 {
        done(wget(&folder).args(["-N", &url]));
    }
    // The log may be a moment behind.
    eventually(LOGGED_WITHIN, "200, then 304", || {
        let statuses: Vec<_> = world.service.requests().iter().filter_map(|line| line["status"].as_u64()).collect();
        statuses.ends_with(&[200, 304]).then_some(())
    });
    assert_eq!(take_the_only_file(&folder), ("log.txt".to_owned(), octets));
}

async fn a_dead_link_is_an_error(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (folder, url) = (world.folder("wget"), world.upload("a1", "log.txt", "text/plain", b"hello"));
    world.service.delete(&comment_path("c1")).ok(204);
    let output = wget(&folder).args(["--content-disposition", &url]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("410"), "{output:?}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

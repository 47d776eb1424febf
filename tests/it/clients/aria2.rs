//! `aria2c`, which takes a file in parts by several connections at once.

use std::path::Path;
use std::time::Duration;

use super::world::{World, aria2c, done, mebibytes, take_the_only_file, wait_for_octets};
use crate::binary::{Background, eventually};
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(eight_connections_get_one_file, what_was_killed_goes_on, a_cut_download_goes_on);

/// Eight connections to the one server, and parts small enough that each gets one.
const EIGHT: [&str; 3] = ["-x8", "-s8", "-k1M"];

const LOGGED_WITHIN: Duration = Duration::from_secs(10);

/// How many requests were answered with a part.
fn parts(world: &World) -> usize {
    world.service.requests().iter().filter(|line| line["status"] == 206).count()
}

async fn eight_connections_get_one_file(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(24, 0), world.folder("aria2"));
    let url = world.upload("a1", "gro%C3%9F.bin", "application/octet-stream", &octets);
    // Slowly enough that the first connection does not have it all before the others begin.
    done(aria2c(&folder).args(EIGHT).args(["--max-overall-download-limit=16M", &url]));
    // The first connection asks for all of it, the others for parts. The log may be a moment behind.
    eventually(LOGGED_WITHIN, "seven parts", || (parts(&world) >= 7).then_some(()));
    let (name, content) = take_the_only_file(&folder);
    assert_eq!(name, "groß.bin");
    assert!(content == octets, "whole and equal");
}

async fn what_was_killed_goes_on(keeps: Keeps) {
    let world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(24, 0), world.folder("aria2"));
    let (url, file) = (world.upload("a1", "big.bin", "application/octet-stream", &octets), folder.join("big"));
    let mut slow = aria2c(&folder);
    slow.args(EIGHT).args(["--max-overall-download-limit=4M", "-o", "big", &url]);
    let running = Background::start(&mut slow);
    wait_for_octets(&file);
    wait_for_octets_noted(&folder);
    // Ended by SIGKILL.
    drop(running);
    let before = parts(&world);
    done(aria2c(&folder).args(EIGHT).args(["-c", "-o", "big", &url]));
    eventually(LOGGED_WITHIN, "it went on and did not begin anew", || (parts(&world) > before).then_some(()));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no note of what is missing is left");
    assert!(std::fs::read(&file).unwrap() == octets, "whole and equal");
}

/// It notes each second what it has.
fn wait_for_octets_noted(folder: &Path) {
    let noted = || folder.join("big.aria2").exists().then_some(());
    eventually(LOGGED_WITHIN, "a note of what is there", noted);
}

async fn a_cut_download_goes_on(keeps: Keeps) {
    let mut world = World::on(keeps).await;
    let (octets, folder) = (mebibytes(24, 0), world.folder("aria2"));
    let (url, file) = (world.upload("a1", "big.bin", "application/octet-stream", &octets), folder.join("big"));
    // One connection: eight have the whole file in the buffers of the kernel before the service is killed.
    world.cut(aria2c(&folder).args(["-x1", "--max-overall-download-limit=4M", "-o", "big", &url]), &file);
    done(aria2c(&folder).args(EIGHT).args(["-c", "-o", "big", &url]));
    assert!(std::fs::read(&file).unwrap() == octets, "whole and equal");
}

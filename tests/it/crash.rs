//! `kill -9` in the middle of uploads and revocations, again and again on the same data directory.
//!
//! Several clients each work in a project of their own and keep a model of what was answered to them. After each kill
//! the service is started again and compared with the model: every answered revocation holds, every answered upload is
//! whole, the one call of each client that was not answered happened wholly or not at all, and no file is litter.

mod client;
mod compare;
mod issuing;
mod service;
mod upload;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::binary::{Place, eventually, pause};
use crate::random::Random;
use client::Client;
use service::Service;

const CLIENTS: u64 = 3;
const ROUNDS: u64 = 15;
const LONG_ROUNDS: u64 = 200;
/// When a round ends, in milliseconds after the service listens.
const ROUND_MS: std::ops::Range<u64> = 5..350;
/// In the long form, every so many rounds one lasts until the purge is at work.
const PURGE_ROUNDS: u64 = 20;
const PURGE_MS: u64 = 10_000;
/// More than a round of the purge and the next.
const PURGED_WITHIN: Duration = Duration::from_mins(1);
fn all(clients: &mut [Client], each: impl Fn(&mut Client) + Sync) {
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| each(client));
        }
    });
}

/// The keys of the files below the uploads' directory.
fn files(place: &Place) -> HashSet<String> {
    fn list(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.path().is_dir() { list(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let (objects, mut found) = (place.data().join("objects"), Vec::new());
    list(&objects.join("attachlink-uploads"), &mut found);
    found
        .iter()
        .map(|path| path.strip_prefix(&objects).expect("below it").to_str().expect("ASCII").to_owned())
        .collect()
}

/// Every file belongs to an attachment or is known to the purge, and every attachment has its file.
fn nothing_is_lost(place: &Place) {
    let files = files(place);
    let keys = |statement: &str| place.sql(statement).into_iter().collect::<HashSet<String>>();
    let attached = keys("SELECT object_key FROM attachments WHERE uploaded");
    let doomed = keys("SELECT object_key FROM doomed_objects");
    let lost: Vec<&String> = files.iter().filter(|key| !attached.contains(*key) && !doomed.contains(*key)).collect();
    // The purge may have been at work meanwhile.
    let lost: Vec<_> = lost.into_iter().filter(|key| place.data().join("objects").join(key).exists()).collect();
    assert!(lost.is_empty(), "litter: {lost:?}");
    let missing: Vec<_> = attached.iter().filter(|key| !files.contains(*key)).collect();
    assert!(missing.is_empty(), "without bytes: {missing:?}");
}

#[test]
fn what_was_answered_holds_however_often_it_is_killed() {
    let long = std::env::var_os("ATTACHLINK_TEST_LONG").is_some_and(|value| value == "1");
    let rounds = if long { LONG_ROUNDS } else { ROUNDS };
    let place = Place::new();
    let mut moments = Random(rounds);
    let mut clients: Vec<Client> = (0..CLIENTS).map(Client::new).collect();
    let mut binary = place.serve(&[]);
    binary.site();
    for round in 0..rounds {
        let service = Service::of(&binary);
        let mut moment = ROUND_MS.start + moments.below(ROUND_MS.end - ROUND_MS.start);
        if long && round % PURGE_ROUNDS == PURGE_ROUNDS - 1 {
            moment += PURGE_MS;
        }
        std::thread::scope(|scope| {
            for client in &mut clients {
                let service = &service;
                scope.spawn(move || client.work(service));
            }
            pause(Duration::from_millis(moment));
            binary.kill();
        });
        binary = place.serve(&[]);
        let service = Service::of(&binary);
        nothing_is_lost(&place);
        all(&mut clients, |client| client.settle_and_compare(&service));
    }
    let service = Service::of(&binary);
    all(&mut clients, |client| client.compare(&service, |_| true));
    all(&mut clients, |client| client.try_tombstones(&service));
    assert_eq!(place.sql("PRAGMA integrity_check"), ["ok"]);

    // In the end only what is attached has a file.
    eventually(PURGED_WITHIN, "the purge clears away what is left", || {
        place.sql("SELECT object_key FROM doomed_objects").is_empty().then_some(())
    });
    let attached: HashSet<String> =
        place.sql("SELECT object_key FROM attachments WHERE uploaded").into_iter().collect();
    assert_eq!(files(&place), attached);
    let answered: u64 = clients.iter().map(|client| client.answered).sum();
    let links =
        |alive: bool| clients.iter().flat_map(|client| &client.links).filter(|link| link.alive == alive).count();
    println!("{rounds} rounds, {answered} calls answered, links alive {} and dead {}", links(true), links(false));
    assert!(answered > rounds * CLIENTS && links(true) > 0 && links(false) > 0);
}

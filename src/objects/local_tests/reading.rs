//! Reading.

use std::io::{IoSliceMut, Read};
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

use super::*;

/// The clock of the file system may stand still for some milliseconds.
fn written_at_another_time(file: &fs::File) {
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
}

#[tokio::test]
async fn an_empty_file_has_a_version_and_no_octets() {
    let place = Place::new();
    let version = place.put_and_stat("empty", b"").await;
    assert_eq!(version.size, 0);
    assert_eq!(read(&place, &version, 0..0).await.unwrap(), b"");
    assert_eq!(whole(&place.store, &version).await.unwrap(), "");
    assert_eq!(place.store.stat_and_start(&named("empty"), 10).await.unwrap().1, "");
    fs::remove_file(place.path("empty")).unwrap();
    assert!(matches!(place.store.open(&version, 0..0).await, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn a_running_download_does_not_see_what_happens_to_the_name() {
    let place = Place::new();
    let octets = sample(5_000_000);
    let version = place.put_and_stat("a/big", &octets).await;
    let open = || place.store.open(&version, 0..version.size);
    let (mut replaced, mut deleted) = (open().await.unwrap(), open().await.unwrap());
    let first = replaced.next().await.unwrap().unwrap();
    let first_too = deleted.next().await.unwrap().unwrap();

    fs::write(place.path("a/new"), vec![0; 5_000_000]).unwrap();
    written_at_another_time(&fs::File::options().write(true).open(place.path("a/new")).unwrap());
    fs::rename(place.path("a/new"), place.path("a/big")).unwrap();
    assert!([&first[..], &collect(replaced).await.unwrap()].concat() == octets);
    assert!(matches!(open().await, Err(ObjectError::Changed)));
    assert!(matches!(whole(&place.store, &version).await, Err(ObjectError::Changed)));

    fs::remove_file(place.path("a/big")).unwrap();
    assert!([&first_too[..], &collect(deleted).await.unwrap()].concat() == octets);
    assert!(matches!(open().await, Err(ObjectError::NotFound)));
}

#[tokio::test]
async fn a_file_that_turns_out_other_than_promised_is_an_error_not_an_end() {
    let place = Place::new();
    let octets = sample(2_000_000);
    for what in ["shorter", "empty", "overwritten", "longer"] {
        let version = place.put_and_stat(what, &octets).await;
        let mut body = place.store.open(&version, 0..version.size).await.unwrap();
        body.next().await.unwrap().unwrap();
        let file = fs::File::options().write(true).open(place.path(what)).unwrap();
        match what {
            "shorter" => file.set_len(1_999_999).unwrap(),
            "empty" => file.set_len(0).unwrap(),
            "overwritten" => file.write_all_at(b"x", 1_000_000).unwrap(),
            _ => file.write_all_at(b"x", version.size).unwrap(),
        }
        written_at_another_time(&file);
        let (mut got, mut error) = (0, None);
        while let Some(item) = body.next().await {
            assert!(error.is_none(), "{what}: something after an error");
            match item {
                Ok(octets) => got += octets.len(),
                Err(e) => error = Some(e),
            }
        }
        assert!(matches!(error, Some(ObjectError::Changed)), "{what}: {error:?}");
        assert!(got < octets.len(), "{what}");
    }
}

#[tokio::test]
async fn ranges_beyond_4_gib_are_right() {
    let place = Place::new();
    place.put("sparse", b"");
    let (mark, size) = ((1_u64 << 32) + 12_345, (1_u64 << 32) + 100_000);
    let mut file = fs::File::options().write(true).open(place.path("sparse")).unwrap();
    file.set_len(size).unwrap();
    file.seek(SeekFrom::Start(mark)).unwrap();
    file.write_all(b"here").unwrap();
    drop(file);
    let version = place.store.stat(&named("sparse")).await.unwrap();
    assert_eq!(version.size, size);
    assert_eq!(read(&place, &version, mark..mark + 4).await.unwrap(), b"here");
    let around = read(&place, &version, mark - 200_000..size).await.unwrap();
    assert_eq!(around.len() as u64, size - mark + 200_000);
    assert_eq!(&around[200_000..200_004], b"here");
    assert_eq!(around.iter().filter(|octet| **octet != 0).count(), 4);
    assert_eq!(read(&place, &version, size - 1..size).await.unwrap(), [0]);
}

#[tokio::test]
async fn a_restored_backup_keeps_the_versions_of_uploads() {
    let place = Place::new();
    let version = place.upload(1, &sample(1000)).await;
    let path = place.path(version.key.as_str());
    fs::copy(&path, place.path("copy")).unwrap();
    fs::rename(place.path("copy"), &path).unwrap();
    assert_eq!(whole(&place.store, &version).await.unwrap(), sample(1000));
    fs::write(&path, sample(999)).unwrap();
    assert!(matches!(whole(&place.store, &version).await, Err(ObjectError::Changed)));
}

/// Polls until a pause, and says how many reads came before it, of how many octets, and whether the body woke its task
/// itself.
fn reads_until_pause(body: &mut ObjectBody) -> (u32, u64, bool) {
    let (waker, woken) = flag_waker();
    let mut cx = Context::from_waker(&waker);
    let (mut reads, mut octets) = (0, 0);
    while let Poll::Ready(read) = body.poll_next_unpin(&mut cx) {
        octets += read.unwrap().unwrap().len() as u64;
        reads += 1;
    }
    (reads, octets, woken.load(std::sync::atomic::Ordering::SeqCst))
}

fn flag_waker() -> (std::task::Waker, Arc<std::sync::atomic::AtomicBool>) {
    struct Flag(Arc<std::sync::atomic::AtomicBool>);
    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let woken = Arc::default();
    (Arc::new(Flag(Arc::clone(&woken))).into(), woken)
}

#[tokio::test]
async fn a_hot_download_lets_others_have_their_turn() {
    let place = Place::new();
    let version = place.put_and_stat("hot", &sample(4_000_000)).await;
    let mut body = place.store.open(&version, 0..version.size).await.unwrap();
    let mut came = 0;
    for _ in 0..10 {
        let (reads, octets, woken) = reads_until_pause(&mut body);
        came += octets;
        assert!(reads <= READS_IN_A_ROW);
        if reads < READS_IN_A_ROW {
            println!("not run to its end: this file system does not read from its cache at once");
            return;
        }
        assert!(woken, "nobody else wakes a body that pauses");
    }
    assert!(came > 10 * u64::from(READS_IN_A_ROW) * 16 * 1024, "it is read in larger portions while it keeps up");
    assert_eq!(collect(body).await.unwrap().len() as u64, version.size - came);
}

#[tokio::test]
async fn what_is_not_in_the_page_cache_is_read_by_another_thread() {
    let place = Place::new();
    let octets = sample(3_000_000);
    let version = place.upload(1, &octets).await;
    let file = fs::File::open(place.path(version.key.as_str())).unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    assert!(read(&place, &version, 0..version.size).await.unwrap() == octets);
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    assert!(whole(&place.store, &version).await.unwrap() == octets);
}

/// The kernel is asked for what it has, and a hole in it is read by a thread that may wait.
#[tokio::test]
async fn nothing_is_sent_at_once_that_the_page_cache_lost() {
    const PART: usize = 256 * 1024;
    let place = Place::new();
    let sample = sample(8 * PART);
    let version = place.upload(1, &sample).await;
    let opened = fs::File::open(place.path(version.key.as_str())).unwrap();
    let hole = 3 * PART as u64;
    fadvise(&opened, hole, NonZeroU64::new(PART as u64), Advice::DontNeed).unwrap();
    let cached = |at| preadv2(&opened, &mut [IoSliceMut::new(&mut [0])], at, ReadWriteFlags::NOWAIT).is_ok();
    // Not every file system tells, or lets go of it.
    if !cached(0) || cached(hole) || !cached(hole - 1) || !cached(sample.len() as u64 - 1) {
        return;
    }
    let mut body = place.store.open(&version, 0..sample.len() as u64).await.unwrap();
    // Having looked for it has had it read.
    fadvise(&opened, hole, NonZeroU64::new(PART as u64), Advice::DontNeed).unwrap();
    assert!(body.is_at_hand());
    let (to, mut from) = UnixStream::pair().unwrap();
    to.set_nonblocking(true).unwrap();
    from.set_nonblocking(true).unwrap();
    let mut received = Vec::new();
    // What it is told now holds for a while.
    while (received.len() as u64) < hole && body.send_to(to.as_fd()).unwrap() > 0 {
        let _ = from.read_to_end(&mut received);
    }
    assert_eq!(received.len() as u64, hole, "up to the hole");
    assert_eq!(body.send_to(to.as_fd()).unwrap(), 0, "and not an octet of it");
    while let Some(read) = body.next().await {
        received.extend_from_slice(&read.unwrap());
    }
    assert!(received == sample);
}

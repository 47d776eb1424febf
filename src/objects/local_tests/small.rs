//! What is kept of small objects.

use std::io::IoSliceMut;

use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

use super::*;
use crate::objects::small::SmallFile;

/// The file system's clock may stand still for some milliseconds.
const ANOTHER_TIME: Duration = Duration::from_millis(20);

/// Whether a read of an open file may be told not to wait (`RWF_NOWAIT`): not on tmpfs, and not on overlayfs, which is
/// what a container has below its volumes.
fn tells_what_is_cached(place: &Place, version: &ObjectVersion) -> bool {
    let opened = fs::File::open(place.path(version.key.as_str())).unwrap();
    preadv2(&opened, &mut [IoSliceMut::new(&mut [0])], 0, ReadWriteFlags::NOWAIT).is_ok()
}

fn file(small: &Small) -> Option<&SmallFile> {
    match small {
        Small::File(file) => Some(file),
        Small::Octets(_) => None,
    }
}

async fn octets(small: &Small, range: Range<u64>) -> Vec<u8> {
    match small.range(range, Instant::now()).await.unwrap() {
        Source::Memory(octets) => octets.into(),
        Source::Store(body) => collect(body).await.unwrap(),
    }
}

#[tokio::test]
async fn of_an_upload_the_file_is_kept_and_of_others_the_octets() {
    let place = Place::new();
    let sample = sample(20_000);
    let upload = place.upload(1, &sample).await;
    let kept = place.store.small(&upload).await.unwrap();
    assert_eq!(file(&kept).is_some(), tells_what_is_cached(&place, &upload));
    assert!(kept.is_had());
    assert!(place.store.still_has(&upload, &kept).await.unwrap());
    for range in [0..20_000, 0..0, 20_000..20_000, 19_999..20_000, 4_000..8_001] {
        let (first, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        assert!(octets(&kept, range).await == sample[first..end]);
    }
    assert!(matches!(kept.range(1..20_001, Instant::now()).await, Err(ObjectError::Changed)));

    // Anybody may write to it at any time, while the kernel sends it too.
    let other = place.put_and_stat("acme/x", &sample).await;
    let kept = place.store.small(&other).await.unwrap();
    assert!(matches!(&kept, Small::Octets(octets) if *octets == sample));
    assert!(place.store.still_has(&other, &kept).await.unwrap());
    // Nothing is sent by sending no octets.
    let empty = place.upload(2, b"").await;
    assert!(matches!(place.store.small(&empty).await.unwrap(), Small::Octets(octets) if octets.is_empty()));
}

/// There each read of an open file would take a thread that may wait.
#[tokio::test]
async fn where_nothing_tells_what_is_cached_the_octets_are_kept() {
    let (memory, sample) = (Place::below(Path::new("/dev/shm")), sample(20_000));
    let version = memory.upload(1, &sample).await;
    let kept = memory.store.small(&version).await.unwrap();
    assert_eq!(file(&kept).is_some(), tells_what_is_cached(&memory, &version));
    assert!(memory.store.still_has(&version, &kept).await.unwrap());
    assert!(octets(&kept, 0..20_000).await == sample);
}

/// It is not served from the open file, and it is closed.
#[tokio::test]
async fn what_is_taken_away_or_replaced_is_noticed() {
    let place = Place::new();
    for (seed, what) in ["deleted", "deleted, linked elsewhere", "moved", "replaced", "cut"].into_iter().enumerate() {
        let version = place.upload(u8::try_from(seed).unwrap(), b"0123456789").await;
        let (path, elsewhere) = (place.path(version.key.as_str()), place.path(&format!("elsewhere-{seed}")));
        let kept = place.store.small(&version).await.unwrap();
        tokio::time::sleep(ANOTHER_TIME).await;
        match what {
            "deleted" => fs::remove_file(&path).unwrap(),
            "deleted, linked elsewhere" => {
                fs::hard_link(&path, &elsewhere).unwrap();
                fs::remove_file(&path).unwrap();
            }
            "moved" => fs::rename(&path, &elsewhere).unwrap(),
            "replaced" => {
                fs::write(&elsewhere, b"012345678").unwrap();
                fs::rename(&elsewhere, &path).unwrap();
            }
            _ => fs::File::options().write(true).open(&path).unwrap().set_len(9).unwrap(),
        }
        assert!(!matches!(place.store.still_has(&version, &kept).await, Ok(true)), "{what}");
        assert!(file(&kept).is_none() || !kept.is_had(), "{what}: it would stay open");
        let anew = place.store.small(&version).await;
        assert!(matches!(anew, Err(ObjectError::NotFound | ObjectError::Changed)), "{what}");
    }
}

/// A runtime's thread does not wait for a disk.
#[tokio::test]
async fn what_the_page_cache_lost_is_read_before_it_is_sent() {
    let place = Place::new();
    let sample = sample(20_000);
    let version = place.upload(1, &sample).await;
    let kept = place.store.small(&version).await.unwrap();
    // Where the octets are kept, nothing has to be read again.
    let Some(file) = file(&kept) else { return };
    let opened = fs::File::open(place.path(version.key.as_str())).unwrap();
    fadvise(&opened, 0, None, Advice::DontNeed).unwrap();
    // Not every file system lets go of it: one in memory has nothing else.
    let cold = !file.is_warm(Instant::now());
    let source = kept.range(0..20_000, Instant::now()).await.unwrap();
    assert_eq!(matches!(source, Source::Memory(_)), cold);
    assert!(octets(&kept, 0..20_000).await == sample);
    assert!(file.is_warm(Instant::now()), "reading it has warmed it");
}

//! Reading what is there, and saying what is not.

use attachlink::domain::attachment::ObjectVersion;
use attachlink::objects::{ObjectError, ObjectStore};

use super::{Place, named, on_each_store, sample, whole};

on_each_store!(
    what_is_there_is_read_whole_and_in_ranges,
    an_empty_object_has_a_version_and_no_octets,
    what_is_missing_is_not_found,
    only_the_version_asked_for_is_read,
    keys_are_taken_as_they_are,
    a_ping_says_that_it_answers_and_leaves_nothing,
    several_runtimes_read_at_once,
);

async fn what_is_there_is_read_whole_and_in_ranges(place: Place) {
    let octets = sample(300_007);
    let version = place.put_and_stat("acme/report.bin", &octets).await;
    assert_eq!(version.size, 300_007);
    assert!(version.modified_at > time::macros::datetime!(2020-01-01 00:00:00 UTC), "{}", version.modified_at);
    assert!(place.whole(&version).await.unwrap() == octets);
    let size = version.size;
    for range in [0..size, 0..0, 0..1, size..size, size - 1..size, 1..size - 1, 65_535..65_537, 100_000..300_000] {
        let expected = &octets[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert!(place.read(&version, range.clone()).await.unwrap() == expected, "{range:?}");
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake")]
    for beyond in [0..size + 1, 2..1, size + 1..size + 1] {
        assert!(matches!(place.store.open(&version, beyond).await, Err(ObjectError::Unavailable(_))));
    }
    for start in [0, 1, 100, 300_006, 300_007, 300_008, 10_000_000] {
        let (seen, octets_seen) = place.store.stat_and_start(&version.key, start).await.unwrap();
        assert_eq!(seen, version);
        assert!(octets_seen == octets[..start.min(octets.len())], "{start}");
    }
}

async fn an_empty_object_has_a_version_and_no_octets(place: Place) {
    let version = place.put_and_stat("empty", b"").await;
    assert_eq!(version.size, 0);
    assert_eq!(place.read(&version, 0..0).await.unwrap(), b"");
    assert_eq!(place.whole(&version).await.unwrap(), "");
    let (seen, start) = place.store.stat_and_start(&named("empty"), 10).await.unwrap();
    assert_eq!((seen, start.len()), (version.clone(), 0));
    place.remove("empty").await;
    assert!(matches!(place.store.open(&version, 0..0).await, Err(ObjectError::NotFound)));
}

async fn what_is_missing_is_not_found(place: Place) {
    place.put("acme/x", b"x").await;
    let long = "x".repeat(1024);
    let folders: &[&str] = if place.knows_folders() { &["acme", "acme/x/y"] } else { &[] };
    for key in ["acme/none", "acme/X", &long].iter().chain(folders) {
        let key = named(key);
        let known = place.store.stat(&key).await;
        assert!(matches!(known, Err(ObjectError::NotFound)), "{key:?}: {known:?}");
        let start = place.store.stat_and_start(&key, 10).await;
        assert!(matches!(start, Err(ObjectError::NotFound)), "{key:?}: {start:?}");
    }
    let version = place.put_and_stat("acme/y", b"yy").await;
    place.remove("acme/y").await;
    for error in [place.read(&version, 0..2).await.unwrap_err(), place.whole(&version).await.unwrap_err()] {
        assert!(matches!(error, ObjectError::NotFound), "{error:?}");
    }
}

async fn only_the_version_asked_for_is_read(place: Place) {
    let before = place.put_and_stat("acme/x", b"before").await;
    let after = place.put_and_stat("acme/x", b"after!").await;
    assert_ne!(before.version, after.version);
    assert_ne!(before.etag(), after.etag());
    for range in [0..6, 1..3, 2..2] {
        let opened = place.read(&before, range.clone()).await;
        assert!(matches!(opened, Err(ObjectError::Changed)), "{range:?}: {opened:?}");
    }
    assert!(matches!(place.whole(&before).await, Err(ObjectError::Changed)));
    assert_eq!(place.read(&after, 0..6).await.unwrap(), b"after!");
    // The same bytes in another store's words are another version.
    let foreign = ObjectVersion { version: "of another kind of store".into(), ..after };
    assert!(matches!(place.read(&foreign, 0..6).await, Err(ObjectError::Changed)));
}

async fn keys_are_taken_as_they_are(place: Place) {
    let odd = ["a b/c+d", "100%/25%20", "ü/日本.pdf", "q?x=1&y=2#z", "~/.hidden/..x", "a'(b)*!;:@,$=[]{}|^`\"<>"];
    for (index, key) in odd.iter().enumerate() {
        let octets = format!("octets {index}");
        let version = place.put_and_stat(key, octets.as_bytes()).await;
        assert_eq!(place.whole(&version).await.unwrap(), octets, "{key}");
        assert_eq!(place.read(&version, 7..8).await.unwrap(), &octets.as_bytes()[7..8], "{key}");
    }
    for key in ["a b/c d", "100%/25 ", "a%20b/c+d", "q"] {
        assert!(matches!(place.store.stat(&named(key)).await, Err(ObjectError::NotFound)), "{key}");
    }
}

async fn a_ping_says_that_it_answers_and_leaves_nothing(place: Place) {
    place.store.ping().await.unwrap();
    assert_eq!(place.keys().await, [] as [&str; 0]);
    place.put("x", b"x").await;
    place.store.ping().await.unwrap();
    assert_eq!(place.keys().await, ["x"]);
}

/// The public listener has a runtime for each core; one store, and one pool of connections, serves them all.
async fn several_runtimes_read_at_once(place: Place) {
    const READS: usize = 40;
    let octets = sample(20_000);
    let version = place.put_and_stat("hot", &octets).await;
    let read_many = |store: ObjectStore| {
        let (version, octets) = (version.clone(), octets.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let reads = (0..READS).map(|_| whole(&store, &version));
                for read in futures_util::future::join_all(reads).await {
                    assert!(read.unwrap() == octets);
                }
            });
        }
    };
    let workers: Vec<_> = (0..3).map(|_| std::thread::spawn(read_many(place.store.clone()))).collect();
    for worker in workers {
        tokio::task::spawn_blocking(|| worker.join().unwrap()).await.unwrap();
    }
    // Their runtimes are gone, and with them the connections that they had opened.
    assert!(place.whole(&version).await.unwrap() == octets);
}

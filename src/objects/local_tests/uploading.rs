//! Uploads.

use super::*;

#[tokio::test]
async fn what_was_uploaded_is_read_back_whole_and_in_ranges() {
    for place in [Place::new(), Place::with_named_uploads()] {
        let octets = sample(1_000_003);
        let version = place.upload(7, &octets).await;
        assert_eq!(version.size, 1_000_003);
        assert_eq!(version.modified_at, datetime!(2026-11-21 10:00:00 UTC));
        assert_eq!(place.store.stat(&key(7)).await.unwrap(), version);
        assert_eq!(place.files(), [place.path(key(7).as_str())]);
        let mode = fs::metadata(place.path(key(7).as_str())).unwrap().mode();
        assert_eq!(mode & 0o007, 0, "no others: {mode:o}");

        assert_eq!(whole(&place.store, &version).await.unwrap(), octets);
        let size = version.size;
        for range in [
            0..size,
            0..0,
            0..1,
            size..size,
            size - 1..size,
            CHUNK - 1..CHUNK + 1,
            CHUNK..2 * CHUNK,
            0..CHUNK,
            1..size - 1,
            5 * CHUNK + 7..9 * CHUNK + 8,
        ] {
            let expected = &octets[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            assert!(read(&place, &version, range.clone()).await.unwrap() == expected, "{range:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake")]
        for beyond in [0..size + 1, 2..1, size + 1..size + 1] {
            assert!(matches!(place.store.open(&version, beyond).await, Err(ObjectError::Unavailable(_))));
        }
        let (seen, start) = place.store.stat_and_start(&key(7), 100).await.unwrap();
        assert_eq!((seen, &start[..]), (version.clone(), &octets[..100]));
    }
}

#[tokio::test]
async fn every_size_around_a_write_is_taken_as_it_is() {
    let place = Place::new();
    let write = 256 * 1024;
    for (seed, size) in [0, 1, write - 1, write, write + 1, 3 * write, 3 * write + 1].into_iter().enumerate() {
        let (seed, octets) = (u8::try_from(seed).unwrap(), sample(size));
        let mut upload = place.store.begin_upload(&key(seed), None).await.unwrap();
        upload.write(Bytes::new()).await.unwrap();
        upload.write(octets.clone().into()).await.unwrap();
        let version = upload.finish(NOW).await.unwrap();
        assert!(read(&place, &version, 0..version.size).await.unwrap() == octets, "{size}");
        assert!(whole(&place.store, &version).await.unwrap() == octets, "{size}");
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing() {
    for place in [Place::new(), Place::with_named_uploads()] {
        let mut upload = place.store.begin_upload(&key(1), None).await.unwrap();
        upload.write(sample(600_000).into()).await.unwrap();
        assert!(matches!(place.store.stat(&key(1)).await, Err(ObjectError::NotFound)));
        assert_eq!(place.store.remove_litter(NOW).await.unwrap(), 0, "it lives");
        drop(upload);
        place.empties().await;
        // Also outside of any runtime.
        let upload = place.store.begin_upload(&key(1), None).await.unwrap();
        std::thread::spawn(move || drop(upload)).join().unwrap();
        assert_eq!(place.files(), [] as [PathBuf; 0]);
    }
}

#[test]
fn an_upload_whose_write_was_given_up_cannot_be_finished() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let mut upload = runtime.block_on(place.store.begin_upload(&key(1), None)).unwrap();
    let (free, busy) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || busy.recv());
    runtime.block_on(async {
        let mut write = Box::pin(upload.write(sample(300_000).into()));
        assert!(futures_util::poll!(&mut write).is_pending(), "the only thread that may wait is busy");
        drop(write);
        free.send(()).unwrap();
        assert!(upload.write(Bytes::from_static(b"x")).await.is_err());
        assert!(upload.finish(NOW).await.is_err());
        assert!(matches!(place.store.stat(&key(1)).await, Err(ObjectError::NotFound)));
    });
}

#[tokio::test]
async fn litter_is_told_from_living_uploads() {
    let place = Place::with_named_uploads();
    let mut living = place.store.begin_upload(&key(3), None).await.unwrap();
    living.write(sample(300_000).into()).await.unwrap();
    let incoming = place.path(UPLOADS).join(".incoming");
    fs::write(incoming.join("of-a-killed-process"), sample(10)).unwrap();
    symlink("/etc/passwd", incoming.join("link")).unwrap();
    // Another process looks, as at its start.
    let other = ObjectStore::local(place.dir.path(), false).unwrap();
    assert_eq!(other.remove_litter(NOW).await.unwrap(), 1);
    fs::remove_file(incoming.join("link")).unwrap();
    living.finish(NOW).await.unwrap();
    assert_eq!(place.store.stat(&key(3)).await.unwrap().size, 300_000);
    assert_eq!(place.files(), [place.path(key(3).as_str())]);
    assert_eq!(Place::new().store.remove_litter(NOW).await.unwrap(), 0, "nothing was ever uploaded");
}

#[tokio::test]
async fn a_key_is_written_once() {
    for place in [Place::new(), Place::with_named_uploads()] {
        let version = place.upload(1, b"first").await;
        let mut upload = place.store.begin_upload(&key(1), None).await.unwrap();
        upload.write(Bytes::from_static(b"again")).await.unwrap();
        assert!(matches!(upload.finish(NOW).await, Err(ObjectError::Unavailable(_))));
        assert_eq!(whole(&place.store, &version).await.unwrap(), "first");
        assert_eq!(place.files().len(), 1);
        for foreign in [named("a"), ObjectKey::stored(format!("{UPLOADS}/../a")), ObjectKey::stored("/a".to_owned())] {
            assert!(place.store.begin_upload(&foreign, None).await.is_err(), "{foreign:?}");
        }
    }
}

#[tokio::test]
async fn two_uploads_at_once_do_not_mix() {
    for place in [Place::new(), Place::with_named_uploads()] {
        let (a, b) = (vec![b'a'; 1_500_000], vec![b'b'; 1_200_000]);
        let (one, two) = tokio::join!(place.upload(1, &a), place.upload(2, &b));
        assert!(whole(&place.store, &one).await.unwrap() == a);
        assert!(whole(&place.store, &two).await.unwrap() == b);
    }
}

#[test]
fn several_runtimes_share_a_store() {
    let place = Place::new();
    let octets = sample(700_000);
    let workers: Vec<_> = (0..4_u8)
        .map(|seed| {
            let (store, octets) = (place.store.clone(), octets.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let mut upload = store.begin_upload(&key(seed), None).await.unwrap();
                    upload.write(octets.into()).await.unwrap();
                    upload.finish(NOW).await.unwrap()
                })
            })
        })
        .collect();
    let versions: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
    // Their runtimes are gone; what they made is there for others.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for version in versions {
        assert!(runtime.block_on(whole(&place.store, &version)).unwrap() == octets);
    }
}

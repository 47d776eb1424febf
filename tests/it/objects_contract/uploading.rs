//! Uploads: whole or not at all. Deletion: ours only, and for good.

use attachlink::domain::attachment::{ObjectKey, UPLOADS};
use attachlink::objects::ObjectError;
use time::macros::datetime;

use super::{Place, named, on_each_store, sample, soon, upload_key};

on_each_store!(
    uploads_of_every_kind_are_read_back,
    an_upload_that_is_cut_leaves_nothing,
    two_uploads_at_once_do_not_mix,
    only_uploads_are_deleted_and_again_is_fine,
    only_keys_of_uploads_are_taken,
);

/// What S3 takes in one piece.
const PIECE: usize = 8 * 1024 * 1024;

async fn uploads_of_every_kind_are_read_back(place: Place) {
    for (seed, size) in [0, 1, 300_000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 3].into_iter().enumerate() {
        let (seed, octets) = (u8::try_from(seed).unwrap(), sample(size));
        let expected = (seed % 2 == 0).then_some(size as u64);
        let version = place.upload(seed, &octets, expected).await;
        assert_eq!((version.size, version.modified_at), (size as u64, datetime!(2026-11-21 10:00:00 UTC)));
        let stat = place.store.stat(&upload_key(seed)).await.unwrap();
        assert_eq!((&stat.version, stat.size), (&version.version, version.size), "{size}");
        assert!(place.read(&version, 0..version.size).await.unwrap() == octets, "{size}");
        let middle = version.size / 2;
        assert!(place.read(&version, middle..version.size).await.unwrap() == octets[octets.len() / 2..], "{size}");
        assert!(place.whole(&version).await.unwrap() == octets, "{size}");
        place.store.delete(&upload_key(seed)).await.unwrap();
    }
    assert_eq!(place.keys().await, [] as [&str; 0]);
}

async fn an_upload_that_is_cut_leaves_nothing(place: Place) {
    for size in [1000, PIECE + 1, 2 * PIECE + 1000] {
        let mut upload = place.store.begin_upload(&upload_key(1), None).await.unwrap();
        upload.write(sample(size).into()).await.unwrap();
        assert!(matches!(place.store.stat(&upload_key(1)).await, Err(ObjectError::NotFound)));
        drop(upload);
        soon("nothing is left", || async { place.keys().await.is_empty() }).await;
    }
}

async fn two_uploads_at_once_do_not_mix(place: Place) {
    let (a, b) = (vec![b'a'; PIECE + 10], vec![b'b'; 1_200_000]);
    let (one, two) = tokio::join!(place.upload(1, &a, None), place.upload(2, &b, None));
    assert!(place.whole(&one).await.unwrap() == a);
    assert!(place.whole(&two).await.unwrap() == b);
}

async fn only_uploads_are_deleted_and_again_is_fine(place: Place) {
    place.upload(1, &sample(2_000_000), None).await;
    place.put("acme/x", b"x").await;
    for _ in 0..2 {
        place.store.delete(&upload_key(1)).await.unwrap();
        assert!(matches!(place.store.stat(&upload_key(1)).await, Err(ObjectError::NotFound)));
    }
    place.store.delete(&upload_key(2)).await.unwrap();
    for foreign in ["acme/x", UPLOADS, "attachlink-uploads/../acme/x", "attachlink-uploads/.incoming/x"] {
        assert!(place.store.delete(&ObjectKey::stored(foreign.to_owned())).await.is_err(), "{foreign}");
    }
    assert_eq!(place.keys().await, ["acme/x"]);
}

async fn only_keys_of_uploads_are_taken(place: Place) {
    for foreign in [named("a"), ObjectKey::stored(format!("{UPLOADS}/../a")), ObjectKey::stored("/a".to_owned())] {
        assert!(place.store.begin_upload(&foreign, None).await.is_err(), "{foreign:?}");
    }
}

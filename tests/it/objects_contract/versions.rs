//! Buckets that keep versions. Of the servers here only moto has such.

use attachlink::objects::ObjectError;

use super::{Place, named, on_these, sample, upload_key};

on_these!(moto: a_version_is_served_whatever_came_after_it, uploads_are_deleted_in_all_versions, one_that_is_gone_is_gone);

async fn a_version_is_served_whatever_came_after_it(place: Place) {
    let unversioned = place.put_and_stat("acme/x", b"from before").await;
    place.bucket().keep_versions().await;
    let first = place.put_and_stat("acme/x", b"first").await;
    // The same bytes again: the entity tag cannot tell them apart, the version id does.
    let again = place.put_and_stat("acme/x", b"first").await;
    assert_ne!(first.version, again.version);
    place.put("acme/x", b"last").await;
    for version in [&first, &again] {
        assert_eq!(place.whole(version).await.unwrap(), "first");
        assert_eq!(place.read(version, 1..3).await.unwrap(), b"ir");
    }
    assert!(matches!(place.whole(&unversioned).await, Err(ObjectError::Changed)));
    let (started, start) = place.store.stat_and_start(&named("acme/x"), 2).await.unwrap();
    assert_eq!((started.size, &start[..]), (4, &b"la"[..]));
    assert_eq!(place.whole(&started).await.unwrap(), "last");
}

async fn uploads_are_deleted_in_all_versions(place: Place) {
    place.bucket().keep_versions().await;
    for size in [10, 8 * 1024 * 1024 + 1] {
        let version = place.upload(1, &sample(size), None).await;
        assert!(place.whole(&version).await.unwrap() == sample(size));
    }
    assert_eq!(place.bucket().versions().await, 2);
    for _ in 0..2 {
        place.store.delete(&upload_key(1)).await.unwrap();
        assert_eq!(place.bucket().versions().await, 0);
    }
}

async fn one_that_is_gone_is_gone(place: Place) {
    place.bucket().keep_versions().await;
    let version = place.put_and_stat("acme/x", b"xx").await;
    let bucket = place.bucket();
    let id = version.version.split(' ').next().unwrap();
    let key = format!("{}/acme/x", super::PREFIX);
    bucket.client.delete_object().bucket(&bucket.name).key(key).version_id(id).send().await.unwrap();
    place.put("acme/x", b"xx").await;
    for range in [0..2, 0..1, 1..1] {
        let read = place.read(&version, range).await;
        assert!(matches!(read, Err(ObjectError::NotFound)), "{read:?}");
    }
}

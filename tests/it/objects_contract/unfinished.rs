//! Uploads in parts that are given up: by us at once, by processes that were killed at a later start.

use bytes::Bytes;

use super::{NOW, Place, collect, on_each_s3, sample, soon, upload_key};

/// What S3 takes in one piece.
const PIECE: usize = 8 * 1024 * 1024;

on_each_s3!(a_cut_upload_in_parts_is_given_up_on_the_server, litter_is_told_by_its_age);

async fn a_cut_upload_in_parts_is_given_up_on_the_server(place: Place) {
    if !place.bucket().server.lists_unfinished_uploads {
        return gives_up_by_what_it_answers(place).await;
    }
    let mut upload = place.store.begin_upload(&upload_key(1), None).await.unwrap();
    upload.write(sample(2 * PIECE + 1).into()).await.unwrap();
    assert_eq!(place.bucket().unfinished().await, 1);
    drop(upload);
    soon("it is given up", || async { place.bucket().unfinished().await == 0 }).await;
    // Given up while it begins, too.
    let mut upload = place.store.begin_upload(&upload_key(1), None).await.unwrap();
    upload.write(sample(PIECE).into()).await.unwrap();
    let half_way = {
        let mut write = Box::pin(upload.write(Bytes::from_static(b"more")));
        // On a busy machine the server may have answered before this looks.
        futures_util::poll!(&mut write).is_pending()
    };
    assert_eq!(upload.write(Bytes::from_static(b"x")).await.is_err(), half_way, "a piece is missing");
    drop(upload);
    soon("it is given up", || async { place.bucket().unfinished().await == 0 }).await;
}

/// A server that does not list them: nothing to see but that the next upload of the key is whole.
async fn gives_up_by_what_it_answers(place: Place) {
    let mut upload = place.store.begin_upload(&upload_key(1), None).await.unwrap();
    upload.write(sample(2 * PIECE + 1).into()).await.unwrap();
    drop(upload);
    let version = place.upload(1, b"whole", None).await;
    assert_eq!(collect(place.store.open(&version, 0..5).await.unwrap()).await.unwrap(), b"whole");
}

async fn litter_is_told_by_its_age(place: Place) {
    let (bucket, foreign) = (place.bucket(), format!("{}/acme/theirs", super::PREFIX));
    bucket.client.create_multipart_upload().bucket(&bucket.name).key(foreign).send().await.unwrap();
    let mut living = place.store.begin_upload(&upload_key(1), None).await.unwrap();
    living.write(sample(PIECE + 1).into()).await.unwrap();
    let now = place.bucket().server.uploads_begin.unwrap_or_else(server_time);
    assert_eq!(place.store.remove_litter(now).await.unwrap(), 0, "it lives");
    let later = now + time::Duration::hours(25);
    let removed = place.store.remove_litter(later).await.unwrap();
    if place.bucket().server.lists_unfinished_uploads {
        assert_eq!(removed, 1, "ours only");
        assert!(living.finish(NOW).await.is_err(), "it was taken for litter");
        assert_eq!(place.bucket().unfinished().await, 1);
    }
}

/// The clock of a server of its own process is the real one.
#[expect(clippy::disallowed_methods, reason = "what the server goes by")]
fn server_time() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}

use attachlink::domain::link::{KEPT_AFTER_EXPIRY, LINK_LIFETIME};
use attachlink::domain::token::{LINK_PREFIX, mint};
use attachlink::store::Store;
use time::Duration;
use time::macros::datetime;

use super::*;

on_each_database!(
    a_link_comes_back_as_it_was_issued,
    a_batch_answers_for_each_link,
    revoking_one_link,
    old_links_are_purged_in_batches,
);

async fn a_link_comes_back_as_it_was_issued(store: Store) {
    let path = open_comment(&store).await;
    let registered = registered(&store, &path, "a1").await;
    let minted = issue(&store, &path).await;
    let found = row(&store, minted[0].id).await;
    assert_eq!(found.id, minted[0].id);
    assert_eq!(&found.hash, minted[0].hash.octets());
    assert_eq!(found.expires_at, datetime!(2026-12-19 10:00:00 UTC));
    assert_eq!(found.site, path.site);
    assert_eq!(found.recipient.as_ref().unwrap().as_str(), "r-17 ü\"");
    let served = found.served.unwrap();
    assert_eq!((&*served.filename, &served.object), (&*registered.filename, &registered.object));
    let record = store.link(&path.site, minted[0].id).await.unwrap().unwrap();
    assert_eq!(record.attachment, attachment(&path, "a1"));
    assert_eq!((record.id, record.recipient), (minted[0].id, found.recipient));
    assert_eq!((record.expires_at, record.revoked_at, record.withdrawn), (found.expires_at, None, false));
    assert!(store.link(&site("other"), minted[0].id).await.unwrap().is_none());
    assert!(store.link(&path.site, mint(LINK_PREFIX, NOW).id).await.unwrap().is_none());
}

async fn a_batch_answers_for_each_link(store: Store) {
    let path = open_comment(&store).await;
    for id in ["a1", "a2", "a3"] {
        registered(&store, &path, id).await;
    }
    let links = issue(&store, &path).await;
    store.revoke_link(&path.site, links[1].id, NOW).await.unwrap();
    let unknown = mint(LINK_PREFIX, NOW).id;
    let rows = store.liveness(&[unknown, links[2].id, links[1].id, links[0].id]).await.unwrap();
    assert_eq!(rows.len(), 3, "unknown links are missing");
    for (link, withdrawn) in links.iter().zip([false, true, false]) {
        let row = rows.iter().find(|row| row.id == link.id).unwrap();
        assert_eq!(row.withdrawn, withdrawn);
    }
    assert!(store.liveness(&[]).await.unwrap().is_empty());
}

async fn revoking_one_link(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let (link, other) = (issue_one(&store, &path).await, issue_one(&store, &path).await);
    let revoke = async |at: &str, link| store.revoke_link(&site(at), link, NOW).await.unwrap();
    assert!(!revoke("other", link).await);
    assert!(alive(&store, link).await);
    assert!(revoke("acme", link).await);
    assert!(!alive(&store, link).await);
    assert!(alive(&store, other).await);
    let revoked_at = store.link(&path.site, link).await.unwrap().unwrap().revoked_at;
    assert_eq!(revoked_at, Some(NOW.replace_nanosecond(0).unwrap()));
    assert!(store.revoke_link(&path.site, link, NOW + Duration::HOUR).await.unwrap(), "idempotent");
    assert_eq!(store.link(&path.site, link).await.unwrap().unwrap().revoked_at, revoked_at, "the first time counts");
    assert!(!revoke("acme", mint(LINK_PREFIX, NOW).id).await);
    registered(&store, &path, "a1").await;
    assert!(!alive(&store, link).await);
}

async fn old_links_are_purged_in_batches(store: Store) {
    const KEPT: Duration = LINK_LIFETIME.saturating_add(KEPT_AFTER_EXPIRY);
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    for age in [0, 1, 2, 3] {
        issue_at(&store, &path, NOW - Duration::minutes(age)).await;
    }
    let young = issue_one(&store, &path).await;
    assert_eq!(store.purge_links(NOW, 100).await.unwrap(), 0);
    assert_eq!(store.purge_links(NOW + KEPT - Duration::minutes(4), 100).await.unwrap(), 0);
    let later = NOW + KEPT - Duration::seconds(30);
    assert_eq!(store.purge_links(later, 2).await.unwrap(), 2);
    assert_eq!(store.purge_links(later, 2).await.unwrap(), 1);
    assert_eq!(store.purge_links(later, 2).await.unwrap(), 0);
    assert_eq!(store.liveness(&[young]).await.unwrap().len(), 1);
    assert_eq!(store.purge_links(NOW + KEPT + Duration::SECOND, 100).await.unwrap(), 2);
    assert!(store.liveness(&[young]).await.unwrap().is_empty());
}

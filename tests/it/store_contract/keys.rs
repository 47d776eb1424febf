use attachlink::domain::access::Binding;
use attachlink::domain::token::{API_KEY_PREFIX, mint};
use attachlink::store::{NewKey, Store};
use time::Duration;

use super::*;

on_each_database!(keys_come_back, a_revoked_key_is_gone_at_once, the_database_answers);

fn new_key(now: OffsetDateTime, (notify, admin): (bool, bool), binding: Binding) -> NewKey {
    let minted = mint(API_KEY_PREFIX, now);
    NewKey { id: minted.id, hash: minted.hash, notify, admin, binding }
}

async fn keys_come_back(store: Store) {
    assert!(!store.has_keys().await.unwrap());
    assert!(store.keys().await.unwrap().is_empty());
    let made = [
        new_key(NOW, (true, false), Binding::Unbound),
        new_key(NOW + Duration::SECOND, (false, true), Binding::Site(site("acme"))),
        new_key(NOW + Duration::MINUTE, (true, true), Binding::Project(site("acme"), project("SUP"))),
    ];
    for new in made.iter().rev() {
        store.create_key(new, NOW).await.unwrap();
        let (key, hash) = store.key(new.id).await.unwrap().unwrap();
        assert_eq!((key.id, key.notify, key.admin, &key.binding), (new.id, new.notify, new.admin, &new.binding));
        assert_eq!(&hash, new.hash.octets());
    }
    let listed = store.keys().await.unwrap();
    assert_eq!(listed.iter().map(|listed| listed.key.id).collect::<Vec<_>>(), made.map(|new| new.id));
    assert!(listed.iter().all(|listed| listed.revoked_at.is_none()));
    assert_eq!(listed[0].created_at, NOW.replace_nanosecond(0).unwrap());
    assert!(store.has_keys().await.unwrap());
    assert!(store.key(mint(API_KEY_PREFIX, NOW).id).await.unwrap().is_none());
    assert!(store.create_key(&new_key_like(&listed[0].key.id), NOW).await.is_err(), "an id is never taken over");
}

fn new_key_like(id: &attachlink::domain::token::ApiKeyId) -> NewKey {
    NewKey { id: *id, ..new_key(NOW, (true, true), Binding::Unbound) }
}

async fn a_revoked_key_is_gone_at_once(store: Store) {
    let new = new_key(NOW, (true, true), Binding::Unbound);
    store.create_key(&new, NOW).await.unwrap();
    assert!(!store.revoke_key(mint(API_KEY_PREFIX, NOW).id, NOW).await.unwrap());
    assert!(store.key(new.id).await.unwrap().is_some());
    assert!(store.revoke_key(new.id, NOW).await.unwrap());
    assert!(store.key(new.id).await.unwrap().is_none());
    assert!(store.revoke_key(new.id, NOW + Duration::HOUR).await.unwrap(), "idempotent");
    let listed = store.keys().await.unwrap();
    assert_eq!(listed[0].revoked_at, Some(NOW.replace_nanosecond(0).unwrap()));
    assert!(store.has_keys().await.unwrap(), "no first key is made again");
}

async fn the_database_answers(store: Store) {
    store.ping().await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
}

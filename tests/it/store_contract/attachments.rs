use attachlink::domain::media::Kind;
use attachlink::domain::security::Plan;
use attachlink::store::Store;
use time::Duration;
use time::macros::datetime;

use super::*;

on_each_database!(
    comes_back_as_it_was_registered,
    is_listed_in_the_order_of_registration,
    replacing_keeps_issued_links_working,
    deleting_kills_its_links,
    registering_after_a_deletion_revives_nothing,
);

async fn comes_back_as_it_was_registered(store: Store) {
    plan(&store, "acme", Plan::Free).await;
    let path = comment("acme", "SUP", "c1");
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    let mut new = in_place("acme/ü x");
    new.kind = Kind::Webp;
    new.filename = String::new();
    new.object.size = 5 << 32;
    new.object.modified_at = datetime!(1999-12-31 23:59:59 UTC);
    let (made, created) = register(&store, &attachment(&path, "a1"), new.clone()).await;
    assert!(created);
    assert_eq!((&made.comment, made.id.as_str()), (&path.comment, "a1"));
    assert_eq!((&made.filename, &made.media_type, made.kind), (&new.filename, &new.media_type, new.kind));
    assert_eq!((&made.object, made.uploaded), (&new.object, false));
    assert_eq!(store.attachment(&attachment(&path, "a1")).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.attachments(&path).await.unwrap(), Some(vec![made.clone()]));
    assert_eq!(register(&store, &attachment(&path, "a1"), new).await, (made, false), "idempotent");
    for elsewhere in [comment("acme", "SUP", "c2"), comment("acme", "DEV", "c1"), comment("none", "SUP", "c1")] {
        assert_eq!(store.attachment(&attachment(&elsewhere, "a1")).await.unwrap(), None);
    }
    assert_eq!(store.attachments(&comment("none", "SUP", "c1")).await.unwrap(), None);
}

async fn is_listed_in_the_order_of_registration(store: Store) {
    plan(&store, "acme", Plan::Free).await;
    let path = comment("acme", "SUP", "c1");
    for id in ["z", "a", "m", "B", "a10", "a9"] {
        registered(&store, &path, id).await;
    }
    registered(&store, &path, "z").await;
    store.delete_attachment(&attachment(&path, "m"), NOW).await.unwrap();
    let earlier = NOW - Duration::HOUR;
    store.register(&attachment(&path, "late"), in_place("x"), earlier).await.unwrap();
    registered(&store, &path, "m").await;
    let listed = store.attachments(&path).await.unwrap().unwrap();
    let ids: Vec<&str> = listed.iter().map(|attachment| attachment.id.as_str()).collect();
    assert_eq!(ids, ["z", "a", "B", "a10", "a9", "late", "m"]);
}

async fn replacing_keeps_issued_links_working(store: Store) {
    let path = open_comment(&store).await;
    let at = attachment(&path, "a1");
    let (first, _) = register(&store, &at, uploaded(&store, 1).await).await;
    let link = issue_one(&store, &path).await;
    let (second, created) = register(&store, &at, uploaded(&store, 2).await).await;
    assert!(!created);
    assert_eq!(second.row, first.row);
    let served = row(&store, link).await.served.unwrap();
    assert_eq!(served.object, second.object);
    assert_eq!((&*served.filename, &*served.media_type), (&*second.filename, &*second.media_type));
    assert_eq!(served.kind, Kind::Png);

    // The old bytes stay for the downloads that read them, then go; those in use never do.
    assert_eq!(store.doomed_objects(NOW + Duration::minutes(59), 10).await.unwrap(), []);
    assert_eq!(store.doomed_objects(NOW + Duration::days(2), 10).await.unwrap(), [upload_key(1)]);
    register(&store, &at, in_place("acme/x")).await;
    let due = store.doomed_objects(NOW + Duration::days(2), 10).await.unwrap();
    assert_eq!(due.len(), 2, "bytes registered in place replace uploaded ones too");
    register(&store, &at, in_place("acme/y")).await;
    assert_eq!(store.doomed_objects(NOW + Duration::days(2), 10).await.unwrap(), due, "in place: never ours to delete");
    assert_eq!(row(&store, link).await.served.unwrap().object.key.as_str(), "acme/y");
}

async fn deleting_kills_its_links(store: Store) {
    let path = open_comment(&store).await;
    register(&store, &attachment(&path, "a1"), uploaded(&store, 1).await).await;
    registered(&store, &path, "a2").await;
    let links = issue(&store, &path).await;
    let delete = async |id: &str| store.delete_attachment(&attachment(&path, id), NOW).await.unwrap();
    assert_eq!(delete("a1").await, Some(true));
    assert!(!alive(&store, links[0].id).await);
    assert!(alive(&store, links[1].id).await);
    assert_eq!(store.doomed_objects(NOW, 10).await.unwrap(), [upload_key(1)]);
    assert_eq!(delete("a1").await, Some(false));
    assert_eq!(delete("a2").await, Some(true));
    assert!(!alive(&store, links[1].id).await);
    assert_eq!(store.doomed_objects(NOW, 10).await.unwrap(), [upload_key(1)], "registered in place: never deleted");
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    let unknown = attachment(&comment("acme", "NEW", "c"), "a");
    assert_eq!(store.delete_attachment(&unknown, NOW).await.unwrap(), Some(false));
}

async fn registering_after_a_deletion_revives_nothing(store: Store) {
    let path = open_comment(&store).await;
    let first = registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    for _ in 0..50 {
        store.delete_attachment(&attachment(&path, "a1"), NOW).await.unwrap();
        // At the same time of the same clock, with the same ids and bytes.
        assert_ne!(registered(&store, &path, "a1").await.row, first.row);
        assert!(!alive(&store, link).await);
    }
    assert!(alive(&store, issue_one(&store, &path).await).await);
}

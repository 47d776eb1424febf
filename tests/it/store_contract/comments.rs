use attachlink::domain::security::Plan;
use attachlink::store::{CommentState, Registered, Store};
use time::Duration;

use super::*;

on_each_database!(
    deleting_kills_its_attachments_and_links,
    a_comment_never_heard_of_can_be_deleted,
    a_tombstone_outlives_its_project,
);

async fn deleting_kills_its_attachments_and_links(store: Store) {
    let path = open_comment(&store).await;
    register(&store, &attachment(&path, "a1"), uploaded(&store, 1).await).await;
    registered(&store, &path, "a2").await;
    let links = issue(&store, &path).await;
    let second = comment("acme", "SUP", "c2");
    register(&store, &attachment(&second, "a1"), uploaded(&store, 2).await).await;
    let other = issue_one(&store, &second).await;
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Open);

    assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), Some(2));
    for link in links {
        assert!(!alive(&store, link.id).await);
    }
    assert!(alive(&store, other).await);
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Deleted);
    assert_eq!(store.doomed_objects(NOW, 10).await.unwrap(), [upload_key(1)], "only what was uploaded, only its own");
    let refused = store.register(&attachment(&path, "a9"), in_place("x"), NOW).await.unwrap();
    assert_eq!(refused, Registered::CommentDeleted);
    let refused = store.register(&attachment(&path, "a1"), uploaded(&store, 3).await, NOW).await.unwrap();
    assert_eq!(refused, Registered::CommentDeleted);
    let due = store.doomed_objects(NOW + Duration::days(2), 10).await.unwrap();
    assert!(due.contains(&upload_key(3)), "a refused upload stays doomed");
    assert!(matches!(issue_at(&store, &path, NOW).await, Issued::CommentDeleted));
    assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), Some(0));
}

async fn a_comment_never_heard_of_can_be_deleted(store: Store) {
    let path = comment("acme", "SUP", "c1");
    assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), None);
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::SiteNotFound);
    plan(&store, "acme", Plan::Free).await;
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Open);
    assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), Some(0));
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Deleted);
    let refused = store.register(&attachment(&path, "a1"), in_place("x"), NOW).await.unwrap();
    assert_eq!(refused, Registered::CommentDeleted);
    for other in [comment("acme", "SUP", "c2"), comment("acme", "DEV", "c1")] {
        assert_eq!(store.comment_state(&other).await.unwrap(), CommentState::Open);
    }
}

async fn a_tombstone_outlives_its_project(store: Store) {
    let path = open_comment(&store).await;
    store.delete_comment(&path, NOW).await.unwrap();
    store.delete_project(&path.site, &path.project, NOW).await.unwrap();
    while store.purge_deleted_projects(10).await.unwrap() > 0 {}
    open_comment(&store).await;
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Deleted);
}

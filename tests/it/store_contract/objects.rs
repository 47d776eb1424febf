use attachlink::store::{Store, StoreError};
use time::Duration;

use super::*;

on_each_database!(
    an_intent_is_forgotten_by_its_registration,
    an_expired_intent_refuses_the_registration,
    leftovers_are_due_at_once,
    a_deleted_project_is_cleared_in_batches,
);

const DAY: Duration = Duration::DAY;

async fn an_intent_is_forgotten_by_its_registration(store: Store) {
    let path = open_comment(&store).await;
    let (one, two) = (uploaded(&store, 1).await, uploaded(&store, 2).await);
    assert_eq!(store.doomed_objects(NOW + DAY - Duration::SECOND, 10).await.unwrap(), []);
    assert_eq!(store.doomed_objects(NOW + DAY, 10).await.unwrap(), [upload_key(1), upload_key(2)]);
    assert_eq!(store.doomed_objects(NOW + DAY, 1).await.unwrap().len(), 1);
    register(&store, &attachment(&path, "a1"), one).await;
    assert_eq!(store.doomed_objects(NOW + DAY * 9, 10).await.unwrap(), [upload_key(2)]);
    store.forget_object(&two.object.key).await.unwrap();
    store.forget_object(&two.object.key).await.unwrap();
    assert_eq!(store.doomed_objects(NOW + DAY * 9, 10).await.unwrap(), []);
}

async fn an_expired_intent_refuses_the_registration(store: Store) {
    let path = open_comment(&store).await;
    let new = uploaded(&store, 1).await;
    let late = store.register(&attachment(&path, "a1"), new, NOW + DAY).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "the purge may be deleting it");
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    assert_eq!(store.doomed_objects(NOW + DAY, 10).await.unwrap(), [upload_key(1)], "and it still does");
}

async fn leftovers_are_due_at_once(store: Store) {
    let path = open_comment(&store).await;
    let at = attachment(&path, "a1");
    register(&store, &at, uploaded(&store, 1).await).await;
    register(&store, &at, uploaded(&store, 2).await).await;
    uploaded(&store, 3).await;
    assert_eq!(store.doomed_objects(NOW, 10).await.unwrap(), []);
    store.doom_leftovers().await.unwrap();
    let mut due = store.doomed_objects(NOW, 10).await.unwrap();
    due.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(due, [upload_key(1), upload_key(3)], "what was replaced and what was never registered");
}

async fn a_deleted_project_is_cleared_in_batches(store: Store) {
    let path = open_comment(&store).await;
    for number in 0..5 {
        let new = uploaded(&store, number).await;
        register(&store, &attachment(&path, &format!("u{number}")), new).await;
        registered(&store, &comment("acme", "SUP", "c2"), &format!("p{number}")).await;
    }
    let kept = comment("acme", "DEV", "c1");
    register(&store, &attachment(&kept, "a1"), uploaded(&store, 9).await).await;
    assert_eq!(store.purge_deleted_projects(3).await.unwrap(), 0);
    store.delete_project(&path.site, &path.project, NOW).await.unwrap();
    let mut cleared = Vec::new();
    loop {
        match store.purge_deleted_projects(4).await.unwrap() {
            0 => break,
            rows => cleared.push(rows),
        }
    }
    assert_eq!(cleared, [4, 4, 3], "ten attachments, and the note of the project");
    let mut due = store.doomed_objects(NOW, 100).await.unwrap();
    due.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(due, (0..5).map(upload_key).collect::<Vec<_>>());
    assert_eq!(store.attachments(&kept).await.unwrap().unwrap().len(), 1);
}

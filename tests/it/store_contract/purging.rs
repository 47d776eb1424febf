use attachlink::domain::ids::RequestId;
use attachlink::store::{CommentState, CommentsSeen, Store};
use time::Duration;

use super::*;

on_each_database!(
    comments_without_attachments_go_when_no_link_to_them_is_remembered,
    tombstones_and_comments_in_use_stay,
    what_uses_a_comment_again_starts_its_time_anew,
    a_walk_sees_every_comment_in_small_steps,
    comments_that_are_used_while_they_are_purged_lose_nothing,
);

/// 28 days of life, 60 of explanation, and a margin.
const KEPT: Duration = Duration::days(89);

/// Walks along all comments, a few at a time: how many were forgotten.
async fn walk(store: &Store, now: OffsetDateTime, batch: u64) -> u64 {
    let (mut purged, mut seen) = (0, CommentsSeen::default());
    loop {
        let step = store.purge_comments(now, &seen, batch).await.unwrap();
        purged += step.purged;
        seen = step.seen;
        if seen == CommentsSeen::default() {
            return purged;
        }
    }
}

/// A notification without attachments: only its request is remembered.
async fn notified(store: &Store, path: &CommentPath, request: &str) {
    let request: RequestId = request.parse().unwrap();
    let wanted = Wanted { request: Some(&request), attachments: None };
    let issued = store.issue(path, wanted, NOW, |_| Ok::<_, ()>(((), Vec::new()))).await.unwrap();
    assert!(matches!(issued, Issued::Done(())));
}

async fn comments_without_attachments_go_when_no_link_to_them_is_remembered(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    store.delete_attachment(&attachment(&path, "a1"), NOW).await.unwrap();
    notified(&store, &comment("acme", "SUP", "c2"), "SUP-2").await;
    notified(&store, &comment("acme", "NEVER", "c3"), "SUP-3").await;
    // Seen to be idle now; later there are none.
    assert_eq!(walk(&store, NOW, 100).await, 0);
    assert_eq!(walk(&store, NOW + KEPT, 100).await, 0, "not before its time");
    assert_eq!(walk(&store, NOW + KEPT + Duration::SECOND, 100).await, 3);
    assert_eq!(walk(&store, NOW + KEPT * 3, 100).await, 0);
    // A row like one never made: nothing is known of it, and nothing kept from it.
    assert!(!alive(&store, link).await);
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Open);
    registered(&store, &path, "a1").await;
    assert!(!alive(&store, link).await, "no link lives again");
    assert!(alive(&store, issue_one(&store, &path).await).await);
}

async fn tombstones_and_comments_in_use_stay(store: Store) {
    let used = open_comment(&store).await;
    registered(&store, &used, "a1").await;
    let link = issue_one(&store, &used).await;
    let buried = comment("acme", "SUP", "buried");
    registered(&store, &buried, "a1").await;
    store.delete_comment(&buried, NOW).await.unwrap();
    for round in 0..4 {
        assert_eq!(walk(&store, NOW + KEPT * round * 2, 100).await, 0);
    }
    assert!(alive(&store, link).await);
    assert_eq!(store.comment_state(&buried).await.unwrap(), CommentState::Deleted);
    // Buried after it was seen to be idle.
    let idle = comment("acme", "SUP", "idle");
    notified(&store, &idle, "SUP-1").await;
    walk(&store, NOW, 100).await;
    store.delete_comment(&idle, NOW).await.unwrap();
    assert_eq!(walk(&store, NOW + KEPT * 2, 100).await, 0);
    assert_eq!(store.comment_state(&idle).await.unwrap(), CommentState::Deleted);
    // What a deleted project had is idle; its tombstones are not.
    store.delete_project(&used.site, &used.project, NOW).await.unwrap();
    assert_eq!(walk(&store, NOW, 100).await, 0);
    assert_eq!(walk(&store, NOW + KEPT * 2, 100).await, 1);
    assert_eq!(store.comment_state(&buried).await.unwrap(), CommentState::Deleted);
}

async fn what_uses_a_comment_again_starts_its_time_anew(store: Store) {
    let path = open_comment(&store).await;
    let again = NOW + KEPT - Duration::DAY;
    notified(&store, &path, "SUP-1").await;
    walk(&store, NOW, 100).await;
    notified(&store, &path, "SUP-2").await;
    walk(&store, again, 100).await;
    assert_eq!(walk(&store, NOW + KEPT * 2 - Duration::DAY, 100).await, 0, "it counts from the second request");
    registered(&store, &path, "a1").await;
    assert_eq!(walk(&store, NOW + KEPT * 3, 100).await, 0);
    store.delete_attachment(&attachment(&path, "a1"), NOW).await.unwrap();
    assert_eq!(walk(&store, NOW + KEPT * 4, 100).await, 0, "it counts from when it was seen to be idle");
    assert_eq!(walk(&store, NOW + KEPT * 5, 100).await, 0);
    assert_eq!(walk(&store, NOW + KEPT * 5 + Duration::SECOND, 100).await, 1);
}

async fn a_walk_sees_every_comment_in_small_steps(store: Store) {
    open_comment(&store).await;
    for (project, number) in [("DEV", 0), ("DEV", 1), ("SUP", 2), ("SUP", 3), ("SUP", 4), ("SUP", 5), ("ZZZ", 6)] {
        let path = comment("acme", project, &format!("c{number}"));
        if number % 3 == 0 {
            registered(&store, &path, "a1").await;
        } else {
            notified(&store, &path, "SUP-1").await;
        }
    }
    for batch in [1, 2, 7, 8] {
        assert_eq!(walk(&store, NOW, batch).await, 0);
    }
    let first = store.purge_comments(NOW + KEPT * 2, &CommentsSeen::default(), 3).await.unwrap();
    assert_eq!(first.purged, 2, "c1 and c2, not more than a step");
    assert_eq!(walk(&store, NOW + KEPT * 2, 2).await, 2);
    for (project, number) in [("DEV", 0), ("SUP", 3), ("ZZZ", 6)] {
        let path = comment("acme", project, &format!("c{number}"));
        assert_eq!(store.attachments(&path).await.unwrap().unwrap().len(), 1);
    }
}

/// Attachments keep their order, which comes from the comment's row, and tombstones stand, however the purge comes
/// between.
async fn comments_that_are_used_while_they_are_purged_lose_nothing(store: Store) {
    open_comment(&store).await;
    let later = NOW + KEPT * 2;
    for round in 0..30 {
        let paths: Vec<_> = (0..4).map(|n| comment("acme", "SUP", &format!("c{round}-{n}"))).collect();
        for path in &paths {
            notified(&store, path, "SUP-1").await;
        }
        walk(&store, NOW, 100).await;
        let purging = walk(&store, later, 3);
        let registering = async {
            for id in ["b", "a", "c"] {
                for path in &paths[..3] {
                    registered(&store, path, id).await;
                }
            }
        };
        let burying = store.delete_comment(&paths[3], NOW);
        let (_, (), buried) = tokio::join!(purging, registering, burying);
        assert_eq!(buried.unwrap(), Some(0));
        walk(&store, later, 3).await;
        assert_eq!(store.comment_state(&paths[3]).await.unwrap(), CommentState::Deleted, "{round}");
        for path in &paths[..3] {
            let attachments = store.attachments(path).await.unwrap().unwrap();
            let order: Vec<_> = attachments.iter().map(|attachment| attachment.id.as_str()).collect();
            assert_eq!(order, ["b", "a", "c"], "{round}");
            store.delete_comment(path, NOW).await.unwrap();
        }
    }
}

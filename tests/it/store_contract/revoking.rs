use attachlink::domain::security::{Mode, Plan};
use attachlink::domain::token::LinkId;
use attachlink::store::{RevokeTarget, Store};

use super::*;

on_each_database!(what_a_target_covers_dies_and_nothing_else, repeated_and_unknown_targets, the_attachments_stay);

/// Four places, each with a link: two attachments of a comment, another comment, another project; and another site.
const PLACES: [(&str, &str, &str, &str); 5] = [
    ("acme", "SUP", "c1", "a1"),
    ("acme", "SUP", "c1", "a2"),
    ("acme", "SUP", "c2", "a1"),
    ("acme", "DEV", "c1", "a1"),
    ("other", "SUP", "c1", "a1"),
];

async fn links(store: &Store) -> Vec<LinkId> {
    for id in ["acme", "other"] {
        plan(store, id, Plan::Standard).await;
    }
    let mut links = Vec::new();
    for (site, project, id, attachment) in PLACES {
        set_mode(store, (site, project), Mode::SecuredLink).await;
        let path = comment(site, project, id);
        let registered = registered(store, &path, attachment).await;
        let position = store.attachments(&path).await.unwrap().unwrap().iter().position(|a| a.id == registered.id);
        links.push(issue(store, &path).await[position.unwrap()].id);
    }
    links
}

async fn what_a_target_covers_dies_and_nothing_else(store: Store) {
    let comment = comment("acme", "SUP", "c1");
    for (target, expected, renewed) in [
        (RevokeTarget::Attachment(attachment(&comment, "a2")), [true, false, true, true, true], 1),
        (RevokeTarget::Comment(comment.clone()), [false, false, true, true, true], 2),
        (RevokeTarget::Project(site("acme"), project("SUP")), [false, false, false, true, true], 1),
        (RevokeTarget::Site(site("acme")), [false, false, false, false, true], 2),
    ] {
        let links = links(&store).await;
        assert_eq!(store.revoke_under(&target, NOW).await.unwrap(), Some(renewed), "{target:?}");
        for (number, expected) in expected.into_iter().enumerate() {
            assert_eq!(alive(&store, links[number]).await, expected, "{target:?} {:?}", PLACES[number]);
        }
    }
    let sup = store.project_security(&site("acme"), &project("SUP")).await.unwrap().unwrap();
    assert_eq!(sup.mode, Mode::SecuredLink, "the mode stays");
}

async fn repeated_and_unknown_targets(store: Store) {
    let links = links(&store).await;
    let unknown = comment("acme", "NEW", "c1");
    for target in [
        RevokeTarget::Project(site("acme"), project("NEW")),
        RevokeTarget::Comment(unknown.clone()),
        RevokeTarget::Attachment(attachment(&unknown, "a")),
        RevokeTarget::Attachment(attachment(&comment("acme", "SUP", "c1"), "none")),
    ] {
        assert_eq!(store.revoke_under(&target, NOW).await.unwrap(), Some(0), "{target:?}");
    }
    assert_eq!(store.revoke_under(&RevokeTarget::Site(site("none")), NOW).await.unwrap(), None);
    for link in &links {
        assert!(alive(&store, *link).await);
    }
    for _ in 0..5 {
        store.revoke_under(&RevokeTarget::Site(site("acme")), NOW).await.unwrap();
        assert!(!alive(&store, links[0]).await, "again and again, the old generation does not come back");
    }
}

async fn the_attachments_stay(store: Store) {
    links(&store).await;
    let path = comment("acme", "SUP", "c1");
    let before = store.attachments(&path).await.unwrap().unwrap();
    store.revoke_under(&RevokeTarget::Attachment(attachment(&path, "a1")), NOW).await.unwrap();
    let mut after = store.attachments(&path).await.unwrap().unwrap();
    assert_ne!(after[0].row, before[0].row);
    after[0].row = before[0].row;
    assert_eq!(after, before, "in the same order");
    for link in issue(&store, &path).await {
        assert!(alive(&store, link.id).await);
    }
}

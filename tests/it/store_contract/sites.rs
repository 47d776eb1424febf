use attachlink::domain::access::Binding;
use attachlink::domain::attachment::ObjectPrefix;
use attachlink::domain::portal::PortalUrl;
use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::domain::token::{API_KEY_PREFIX, mint};
use attachlink::store::{CommentState, NewKey, Registered, Store};

use super::*;

on_each_database!(
    settings_come_back,
    a_refused_change_changes_nothing,
    a_lower_plan_switches_projects_off,
    deleting_kills_what_is_under_it,
    tombstones_outlive_the_site,
    deleting_revokes_its_keys,
);

async fn settings_come_back(store: Store) {
    let acme = site("acme");
    assert_eq!(store.site(&acme).await.unwrap(), None);
    let wanted = SiteSettings {
        plan: Plan::Premium,
        safe_notifications: true,
        portal_url: Some(PortalUrl::parse("https://help.acme.example/{project}/{request}").unwrap()),
        object_prefix: Some(ObjectPrefix::parse("acme/").unwrap()),
    };
    let made = store
        .update_site(&acme, NOW, |before| {
            assert_eq!(before, None);
            Ok::<_, ()>(wanted.clone())
        })
        .await
        .unwrap()
        .unwrap();
    assert!(made.created && made.switched_off.is_empty() && made.settings == wanted);
    assert_eq!(store.site(&acme).await.unwrap().as_ref(), Some(&wanted));

    let bare = settings(Plan::Free);
    let changed = store
        .update_site(&acme, NOW, |before| {
            assert_eq!(before, Some(&wanted));
            Ok::<_, ()>(bare.clone())
        })
        .await
        .unwrap()
        .unwrap();
    assert!(!changed.created);
    assert_eq!(store.site(&acme).await.unwrap(), Some(bare));
    assert_eq!(store.site(&site("ACME")).await.unwrap(), None, "ids are told apart by case");
}

async fn a_refused_change_changes_nothing(store: Store) {
    plan(&store, "acme", Plan::Standard).await;
    for id in ["acme", "new"] {
        let refused = store.update_site(&site(id), NOW, |_| Err::<SiteSettings, _>("no")).await.unwrap();
        assert_eq!(refused, Err("no"));
    }
    assert_eq!(store.site(&site("acme")).await.unwrap(), Some(settings(Plan::Standard)));
    assert_eq!(store.site(&site("new")).await.unwrap(), None);
    plan(&store, "acme", Plan::Premium).await; // The writer is free again.
}

async fn a_lower_plan_switches_projects_off(store: Store) {
    let path = open_comment(&store).await;
    set_mode(&store, ("acme", "DEV"), Mode::SecuredLink).await;
    set_mode(&store, ("acme", "OPS"), Mode::PortalLogin).await;
    plan(&store, "other", Plan::Standard).await;
    set_mode(&store, ("other", "SUP"), Mode::SecuredLink).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;

    assert_eq!(plan(&store, "acme", Plan::Enterprise).await.switched_off, []);
    assert!(alive(&store, link).await);

    let mut off = plan(&store, "acme", Plan::Free).await.switched_off;
    off.sort();
    assert_eq!(off, [project("DEV"), project("SUP")]);
    assert!(!alive(&store, link).await);
    assert_eq!(plan(&store, "acme", Plan::Free).await.switched_off, []);
    assert_eq!(plan(&store, "acme", Plan::Premium).await.switched_off, []);
    for (at, mode) in [("acme", Mode::PortalLogin), ("other", Mode::SecuredLink)] {
        let security = store.project_security(&site(at), &project("SUP")).await.unwrap().unwrap();
        assert_eq!(security.mode, mode, "{at}");
    }
    assert!(set_mode(&store, ("acme", "SUP"), Mode::SecuredLink).await);
    assert!(!alive(&store, link).await, "going up again revives nothing");
}

async fn deleting_kills_what_is_under_it(store: Store) {
    let path = open_comment(&store).await;
    register(&store, &attachment(&path, "a1"), uploaded(&store, 1).await).await;
    let link = issue_one(&store, &path).await;
    assert!(!store.delete_site(&site("other"), NOW).await.unwrap());
    assert!(alive(&store, link).await);

    assert!(store.delete_site(&path.site, NOW).await.unwrap());
    assert!(!alive(&store, link).await);
    assert!(!store.delete_site(&path.site, NOW).await.unwrap());
    assert_eq!(store.site(&path.site).await.unwrap(), None);
    assert_eq!(store.attachments(&path).await.unwrap(), None);
    assert_eq!(store.attachment(&attachment(&path, "a1")).await.unwrap(), None);
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::SiteNotFound);
    assert!(matches!(issue_at(&store, &path, NOW).await, Issued::SiteNotFound));
    let refused = store.register(&attachment(&path, "a1"), in_place("x"), NOW).await.unwrap();
    assert_eq!(refused, Registered::SiteNotFound);
    assert_eq!(store.delete_comment(&path, NOW).await.unwrap(), None);
    assert_eq!(store.delete_attachment(&attachment(&path, "a1"), NOW).await.unwrap(), None);
    assert_eq!(store.delete_project(&path.site, &path.project, NOW).await.unwrap(), None);

    // Made anew, with the same ids and the same mode: nothing comes back.
    let path = open_comment(&store).await;
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    registered(&store, &path, "a1").await;
    assert!(!alive(&store, link).await);
    assert!(alive(&store, issue_one(&store, &path).await).await);

    assert!(store.purge_deleted_projects(10).await.unwrap() > 0);
    assert_eq!(store.doomed_objects(NOW, 10).await.unwrap(), [upload_key(1)]);
    assert_eq!(store.attachments(&path).await.unwrap().unwrap().len(), 1, "the new one is left alone");
}

async fn tombstones_outlive_the_site(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    store.delete_comment(&path, NOW).await.unwrap();
    store.delete_site(&path.site, NOW).await.unwrap();
    while store.purge_deleted_projects(10).await.unwrap() > 0 {}
    assert_eq!(open_comment(&store).await, path);
    assert_eq!(store.comment_state(&path).await.unwrap(), CommentState::Deleted);
    let refused = store.register(&attachment(&path, "a1"), in_place("x"), NOW).await.unwrap();
    assert_eq!(refused, Registered::CommentDeleted);
    assert!(matches!(issue_at(&store, &path, NOW).await, Issued::CommentDeleted));
    assert!(!alive(&store, link).await);
}

async fn deleting_revokes_its_keys(store: Store) {
    plan(&store, "acme", Plan::Free).await;
    let mut ids = Vec::new();
    for binding in [
        Binding::Unbound,
        Binding::Site(site("other")),
        Binding::Site(site("acme")),
        Binding::Project(site("acme"), project("SUP")),
    ] {
        let minted = mint(API_KEY_PREFIX, NOW);
        let new = NewKey { id: minted.id, hash: minted.hash, notify: true, admin: true, binding };
        store.create_key(&new, NOW).await.unwrap();
        ids.push(minted.id);
    }
    store.delete_site(&site("acme"), NOW).await.unwrap();
    for (id, valid) in ids.into_iter().zip([true, true, false, false]) {
        assert_eq!(store.key(id).await.unwrap().is_some(), valid);
    }
}

use attachlink::domain::link::LINK_LIFETIME;
use attachlink::domain::security::{Mode, Plan, ProjectSecurity};
use attachlink::store::{SetMode, Store};
use time::Duration;

use super::*;

on_each_database!(
    starts_in_the_default_mode,
    the_plan_decides,
    changing_the_mode_kills_every_link,
    live_links_are_those_alive_now,
    deleting_kills_what_is_under_it,
    the_same_id_in_another_site_is_another_thing,
);

async fn security(store: &Store, at: (&str, &str)) -> Option<ProjectSecurity> {
    store.project_security(&site(at.0), &project(at.1)).await.unwrap()
}

async fn starts_in_the_default_mode(store: Store) {
    assert_eq!(security(&store, ("acme", "SUP")).await, None);
    let set = store.set_mode(&site("acme"), &project("SUP"), Mode::PortalLogin, NOW).await.unwrap();
    assert_eq!(set, SetMode::SiteNotFound);
    plan(&store, "acme", Plan::Free).await;
    let unheard = ProjectSecurity { mode: Mode::PortalLogin, changed_at: None };
    assert_eq!(security(&store, ("acme", "SUP")).await, Some(unheard));

    assert!(!set_mode(&store, ("acme", "SUP"), Mode::PortalLogin).await, "new, but in the mode it has");
    let started = security(&store, ("acme", "SUP")).await.unwrap();
    assert_eq!(started.changed_at, Some(NOW.replace_nanosecond(0).unwrap()));

    registered(&store, &comment("acme", "DEV", "c"), "a1").await;
    let started = security(&store, ("acme", "DEV")).await.unwrap();
    assert_eq!(started.mode, Mode::PortalLogin);
    assert!(started.changed_at.is_some(), "registering makes it too");
}

async fn the_plan_decides(store: Store) {
    plan(&store, "acme", Plan::Free).await;
    let set = store.set_mode(&site("acme"), &project("SUP"), Mode::SecuredLink, NOW).await.unwrap();
    assert_eq!(set, SetMode::PlanRequired);
    assert_eq!(security(&store, ("acme", "SUP")).await.unwrap().changed_at, None, "nothing was made");
    for allowed in [Plan::Standard, Plan::Premium, Plan::Enterprise] {
        plan(&store, "acme", allowed).await;
        assert!(set_mode(&store, ("acme", allowed.name()), Mode::SecuredLink).await);
    }
}

async fn changing_the_mode_kills_every_link(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    set_mode(&store, ("acme", "DEV"), Mode::SecuredLink).await;
    let elsewhere = comment("acme", "DEV", "c1");
    registered(&store, &elsewhere, "a1").await;
    let other = issue_one(&store, &elsewhere).await;

    let link = issue_one(&store, &path).await;
    let before = security(&store, ("acme", "SUP")).await;
    assert!(!set_mode(&store, ("acme", "SUP"), Mode::SecuredLink).await);
    assert!(alive(&store, link).await, "no change kills nothing");

    let later = NOW + Duration::HOUR;
    let off = store.set_mode(&path.site, &path.project, Mode::PortalLogin, later).await.unwrap();
    let SetMode::Done { security: now, changed: true } = off else { panic!("{off:?}") };
    assert!(now.changed_at > before.unwrap().changed_at);
    assert!(!alive(&store, link).await);
    for mode in [Mode::SecuredLink, Mode::PortalLogin, Mode::SecuredLink] {
        assert!(set_mode(&store, ("acme", "SUP"), mode).await);
        assert!(!alive(&store, link).await, "toggling revives nothing");
    }
    assert!(alive(&store, issue_one(&store, &path).await).await);
    assert!(alive(&store, other).await, "another project's");
}

async fn live_links_are_those_alive_now(store: Store) {
    let path = open_comment(&store).await;
    let count = async |now, cap| store.live_links(&path.site, &path.project, now, cap).await.unwrap().links;
    assert_eq!(count(NOW, 100).await, 0);
    for id in ["a1", "a2", "a3", "a4"] {
        registered(&store, &path, id).await;
    }
    let links = issue(&store, &path).await;
    let second = comment("acme", "SUP", "c2");
    registered(&store, &second, "a1").await;
    issue(&store, &second).await;
    assert_eq!(count(NOW, 100).await, 5);
    assert_eq!(count(NOW, 3).await, 3, "counted up to the cap");

    store.revoke_link(&path.site, links[0].id, NOW).await.unwrap();
    assert_eq!(count(NOW, 100).await, 4);
    store.delete_attachment(&attachment(&path, "a2"), NOW).await.unwrap();
    assert_eq!(count(NOW, 100).await, 3);
    store.delete_comment(&second, NOW).await.unwrap();
    assert_eq!(count(NOW, 100).await, 2);
    assert_eq!(count(NOW + LINK_LIFETIME - Duration::SECOND, 100).await, 2);
    assert_eq!(count(NOW + LINK_LIFETIME, 100).await, 0);
    set_mode(&store, ("acme", "SUP"), Mode::PortalLogin).await;
    assert_eq!(count(NOW, 100).await, 0);
    assert_eq!(store.live_links(&site("none"), &project("SUP"), NOW, 10).await.unwrap().links, 0);
}

async fn deleting_kills_what_is_under_it(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    let delete = async |id: &str| store.delete_project(&path.site, &project(id), NOW).await.unwrap();
    assert_eq!(delete("OTHER").await, Some(false));
    assert!(alive(&store, link).await);
    assert_eq!(delete("SUP").await, Some(true));
    assert!(!alive(&store, link).await);
    assert_eq!(delete("SUP").await, Some(false));
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    assert_eq!(security(&store, ("acme", "SUP")).await.unwrap().changed_at, None);

    assert_eq!(open_comment(&store).await, path);
    assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    registered(&store, &path, "a1").await;
    assert!(!alive(&store, link).await, "made anew, it revives nothing");
    assert!(alive(&store, issue_one(&store, &path).await).await);
}

async fn the_same_id_in_another_site_is_another_thing(store: Store) {
    let path = open_comment(&store).await;
    plan(&store, "other", Plan::Standard).await;
    set_mode(&store, ("other", "SUP"), Mode::SecuredLink).await;
    let twin = comment("other", "SUP", "c1");
    registered(&store, &path, "a1").await;
    registered(&store, &twin, "a1").await;
    let (link, twins) = (issue_one(&store, &path).await, issue_one(&store, &twin).await);
    store.delete_comment(&path, NOW).await.unwrap();
    store.delete_project(&path.site, &path.project, NOW).await.unwrap();
    assert!(!alive(&store, link).await);
    assert!(alive(&store, twins).await);
    assert!(store.link(&path.site, twins).await.unwrap().is_none(), "not in this site");
    assert!(!store.revoke_link(&path.site, twins, NOW).await.unwrap());
    assert!(alive(&store, twins).await);
}

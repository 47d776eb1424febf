//! Replicas that race on one PostgreSQL: two stores on one database, at the same rows.

use attachlink::domain::access::Binding;
use attachlink::domain::security::{Mode, Plan};
use attachlink::domain::token::{API_KEY_PREFIX, mint};
use attachlink::store::{DatabaseUrl, Migrate, NewKey, RevokeTarget, ServerOptions, SetMode, Store};
use tokio::task::JoinSet;

use crate::postgres_server::Database;
use crate::store_contract::{
    NOW, alive, attachment, in_place, issue_one, open_comment, plan, project, register, registered, set_mode, site,
    upload_key, uploaded,
};

fn new_key() -> NewKey {
    let minted = mint(API_KEY_PREFIX, NOW);
    NewKey { id: minted.id, hash: minted.hash, notify: true, admin: true, binding: Binding::Unbound }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_deadlock_is_survived() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    plan(&one, "acme", Plan::Standard).await;
    for number in 0..30 {
        set_mode(&one, ("acme", &format!("P{number}")), Mode::SecuredLink).await;
    }
    let mut tasks = JoinSet::new();
    // Each deadlock takes the server a second to see (`deadlock_timeout`): of more callers one may meet so many in a row
    // that its statement takes too long.
    for store in [&one, &two] {
        for task in 0..2 {
            let store = store.clone();
            tasks.spawn(async move {
                for round in 0..30 {
                    match (task + round) % 3 {
                        0 => drop(store.revoke_under(&RevokeTarget::Site(site("acme")), NOW).await.unwrap()),
                        1 => drop(plan(&store, "acme", Plan::Free).await),
                        _ => drop(plan(&store, "acme", Plan::Standard).await),
                    }
                }
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_delete_the_same_at_once_agree() {
    let database = Database::fresh().await;
    let replicas = [database.store().await, database.store().await];
    for round in 0..10 {
        let path = open_comment(&replicas[0]).await;
        register(&replicas[0], &attachment(&path, "a1"), uploaded(&replicas[0], round).await).await;
        let link = issue_one(&replicas[1], &path).await;
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let (store, path) = (replicas[number % 2].clone(), path.clone());
            tasks.spawn(async move {
                if round % 2 == 0 {
                    store.delete_project(&path.site, &path.project, NOW).await.unwrap().unwrap_or_default()
                } else {
                    store.delete_site(&path.site, NOW).await.unwrap()
                }
            });
        }
        let mut deleted = 0;
        while let Some(done) = tasks.join_next().await {
            deleted += u32::from(done.unwrap());
        }
        assert_eq!(deleted, 1);
        assert!(!alive(&replicas[0], link).await);
        // Both purge what is left: all of it goes, once.
        let mut cleared = true;
        while cleared {
            let (one, two) = tokio::join!(replicas[0].purge_deleted_projects(1), replicas[1].purge_deleted_projects(1));
            cleared = one.unwrap() + two.unwrap() > 0;
        }
        assert_eq!(replicas[0].doomed_objects(NOW, 10).await.unwrap(), [upload_key(round)]);
        replicas[1].forget_object(&upload_key(round)).await.unwrap();
    }
    let mut admin = database.admin().await;
    let left = "SELECT (SELECT count(*) FROM attachments) + (SELECT count(*) FROM deleted_projects)";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_while_the_site_goes_leaves_nothing_behind() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    for _ in 0..15 {
        let path = open_comment(&one).await;
        let mut tasks = JoinSet::new();
        for number in 0..6 {
            let (store, path) = (two.clone(), path.clone());
            tasks.spawn(async move {
                for round in 0..4 {
                    let at = attachment(&path, &format!("a{number}-{round}"));
                    store.register(&at, in_place("x"), NOW).await.unwrap();
                    store.set_mode(&path.site, &project("DEV"), Mode::SecuredLink, NOW).await.unwrap();
                }
            });
        }
        tokio::task::yield_now().await;
        one.delete_site(&path.site, NOW).await.unwrap();
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let mut admin = database.admin().await;
        let left = "SELECT count(*) FROM projects";
        assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0, "projects of no site");
        let stray =
            "SELECT count(*) FROM attachments WHERE project_id NOT IN (SELECT project_id FROM deleted_projects)";
        assert_eq!(
            sqlx::query_scalar::<_, i64>(stray).fetch_one(&mut admin).await.unwrap(),
            0,
            "attachments of no project"
        );
        while one.purge_deleted_projects(100).await.unwrap() > 0 {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_goes_down_leaves_no_project_in_secured_link() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    for _ in 0..15 {
        plan(&one, "acme", Plan::Standard).await;
        let mut tasks = JoinSet::new();
        for number in 0..6 {
            let store = two.clone();
            tasks.spawn(async move {
                let set = store.set_mode(&site("acme"), &project(&format!("P{number}")), Mode::SecuredLink, NOW).await;
                assert!(matches!(set.unwrap(), SetMode::Done { .. } | SetMode::PlanRequired));
            });
        }
        tokio::task::yield_now().await;
        plan(&one, "acme", Plan::Free).await;
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let mut admin = database.admin().await;
        let left = "SELECT count(*) FROM projects WHERE mode = 'secured_link'";
        assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut admin).await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_renewed_while_it_is_replaced_gets_its_new_bytes() {
    let database = Database::fresh().await;
    let (one, two) = (database.store().await, database.store().await);
    let path = open_comment(&one).await;
    let at = attachment(&path, "a1");
    for round in 0..30 {
        registered(&one, &path, "a1").await;
        let new = in_place(&format!("acme/{round}"));
        let target = RevokeTarget::Comment(path.clone());
        let (renewed, replaced) = tokio::join!(two.revoke_under(&target, NOW), one.register(&at, new.clone(), NOW));
        assert_eq!((renewed.unwrap(), replaced.is_ok()), (Some(1), true));
        assert_eq!(one.attachment(&at).await.unwrap().unwrap().object.key, new.object.key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_that_start_on_a_fresh_database_one_migrates_and_one_makes_the_first_key() {
    for behind_pooler in [false, true] {
        let database = Database::fresh().await;
        let url: DatabaseUrl = database.url().parse().unwrap();
        let replicas = (0..6).map(async |_| {
            let options = ServerOptions { behind_pooler, ..ServerOptions::default() };
            let store = Store::open_with(&url, &options, Migrate::Yes).await.unwrap();
            let made = store.create_first_key(NOW, || Ok::<_, ()>(new_key())).await.unwrap().unwrap();
            assert!(store.has_keys().await.unwrap());
            made
        });
        let made = futures_util::future::join_all(replicas).await.into_iter().flatten().count();
        assert_eq!(made, 1);
        let store = database.store().await;
        assert_eq!(store.keys().await.unwrap().len(), 1);
    }
    let database = Database::fresh().await;
    let store = database.store().await;
    assert_eq!(store.create_first_key(NOW, || Err::<NewKey, _>("no file")).await.unwrap(), Err("no file"));
    assert!(!store.has_keys().await.unwrap());
}

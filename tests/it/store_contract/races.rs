use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use attachlink::domain::ids::SiteId;
use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::store::{Registered, Store};
use tokio::task::JoinSet;

use super::*;

on_each_database!(
    a_deleted_comment_is_never_registered_under,
    a_deleted_comment_never_gets_a_working_link,
    a_changed_mode_holds_from_its_answer_on,
    one_attachment_registered_by_many,
    a_dropped_call_leaves_the_writer_free,
    a_site_made_by_two_is_what_one_after_the_other_makes_it,
);

const ROUNDS: usize = 15;

async fn a_deleted_comment_is_never_registered_under(store: Store) {
    open_comment(&store).await;
    for round in 0..ROUNDS {
        let path = comment("acme", "SUP", &format!("race{round}"));
        let deleted = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            let (store, path, deleted) = (store.clone(), path.clone(), Arc::clone(&deleted));
            tasks.spawn(async move {
                for number in 0..6 {
                    let was_deleted = deleted.load(Ordering::SeqCst);
                    let at = attachment(&path, &format!("a{task}-{number}"));
                    let answer = store.register(&at, in_place("x"), NOW).await.unwrap();
                    assert!(!was_deleted || answer == Registered::CommentDeleted, "after the deletion was answered");
                }
            });
        }
        tokio::task::yield_now().await;
        store.delete_comment(&path, NOW).await.unwrap();
        deleted.store(true, Ordering::SeqCst);
        assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(store.attachments(&path).await.unwrap(), Some(Vec::new()));
    }
}

/// One sets the plan and leaves the rest, the other the switch.
async fn a_site_made_by_two_is_what_one_after_the_other_makes_it(store: Store) {
    for round in 0..ROUNDS {
        let site: SiteId = format!("race{round}").parse().unwrap();
        let make = |plan: Option<Plan>, safe: Option<bool>| {
            let (store, site) = (store.clone(), site.clone());
            tokio::spawn(async move {
                let change = |before: Option<&SiteSettings>| {
                    let mut settings = before.cloned().unwrap_or_default();
                    settings.plan = plan.unwrap_or(settings.plan);
                    settings.safe_notifications = safe.unwrap_or(settings.safe_notifications);
                    Ok::<_, ()>(settings)
                };
                store.update_site(&site, NOW, change).await.unwrap().unwrap().created
            })
        };
        let (one, other) = (make(Some(Plan::Standard), None), make(None, Some(true)));
        assert!(one.await.unwrap() != other.await.unwrap(), "one of them made it");
        let settings = store.site(&site).await.unwrap().unwrap();
        assert_eq!((settings.plan, settings.safe_notifications), (Plan::Standard, true), "round {round}");
    }
}

async fn a_deleted_comment_never_gets_a_working_link(store: Store) {
    open_comment(&store).await;
    let mut issued = 0;
    for round in 0..ROUNDS {
        let path = comment("acme", "SUP", &format!("race{round}"));
        registered(&store, &path, "a1").await;
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (store, path) = (store.clone(), path.clone());
            tasks.spawn(async move {
                let mut links = Vec::new();
                while let Issued::Done(minted) = issue_at(&store, &path, NOW).await {
                    links.extend(minted.iter().map(|minted| minted.id));
                }
                links
            });
        }
        let early = issue_one(&store, &path).await;
        store.delete_comment(&path, NOW).await.unwrap();
        assert!(!alive(&store, early).await, "from the answer on");
        while let Some(links) = tasks.join_next().await {
            for link in links.unwrap() {
                issued += 1;
                assert!(!alive(&store, link).await, "issued at the same time");
            }
        }
    }
    assert!(issued > 0, "nothing raced");
}

async fn a_changed_mode_holds_from_its_answer_on(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    for _ in 0..ROUNDS {
        let (racing, at) = (store.clone(), path.clone());
        let race = tokio::spawn(async move {
            let mut links = Vec::new();
            for _ in 0..10 {
                links.push(issue_one(&racing, &at).await);
            }
            links
        });
        let early = issue_one(&store, &path).await;
        assert!(set_mode(&store, ("acme", "SUP"), Mode::PortalLogin).await);
        assert!(!alive(&store, early).await);
        let links = race.await.unwrap();
        assert!(set_mode(&store, ("acme", "SUP"), Mode::SecuredLink).await);
        for link in links {
            assert!(!alive(&store, link).await, "issued before or during two changes");
        }
    }
}

async fn one_attachment_registered_by_many(store: Store) {
    let path = open_comment(&store).await;
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let (store, path) = (store.clone(), path.clone());
        tasks.spawn(async move {
            let new = uploaded(&store, number).await;
            register(&store, &attachment(&path, "a1"), new).await
        });
    }
    let mut created = 0;
    while let Some(done) = tasks.join_next().await {
        created += usize::from(done.unwrap().1);
    }
    assert_eq!(created, 1);
    let last = store.attachments(&path).await.unwrap().unwrap();
    assert_eq!(last.len(), 1);
    let later = NOW + time::Duration::days(2);
    let doomed = store.doomed_objects(later, 100).await.unwrap();
    assert_eq!(doomed.len(), 19, "all replaced uploads");
    assert!(!doomed.contains(&last[0].object.key));
}

async fn a_dropped_call_leaves_the_writer_free(store: Store) {
    let path = open_comment(&store).await;
    for polls in 0..60 {
        let at = attachment(&path, &format!("a{polls}"));
        let mut call = Box::pin(store.register(&at, in_place("x"), NOW));
        for _ in 0..polls {
            if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
    }
    registered(&store, &path, "last").await;
    assert!(store.attachment(&attachment(&path, "last")).await.unwrap().is_some());
}

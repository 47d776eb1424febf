//! Replacing a site's change number on PostgreSQL keeps nobody waiting who changes no living link, and blocks nobody for
//! ever; and no reader sees a change without its number, whoever makes it meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attachlink::domain::ids::CommentPath;
use attachlink::domain::security::{Mode, Plan};
use attachlink::domain::token::LinkId;
use attachlink::liveness::Kept;
use attachlink::metrics::Metrics;
use attachlink::store::{RevokeTarget, Store};
use sqlx::Connection as _;
use tokio::task::JoinSet;

use crate::postgres_server::Database;
use crate::store_contract::{
    NOW, attachment, comment, in_place, issue, issue_one, open_comment, plan, project, register, registered, set_mode,
    site,
};

/// Well above what a busy machine takes for a statement.
const LONG: Duration = Duration::from_secs(20);
/// What each does in turn.
const ROUNDS: usize = 12;
/// Those who change links at once.
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_no_living_link_waits_for_no_number() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    let mut admin = database.admin().await;
    let mut held = admin.begin().await.unwrap();
    sqlx::query("UPDATE site_changes SET change = change").execute(&mut *held).await.unwrap();
    let deletion = tokio::spawn({
        let (store, path) = (store.clone(), comment("acme", "SUP", "other"));
        async move { store.delete_comment(&path, NOW).await }
    });
    let untouched = async {
        for number in 0..ROUNDS {
            registered(&store, &path, &format!("a2-{number}")).await;
            issue(&store, &path).await;
            assert!(!store.liveness(&[link]).await.unwrap()[0].withdrawn);
            store.site_changes(&[&path.site]).await.unwrap();
        }
    };
    tokio::time::timeout(LONG, untouched).await.expect("nobody waits");
    assert!(!deletion.is_finished(), "the deletion waits for the number");
    held.commit().await.unwrap();
    tokio::time::timeout(LONG, deletion).await.expect("it goes on").unwrap().unwrap();
}

/// Writers that each have comments of their own, in two projects of one of two sites.
async fn write(store: Store, writer: usize) {
    let home = ["acme", "globex"][writer % 2];
    let at = |name: &str| comment(home, &format!("P{}", writer % 4), &format!("{name}-{writer}"));
    for round in 0..ROUNDS {
        let path: CommentPath = at(&format!("c{round}"));
        registered(&store, &path, "a1").await;
        registered(&store, &path, "a2").await;
        let a1 = attachment(&path, "a1");
        register(&store, &a1, in_place(&format!("acme/{round}"))).await;
        let link: LinkId = issue(&store, &path).await[0].id;
        match (writer / 2 + round) % 5 {
            0 => drop(store.revoke_link(&path.site, link, NOW).await.unwrap()),
            1 => drop(store.delete_attachment(&a1, NOW).await.unwrap()),
            2 => drop(store.delete_comment(&path, NOW).await.unwrap()),
            3 => drop(store.revoke_under(&RevokeTarget::Attachment(a1), NOW).await.unwrap()),
            _ => drop(store.revoke_under(&RevokeTarget::Project(path.site, path.project), NOW).await.unwrap()),
        }
    }
}

/// Opens whatever links there are through kept rows, and compares with what the links' rows said just before and after.
async fn read(store: Store, links: Vec<LinkId>, stop: Arc<AtomicBool>) -> usize {
    let kept = Kept::new(store.clone(), Arc::new(Metrics::new(&[]).unwrap()));
    let mut reads = 0;
    while !stop.load(Ordering::SeqCst) {
        // What was dead before it was asked must not be alive by a row that is kept.
        let before = store.liveness(&links).await.unwrap();
        let rows = kept.rows(links.clone()).await.unwrap();
        for dead in before.iter().filter(|row| row.withdrawn) {
            let row = rows.iter().find(|row| row.id == dead.id).expect("links are remembered");
            assert!(row.withdrawn, "{dead:?} was read, and then {row:?} was kept");
        }
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_change_links_at_once_neither_block_each_other_nor_show_a_dead_one() {
    let database = Database::fresh().await;
    let replicas = [database.store().await, database.store().await];
    let mut links = Vec::new();
    for home in ["acme", "globex"] {
        plan(&replicas[0], home, Plan::Standard).await;
        for number in 0..4 {
            let name = format!("P{number}");
            set_mode(&replicas[0], (home, &name), Mode::SecuredLink).await;
            let path = comment(home, &name, "watched");
            registered(&replicas[0], &path, "a1").await;
            links.extend(issue(&replicas[0], &path).await.iter().map(|minted| minted.id));
        }
    }
    let (stop, mut writers, mut readers) = (Arc::new(AtomicBool::new(false)), JoinSet::new(), JoinSet::new());
    for replica in &replicas {
        readers.spawn(read(replica.clone(), links.clone(), Arc::clone(&stop)));
    }
    for writer in 0..WRITERS {
        writers.spawn(write(replicas[writer % 2].clone(), writer));
    }
    for number in 0..4 {
        replicas[1].set_mode(&site("acme"), &project(&format!("P{number}")), Mode::PortalLogin, NOW).await.unwrap();
        replicas[0].set_mode(&site("globex"), &project(&format!("P{number}")), Mode::PortalLogin, NOW).await.unwrap();
        for home in ["acme", "globex"] {
            set_mode(&replicas[0], (home, &format!("P{number}")), Mode::SecuredLink).await;
        }
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    while let Some(reads) = readers.join_next().await {
        assert!(reads.unwrap() > 0);
    }
    let mut admin = database.admin().await;
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&mut admin).await.unwrap();
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(sqlx::query_scalar::<_, i64>(deadlocks).fetch_one(&mut admin).await.unwrap(), 0);
}

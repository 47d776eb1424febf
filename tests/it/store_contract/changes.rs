//! The change number of a site is replaced by whatever changes what is read about a living link of it. So rows that are
//! kept by that number say what the database says, whatever is done to it, by whomever.

use std::sync::Arc;

use attachlink::domain::ids::RequestId;
use attachlink::liveness::Kept;
use attachlink::metrics::Metrics;
use attachlink::store::{CommentsSeen, RevokeTarget, SiteChange, StoreError};

use super::*;
use crate::random::Random;

const SITES: [&str; 2] = ["acme", "globex"];
const PROJECTS: [&str; 2] = ["SUP", "DEV"];
const ATTACHMENTS: [&str; 2] = ["a1", "a2"];
/// Changes in a walk of chance.
const ROUNDS: usize = 25;
/// Before any clock that this may be run by: the database's own clock tells which links are long forgotten.
const LONG_AGO: OffsetDateTime = datetime!(2001-01-01 0:00 UTC);

/// Links all over two sites, of which rows are kept.
pub(crate) struct World {
    pub store: Store,
    kept: Kept,
    /// Comments are never used again once they are deleted.
    comments: [String; 2],
    links: Vec<LinkId>,
}

/// What a row says, but for its number.
fn said(row: &LivenessRow) -> impl PartialEq + std::fmt::Debug + use<> {
    let LivenessRow { id, hash, expires_at, withdrawn, site, recipient, served, change: _ } = row.clone();
    (id.to_string(), (hash, expires_at, withdrawn, site, recipient, served))
}

impl World {
    pub async fn new(store: Store) -> Self {
        let kept = Kept::new(store.clone(), Arc::new(Metrics::new(&[]).unwrap()));
        let mut world = Self { store, kept, comments: Default::default(), links: Vec::new() };
        world.fill(0).await;
        world
    }

    /// Makes whatever is missing, under comments of this number, and issues a link for each attachment.
    pub async fn fill(&mut self, number: usize) {
        self.comments = [format!("c1-{number}"), format!("c2-{number}")];
        for site in SITES {
            plan(&self.store, site, Plan::Standard).await;
            for project in PROJECTS {
                set_mode(&self.store, (site, project), Mode::SecuredLink).await;
                for comment in self.comments.clone() {
                    self.fill_comment(&super::comment(site, project, &comment)).await;
                }
            }
        }
        self.check("links were issued").await;
    }

    async fn fill_comment(&mut self, path: &CommentPath) {
        for id in ATTACHMENTS {
            register(&self.store, &attachment(path, id), in_place(&format!("{}/{id}", path.comment))).await;
        }
        self.links.extend(issue(&self.store, path).await.iter().map(|minted| minted.id));
    }

    pub async fn numbers(&self) -> [SiteChange; 2] {
        let sites = SITES.map(site);
        let mut numbers = self.store.site_changes(&[&sites[0], &sites[1]]).await.unwrap();
        numbers.sort_by(|(a, _), (b, _)| a.cmp(b));
        [numbers[0].1, numbers[1].1]
    }

    /// The rows that are kept must say what the database says.
    pub async fn check(&self, after: &str) {
        let mut read = self.store.liveness(&self.links).await.unwrap();
        let mut kept = self.kept.rows(self.links.clone()).await.unwrap();
        read.sort_by_key(|row| row.id.to_string());
        kept.sort_by_key(|row| row.id.to_string());
        let (read, kept): (Vec<_>, Vec<_>) =
            (read.iter().map(said).collect(), kept.iter().map(|row| said(row)).collect());
        assert!(read == kept, "after {after}, read:\n{read:?}\nkept:\n{kept:?}");
    }

    /// A comment of the first site.
    pub fn comment(&self) -> CommentPath {
        super::comment(SITES[0], PROJECTS[0], &self.comments[0])
    }

    /// A living link of that comment.
    pub async fn link(&self) -> LinkId {
        issue(&self.store, &self.comment()).await[0].id
    }
}

/// Every call that kills links or changes what they open.
#[derive(Debug, Clone, Copy)]
enum Change {
    DeleteComment,
    DeleteAttachment,
    Replace,
    RevokeLink,
    SetMode,
    PlanDown,
    DeleteProject,
    DeleteSite,
    RevokeSite,
    RevokeProject,
    RevokeComment,
    RevokeAttachment,
    Recover,
}

impl Change {
    const ALL: [Self; 13] = [
        Self::DeleteComment,
        Self::DeleteAttachment,
        Self::Replace,
        Self::RevokeLink,
        Self::SetMode,
        Self::PlanDown,
        Self::DeleteProject,
        Self::DeleteSite,
        Self::RevokeSite,
        Self::RevokeProject,
        Self::RevokeComment,
        Self::RevokeAttachment,
        Self::Recover,
    ];

    /// Makes it in the first site.
    async fn make(self, world: &World) {
        let (store, path) = (&world.store, world.comment());
        let (acme, sup, a1) = (path.site.clone(), path.project.clone(), attachment(&path, ATTACHMENTS[0]));
        match self {
            Self::DeleteComment => drop(store.delete_comment(&path, NOW).await.unwrap()),
            Self::DeleteAttachment => drop(store.delete_attachment(&a1, NOW).await.unwrap()),
            Self::Replace => drop(register(store, &a1, in_place("acme/new")).await),
            Self::RevokeLink => assert!(store.revoke_link(&acme, world.link().await, NOW).await.unwrap()),
            Self::SetMode => assert!(set_mode(store, (SITES[0], PROJECTS[0]), Mode::PortalLogin).await),
            Self::PlanDown => drop(plan(store, SITES[0], Plan::Free).await),
            Self::DeleteProject => drop(store.delete_project(&acme, &sup, NOW).await.unwrap()),
            Self::DeleteSite => assert!(store.delete_site(&acme, NOW).await.unwrap()),
            Self::RevokeSite => revoke(store, RevokeTarget::Site(acme)).await,
            Self::RevokeProject => revoke(store, RevokeTarget::Project(acme, sup)).await,
            Self::RevokeComment => revoke(store, RevokeTarget::Comment(path)).await,
            Self::RevokeAttachment => revoke(store, RevokeTarget::Attachment(a1)).await,
            Self::Recover => {
                let mark = store.newest_mark().await.unwrap().expect("modes were set");
                store.recover(&mark).await.unwrap();
            }
        }
    }
}

async fn revoke(store: &Store, target: RevokeTarget) {
    store.revoke_under(&target, NOW).await.unwrap();
}

/// Every call that changes nothing about a link that is there: they are frequent, and rows must stay in use.
#[derive(Debug, Clone, Copy)]
enum Harmless {
    Issue,
    RegisterAnother,
    RegisterTheSameAgain,
    RememberRequest,
    SetTheSameMode,
    ChangeSettings,
    LookAtComments,
    ForgetOldLinks,
    DeleteTheDeletedAgain,
    RevokeTheRevokedAgain,
}

impl Harmless {
    const ALL: [Self; 10] = [
        Self::Issue,
        Self::RegisterAnother,
        Self::RegisterTheSameAgain,
        Self::RememberRequest,
        Self::SetTheSameMode,
        Self::ChangeSettings,
        Self::LookAtComments,
        Self::ForgetOldLinks,
        Self::DeleteTheDeletedAgain,
        Self::RevokeTheRevokedAgain,
    ];

    async fn make(self, world: &World, revoked: LinkId, old: &CommentPath) {
        let (store, path) = (&world.store, world.comment());
        match self {
            Self::Issue => drop(issue(store, &path).await),
            Self::RegisterAnother => drop(registered(store, &path, "a3").await),
            Self::RegisterTheSameAgain => {
                let (_, created) = register(store, &attachment(&path, "a3"), in_place("acme/file")).await;
                assert!(!created);
            }
            Self::RememberRequest => {
                let request: RequestId = "SUP-42".parse().unwrap();
                let wanted = Wanted { request: Some(&request), attachments: None };
                store.issue(&path, wanted, NOW, |_| Ok::<_, ()>(((), Vec::new()))).await.unwrap();
            }
            Self::SetTheSameMode => assert!(!set_mode(store, (SITES[0], PROJECTS[0]), Mode::SecuredLink).await),
            Self::ChangeSettings => drop(plan(store, SITES[0], Plan::Premium).await),
            Self::LookAtComments => drop(store.purge_comments(NOW, &CommentsSeen::default(), 100).await.unwrap()),
            Self::ForgetOldLinks => assert!(store.purge_links(NOW, 100).await.unwrap() > 0),
            Self::DeleteTheDeletedAgain => drop(store.delete_comment(old, NOW).await.unwrap()),
            Self::RevokeTheRevokedAgain => assert!(store.revoke_link(&path.site, revoked, NOW).await.unwrap()),
        }
    }
}

async fn every_change_replaces_the_number_of_its_site_alone(store: Store) {
    let mut world = World::new(store).await;
    for (number, change) in Change::ALL.into_iter().enumerate() {
        world.fill(number).await;
        let before = world.numbers().await;
        change.make(&world).await;
        let after = world.numbers().await;
        assert_ne!(before[0], after[0], "{change:?}");
        assert_eq!(before[1] != after[1], matches!(change, Change::Recover), "{change:?} in the other site");
        world.check(&format!("{change:?}")).await;
    }
}

async fn what_changes_no_link_leaves_the_number_alone(store: Store) {
    let world = World::new(store).await;
    let (revoked, old) = (world.link().await, comment(SITES[0], PROJECTS[0], "old"));
    world.store.revoke_link(&old.site, revoked, NOW).await.unwrap();
    registered(&world.store, &old, "a1").await;
    assert!(matches!(issue_at(&world.store, &old, LONG_AGO).await, Issued::Done(_)));
    world.store.delete_comment(&old, NOW).await.unwrap();
    let before = world.numbers().await;
    for harmless in Harmless::ALL {
        harmless.make(&world, revoked, &old).await;
        assert_eq!(before, world.numbers().await, "{harmless:?}");
        world.check(&format!("{harmless:?}")).await;
    }
    // What is left of a deleted project is cleared away long after its links died.
    world.store.delete_project(&old.site, &old.project, NOW).await.unwrap();
    let deleted = world.numbers().await;
    while world.store.purge_deleted_projects(3).await.unwrap() > 0 {}
    assert_eq!(deleted, world.numbers().await);
    world.check("the purge").await;
}

async fn whatever_happens_kept_rows_say_what_the_database_says(store: Store) {
    let seed = std::process::id().into();
    println!("seed {seed}");
    let (mut random, mut world) = (Random(seed), World::new(store).await);
    for number in 1..=ROUNDS {
        world.fill(number).await;
        for change in [Change::Replace, random.pick(&Change::ALL).unwrap()] {
            change.make(&world).await;
            world.check(&format!("{change:?} with the seed {seed}")).await;
        }
    }
}

async fn the_same_row_is_handed_out_until_something_changes_in_its_site(store: Store) {
    let world = World::new(store).await;
    let (path, link) = (world.comment(), world.link().await);
    let row = async || world.kept.rows(vec![link]).await.unwrap().remove(0);
    let first = row().await;
    registered(&world.store, &path, "a3").await;
    issue(&world.store, &path).await;
    world.store.delete_comment(&comment(SITES[1], PROJECTS[0], "other"), NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &row().await), "nothing was read");
    world.store.delete_comment(&comment(SITES[0], PROJECTS[1], "other"), NOW).await.unwrap();
    let second = row().await;
    assert!(!Arc::ptr_eq(&first, &second) && said(&first) == said(&second), "it was read anew");
    world.store.revoke_link(&path.site, link, NOW).await.unwrap();
    assert!(row().await.withdrawn);
    assert!(!Arc::ptr_eq(&row().await, &row().await), "a dead one is not kept");
}

async fn a_restored_database_serves_no_row_that_is_kept(store: Store) {
    let world = World::new(store).await;
    let link = world.link().await;
    world.kept.rows(vec![link]).await.unwrap();
    world.store.set_restored(true);
    let refused = world.kept.rows(vec![link]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Restored), "{refused:?}");
    world.store.set_restored(false);
    assert!(!world.kept.rows(vec![link]).await.unwrap()[0].withdrawn);
}

on_each_database!(
    a_restored_database_serves_no_row_that_is_kept,
    the_same_row_is_handed_out_until_something_changes_in_its_site,
    every_change_replaces_the_number_of_its_site_alone,
    what_changes_no_link_leaves_the_number_alone,
    whatever_happens_kept_rows_say_what_the_database_says,
);

//! What every database must do. Each test is a function of a fresh [`Store`], run once for each database.

mod attachments;
pub(crate) mod changes;
mod comments;
mod issuing;
mod issuing_together;
mod keys;
mod links;
mod objects;
mod portal;
mod projects;
mod purging;
mod races;
mod revoking;
mod sites;

use attachlink::domain::attachment::{Attachment, ObjectKey, ObjectVersion};
use attachlink::domain::ids::{AttachmentPath, CommentPath, ProjectId, SiteId};
use attachlink::domain::media::Kind;
use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::domain::token::{LINK_PREFIX, LinkId, Minted, mint};
use attachlink::store::{Issued, LivenessRow, Migrate, NewAttachment, NewLink, Registered, SetMode, Store, Wanted};
use time::OffsetDateTime;
use time::macros::datetime;

/// When the tests happen.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00.5 UTC);

/// Runs each of these functions as a test of its own, on each database.
macro_rules! on_each_database {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (store, _directory) = $crate::store_contract::sqlite().await;
                    super::$name(store).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let database = $crate::postgres_server::Database::fresh().await;
                    super::$name(database.store().await).await;
                }
            )*
        }
    };
}
pub(crate) use on_each_database;

/// A fresh embedded database. It lives as long as the directory.
pub(crate) async fn sqlite() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/data/attachlink.db", directory.path().display()).parse().unwrap();
    (Store::open(&url, Migrate::Yes).await.unwrap(), directory)
}

pub(crate) fn site(id: &str) -> SiteId {
    id.parse().unwrap()
}

pub(crate) fn project(id: &str) -> ProjectId {
    id.parse().unwrap()
}

pub(crate) fn comment(site: &str, project: &str, comment: &str) -> CommentPath {
    CommentPath { site: site.parse().unwrap(), project: project.parse().unwrap(), comment: comment.parse().unwrap() }
}

pub(crate) fn attachment(path: &CommentPath, id: &str) -> AttachmentPath {
    path.attachment(id.parse().unwrap())
}

pub(crate) fn settings(plan: Plan) -> SiteSettings {
    SiteSettings { plan, safe_notifications: false, portal_url: None, object_prefix: None }
}

/// Makes a site, or gives it this plan.
pub(crate) async fn plan(store: &Store, id: &str, plan: Plan) -> attachlink::store::SiteUpdate {
    let change = |_: Option<&SiteSettings>| Ok::<_, ()>(settings(plan));
    store.update_site(&site(id), NOW, change).await.unwrap().unwrap()
}

pub(crate) async fn set_mode(store: &Store, at: (&str, &str), mode: Mode) -> bool {
    match store.set_mode(&site(at.0), &project(at.1), mode, NOW).await.unwrap() {
        SetMode::Done { security, changed } => {
            assert_eq!(security.mode, mode);
            changed
        }
        other => panic!("{other:?}"),
    }
}

/// A site whose project may issue links, and a comment of it.
pub(crate) async fn open_comment(store: &Store) -> CommentPath {
    plan(store, "acme", Plan::Standard).await;
    set_mode(store, ("acme", "SUP"), Mode::SecuredLink).await;
    comment("acme", "SUP", "c1")
}

pub(crate) fn in_place(key: &str) -> NewAttachment {
    let key = ObjectKey::named(key).unwrap();
    let modified_at = datetime!(2026-11-20 8:00 UTC);
    NewAttachment {
        filename: "log, größe.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        kind: Kind::File,
        object: ObjectVersion { key, version: "v1".into(), size: 5210, modified_at },
        uploaded: false,
    }
}

pub(crate) fn upload_key(number: u8) -> ObjectKey {
    ObjectKey::for_upload([number; 16])
}

/// Uploaded bytes, whose intent is written down.
pub(crate) async fn uploaded(store: &Store, number: u8) -> NewAttachment {
    store.intend_object(&upload_key(number), NOW).await.unwrap();
    let mut new = in_place("x");
    (new.object.key, new.uploaded, new.kind) = (upload_key(number), true, Kind::Png);
    new
}

pub(crate) async fn register(store: &Store, path: &AttachmentPath, new: NewAttachment) -> (Attachment, bool) {
    match store.register(path, new, NOW).await.unwrap() {
        Registered::Done { attachment, created } => (attachment, created),
        other => panic!("{other:?}"),
    }
}

/// Registers an object in place under this id.
pub(crate) async fn registered(store: &Store, path: &CommentPath, id: &str) -> Attachment {
    register(store, &attachment(path, id), in_place("acme/file")).await.0
}

/// Issues one link for each attachment of the comment.
pub(crate) async fn issue_at(store: &Store, path: &CommentPath, now: OffsetDateTime) -> Issued<Vec<Minted>, ()> {
    let build = |context: &attachlink::store::IssueContext| {
        let minted: Vec<Minted> = context.attachments.iter().map(|_| mint(LINK_PREFIX, now)).collect();
        let link = |(attachment, minted): (usize, &Minted)| {
            let recipient = Some("r-17 ü\"".to_owned().try_into().unwrap());
            NewLink { id: minted.id, hash: minted.hash, attachment, recipient }
        };
        let links = minted.iter().enumerate().map(link).collect();
        Ok((minted, links))
    };
    store.issue(path, Wanted { request: None, attachments: None }, now, build).await.unwrap()
}

pub(crate) async fn issue(store: &Store, path: &CommentPath) -> Vec<Minted> {
    match issue_at(store, path, NOW).await {
        Issued::Done(minted) => minted,
        other => panic!("{other:?}"),
    }
}

/// A link for the one attachment of a comment that has just one.
pub(crate) async fn issue_one(store: &Store, path: &CommentPath) -> LinkId {
    let minted = issue(store, path).await;
    assert_eq!(minted.len(), 1);
    minted[0].id
}

pub(crate) async fn row(store: &Store, link: LinkId) -> LivenessRow {
    let mut rows = store.liveness(&[link]).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// Whether a link is alive; liveness and the link's record must agree.
pub(crate) async fn alive(store: &Store, link: LinkId) -> bool {
    let row = row(store, link).await;
    assert_eq!(row.withdrawn, row.served.is_none());
    let record = store.link(&row.site, link).await.unwrap().unwrap();
    assert_eq!(record.withdrawn, row.withdrawn);
    !row.withdrawn
}

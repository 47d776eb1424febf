use attachlink::domain::attachment::Attachment;
use attachlink::domain::ids::AttachmentId;
use attachlink::domain::portal::PortalUrl;
use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::domain::token::{LINK_PREFIX, mint};
use attachlink::store::{IssueContext, NewLink, Store, Wanted};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::*;

on_each_database!(
    the_context_is_what_is_in_force,
    attachments_come_in_the_order_wanted,
    what_is_refused_writes_nothing,
    ten_thousand_links_in_one_call,
    the_last_request_gives_the_portals_address,
    a_late_notification_takes_no_place_in_a_project_made_since,
);

/// What `build` was shown.
async fn context(store: &Store, path: &CommentPath, wanted: Option<&[AttachmentId]>) -> Issued<IssueContext, ()> {
    let wanted = Wanted { request: None, attachments: wanted };
    store.issue(path, wanted, NOW, |context| Ok((context.clone(), Vec::new()))).await.unwrap()
}

fn ids(attachments: &[Attachment]) -> Vec<&str> {
    attachments.iter().map(|attachment| attachment.id.as_str()).collect()
}

async fn the_context_is_what_is_in_force(store: Store) {
    let path = comment("acme", "SUP", "c1");
    assert!(matches!(context(&store, &path, None).await, Issued::SiteNotFound));
    plan(&store, "acme", Plan::Standard).await;
    let Issued::Done(unheard) = context(&store, &path, None).await else { panic!() };
    assert_eq!((unheard.mode, unheard.settings), (Mode::PortalLogin, settings(Plan::Standard)));
    assert!(unheard.attachments.is_empty());
    set_mode(&store, ("acme", "SUP"), Mode::SecuredLink).await;
    let registered = registered(&store, &path, "a1").await;
    let Issued::Done(now) = context(&store, &path, None).await else { panic!() };
    assert_eq!((now.mode, now.attachments), (Mode::SecuredLink, vec![registered]));
}

async fn attachments_come_in_the_order_wanted(store: Store) {
    let path = open_comment(&store).await;
    for id in ["a1", "a2", "a3"] {
        registered(&store, &path, id).await;
    }
    registered(&store, &comment("acme", "SUP", "c2"), "a4").await;
    for wanted in [&["a3", "a1"][..], &["a2"], &[], &["a1", "a1"]] {
        let list: Vec<AttachmentId> = wanted.iter().map(|id| id.parse().unwrap()).collect();
        let Issued::Done(context) = context(&store, &path, Some(&list)).await else { panic!() };
        assert_eq!(ids(&context.attachments), wanted);
    }
    let Issued::Done(all) = context(&store, &path, None).await else { panic!() };
    assert_eq!(ids(&all.attachments), ["a1", "a2", "a3"]);
    let list: Vec<AttachmentId> = ["a1", "a4", "a5"].iter().map(|id| id.parse().unwrap()).collect();
    let Issued::AttachmentNotFound(missing) = context(&store, &path, Some(&list)).await else { panic!() };
    assert_eq!(missing.as_str(), "a4");
}

async fn what_is_refused_writes_nothing(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let request = "SUP-1".parse().unwrap();
    let wanted = Wanted { request: Some(&request), attachments: None };
    let refused = store.issue::<(), _>(&path, wanted, NOW, |_| Err("no")).await.unwrap();
    assert!(matches!(refused, Issued::Refused("no")));
    // A link for an attachment that was not asked for is a fault, and nothing of the call is written.
    let good = mint(LINK_PREFIX, NOW);
    let link = |attachment| NewLink { id: good.id, hash: good.hash, attachment, recipient: None };
    let build = |_: &IssueContext| Ok::<_, ()>(((), vec![link(0), link(1)]));
    assert!(store.issue(&path, wanted, NOW, build).await.is_err());
    assert!(store.liveness(&[good.id]).await.unwrap().is_empty());
    assert!(store.issue(&path, wanted, NOW, |_| Ok::<_, ()>(((), vec![link(0), link(0)]))).await.is_err());
    assert!(store.liveness(&[good.id]).await.unwrap().is_empty(), "all or nothing");
    assert!(alive(&store, issue_one(&store, &path).await).await, "and the writer is free");
    assert_eq!(store.live_links(&path.site, &path.project, NOW, 10).await.unwrap().links, 1);
}

async fn ten_thousand_links_in_one_call(store: Store) {
    const RECIPIENTS: usize = 1000;
    let path = open_comment(&store).await;
    for number in 0..10 {
        registered(&store, &path, &format!("a{number}")).await;
    }
    let build = |context: &IssueContext| {
        let mut links = Vec::new();
        for recipient in 0..RECIPIENTS {
            for attachment in 0..context.attachments.len() {
                let minted = mint(LINK_PREFIX, NOW);
                let recipient = Some(format!("r-{recipient}").try_into().unwrap());
                links.push(NewLink { id: minted.id, hash: minted.hash, attachment, recipient });
            }
        }
        Ok::<_, ()>((links.clone(), links))
    };
    let wanted = Wanted { request: None, attachments: None };
    let Issued::Done(links) = store.issue(&path, wanted, NOW, build).await.unwrap() else { panic!() };
    assert_eq!(store.live_links(&path.site, &path.project, NOW, 20_000).await.unwrap().links, 10_000);
    for number in [0, 9, 5_557, 9_999] {
        let link = &links[number];
        let record = store.link(&path.site, link.id).await.unwrap().unwrap();
        assert_eq!(record.attachment, attachment(&path, &format!("a{}", number % 10)));
        assert_eq!(record.recipient.unwrap().as_str(), format!("r-{}", number / 10));
        let found = row(&store, link.id).await;
        assert_eq!(&found.hash, link.hash.octets());
        assert_eq!(found.recipient, link.recipient);
    }
    let asked: Vec<_> = links.iter().map(|link| link.id).collect();
    assert_eq!(store.liveness(&asked).await.unwrap().len(), 10_000);
}

/// A notification of this request, without links; `meanwhile` happens after it has read, and before it writes.
async fn notify(store: &Store, path: &CommentPath, request: &str, meanwhile: impl Future<Output = ()>) {
    let request = request.parse().unwrap();
    let wanted = Wanted { request: Some(&request), attachments: None };
    let build = |_: &IssueContext| {
        block_in_place(|| Handle::current().block_on(meanwhile));
        Ok::<_, ()>(((), Vec::new()))
    };
    assert!(matches!(store.issue(path, wanted, NOW, build).await.unwrap(), Issued::Done(())));
}

async fn give_a_portal(store: &Store) {
    let portal_url = Some(PortalUrl::parse("https://help.example/{project}/{request}").unwrap());
    let with_portal = SiteSettings { portal_url, ..settings(Plan::Standard) };
    store.update_site(&site("acme"), NOW, |_| Ok::<_, ()>(with_portal.clone())).await.unwrap().unwrap();
}

async fn a_late_notification_takes_no_place_in_a_project_made_since(store: Store) {
    let path = open_comment(&store).await;
    give_a_portal(&store).await;
    let meanwhile = async {
        store.delete_project(&path.site, &path.project, NOW).await.unwrap();
        set_mode(&store, ("acme", "SUP"), Mode::SecuredLink).await;
        notify(&store, &path, "NEW-1", async {}).await;
    };
    notify(&store, &path, "OLD-1", Box::pin(meanwhile)).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    assert_eq!(store.portal_of(link).await.unwrap().unwrap(), "https://help.example/SUP/NEW-1");
}

async fn the_last_request_gives_the_portals_address(store: Store) {
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;
    let name = async |request: &str| notify(&store, &path, request, async {}).await;
    assert_eq!(store.portal_of(link).await.unwrap(), None);
    name("SUP-1").await;
    assert_eq!(store.portal_of(link).await.unwrap(), None, "the site has no portal");
    give_a_portal(&store).await;
    assert_eq!(store.portal_of(link).await.unwrap().unwrap(), "https://help.example/SUP/SUP-1");
    name("SUP-2").await;
    issue(&store, &path).await;
    assert_eq!(store.portal_of(link).await.unwrap().unwrap(), "https://help.example/SUP/SUP-2");
    store.delete_comment(&path, NOW).await.unwrap();
    assert_eq!(store.portal_of(link).await.unwrap().unwrap(), "https://help.example/SUP/SUP-2", "for a dead link");
    assert_eq!(store.portal_of(mint(LINK_PREFIX, NOW).id).await.unwrap(), None);

    // A comment is first heard of by a notification, and is not deleted by it.
    let fresh = comment("acme", "SUP", "fresh");
    notify(&store, &fresh, "SUP-3", async {}).await;
    registered(&store, &fresh, "a1").await;
    let link = issue_one(&store, &fresh).await;
    assert_eq!(store.portal_of(link).await.unwrap().unwrap(), "https://help.example/SUP/SUP-3");
}

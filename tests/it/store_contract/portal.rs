use std::collections::BTreeSet;

use attachlink::domain::ids::OrganizationId;
use attachlink::domain::portal::{
    ChannelAccess, CustomerAccess, CustomerPermissions, EmailAddress, Request, RequestChannel,
};
use attachlink::store::{AddPerson, ListOfPeople, PutRequest, SetPermissions, Store};
use tokio::task::JoinSet;

use super::*;

on_each_database!(
    settings_come_back,
    a_site_made_anew_has_nothing_of_the_old_one,
    a_project_made_anew_has_nothing_of_the_old_one,
    the_purge_clears_away_what_deletions_left,
    requests_come_back_and_are_replaced_whole,
    one_person_added_by_many,
    nothing_is_added_to_a_site_that_is_being_deleted,
);

fn email(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn organization(id: &str) -> OrganizationId {
    id.parse().unwrap()
}

/// Every kind of list that there is.
fn lists() -> [ListOfPeople; 4] {
    [
        ListOfPeople::Accounts(site("acme")),
        ListOfPeople::Customers(site("acme"), project("SUP")),
        ListOfPeople::Members(site("acme"), organization("globex")),
        ListOfPeople::Tagged(comment("acme", "SUP", "c1")),
    ]
}

async fn add(store: &Store, list: &ListOfPeople, person: &str) -> bool {
    match store.add_person(list, &email(person), NOW).await.unwrap() {
        AddPerson::Done { added } => added,
        other => panic!("{other:?}"),
    }
}

async fn people(store: &Store, list: &ListOfPeople) -> Vec<String> {
    let people = store.people(list, None, 100).await.unwrap().unwrap();
    people.iter().map(ToString::to_string).collect()
}

fn request(reporter: &str, participants: &[&str], channel: RequestChannel) -> Request {
    Request {
        reporter: email(reporter),
        participants: participants.iter().map(|text| email(text)).collect(),
        organizations: BTreeSet::from([organization("globex")]),
        private: false,
        channel,
    }
}

async fn put(store: &Store, request: &Request) -> bool {
    let at = (&site("acme"), &project("SUP"), &"R-1".parse().unwrap());
    match store.put_request(at, request, NOW).await.unwrap() {
        PutRequest::Done { record, created } => {
            assert_eq!(record.request, *request);
            created
        }
        other @ PutRequest::SiteNotFound => panic!("{other:?}"),
    }
}

async fn read(store: &Store) -> Option<Option<Request>> {
    let found = store.request(&site("acme"), &project("SUP"), &"R-1".parse().unwrap()).await.unwrap();
    found.map(|record| record.map(|record| record.request))
}

async fn settings_come_back(store: Store) {
    let wanted: CustomerAccess = serde_json::from_value(serde_json::json!({
        "internal_customers": {"approved_domains": ["b.example", "a.example"], "create_accounts": true},
        "external_customers": {"create_accounts": true}, "portal_without_login": true, "outgoing_mail": true,
        "incoming_address": "help@desk.example", "knowledge_base": {"global_anonymous_access": true}}))
    .unwrap();
    assert_eq!(store.customer_access(&site("acme")).await.unwrap(), None);
    assert_eq!(store.set_customer_access(&site("acme"), &wanted).await.unwrap(), None);
    plan(&store, "acme", Plan::Free).await;
    assert_eq!(store.customer_access(&site("acme")).await.unwrap(), Some(CustomerAccess::default()));
    let before = store.set_customer_access(&site("acme"), &wanted).await.unwrap();
    assert_eq!(before, Some(CustomerAccess::default()));
    assert_eq!(store.customer_access(&site("acme")).await.unwrap().as_ref(), Some(&wanted));

    let defaults = store.customer_permissions(&site("acme"), &project("SUP")).await.unwrap();
    assert_eq!(defaults, Some((wanted.clone(), CustomerPermissions::default())));
    for channel_access in ChannelAccess::ALL {
        let permissions = CustomerPermissions {
            channel_access: *channel_access,
            flag_anonymous_requests: true,
            ..CustomerPermissions::default()
        };
        let set = store.set_customer_permissions(&site("acme"), &project("SUP"), permissions, NOW).await.unwrap();
        assert!(matches!(set, SetPermissions::Done { site, .. } if site == wanted));
        let read = store.customer_permissions(&site("acme"), &project("SUP")).await.unwrap();
        assert_eq!(read, Some((wanted.clone(), permissions)));
        let open = store.open_projects(&site("acme"), 10).await.unwrap();
        assert_eq!(open.projects.len(), usize::from(*channel_access == ChannelAccess::Open));
    }
    let capped = store.open_projects(&site("acme"), 0).await.unwrap();
    assert!(capped.capped && capped.projects.is_empty());
    let (elsewhere, sup, defaults) = (site("b"), project("SUP"), CustomerPermissions::default());
    let set = store.set_customer_permissions(&elsewhere, &sup, defaults, NOW).await.unwrap();
    assert_eq!(set, SetPermissions::SiteNotFound);
    assert_eq!(store.customer_permissions(&site("b"), &project("SUP")).await.unwrap(), None);
}

/// Fills a site with one of everything.
async fn filled(store: &Store) {
    plan(store, "acme", Plan::Free).await;
    let mut access = CustomerAccess::default();
    access.external_customers.create_accounts = true;
    store.set_customer_access(&site("acme"), &access).await.unwrap().unwrap();
    let open = CustomerPermissions { channel_access: ChannelAccess::Open, ..CustomerPermissions::default() };
    store.set_customer_permissions(&site("acme"), &project("SUP"), open, NOW).await.unwrap();
    for list in lists() {
        assert!(add(store, &list, "ana@a.example").await, "{list:?}");
    }
    assert!(put(store, &request("ana@a.example", &["ben@b.example"], RequestChannel::Portal)).await);
}

async fn a_site_made_anew_has_nothing_of_the_old_one(store: Store) {
    filled(&store).await;
    store.delete_site(&site("acme"), NOW).await.unwrap();
    for list in lists() {
        assert_eq!(store.people(&list, None, 10).await.unwrap(), None);
        assert_eq!(store.add_person(&list, &email("x@x.example"), NOW).await.unwrap(), AddPerson::SiteNotFound);
        assert_eq!(store.remove_person(&list, &email("x@x.example")).await.unwrap(), None);
    }
    assert_eq!(read(&store).await, None);
    plan(&store, "acme", Plan::Free).await;
    let settings = store.customer_permissions(&site("acme"), &project("SUP")).await.unwrap();
    assert_eq!(settings, Some((CustomerAccess::default(), CustomerPermissions::default())));
    for list in lists() {
        assert!(add(&store, &list, "zoe@z.example").await);
        assert_eq!(people(&store, &list).await, ["zoe@z.example"], "{list:?}");
    }
    assert_eq!(read(&store).await, Some(None));
}

async fn a_project_made_anew_has_nothing_of_the_old_one(store: Store) {
    filled(&store).await;
    store.delete_project(&site("acme"), &project("SUP"), NOW).await.unwrap();
    let [accounts, customers, members, tagged] = lists();
    for made in [false, true] {
        if made {
            set_mode(&store, ("acme", "SUP"), Mode::PortalLogin).await;
        }
        assert_eq!(people(&store, &accounts).await, ["ana@a.example", "ben@b.example"], "the site's");
        assert_eq!(people(&store, &members).await, ["ana@a.example"], "the site's");
        assert!(people(&store, &customers).await.is_empty() && people(&store, &tagged).await.is_empty());
        assert_eq!(read(&store).await, Some(None));
        let (_, permissions) = store.customer_permissions(&site("acme"), &project("SUP")).await.unwrap().unwrap();
        assert_eq!(permissions, CustomerPermissions::default());
        assert!(store.open_projects(&site("acme"), 10).await.unwrap().projects.is_empty());
    }
}

async fn the_purge_clears_away_what_deletions_left(store: Store) {
    filled(&store).await;
    for number in 0..5 {
        add(&store, &lists()[1], &format!("n{number}@n.example")).await;
    }
    store.delete_site(&site("acme"), NOW).await.unwrap();
    filled(&store).await;

    let mut cleared = Vec::new();
    loop {
        match store.purge_deleted_projects(3).await.unwrap() {
            0 => break,
            rows => cleared.push(rows),
        }
    }
    // Six customers, a request with a participant and an organization, a tag; and the row that says so.
    assert_eq!(cleared.iter().sum::<u64>(), 6 + 3 + 1 + 1);
    assert!(cleared.iter().all(|rows| *rows <= 3), "in small batches: {cleared:?}");
    let mut cleared = 0;
    while let rows @ 1.. = store.purge_deleted_portals(3).await.unwrap() {
        cleared += rows;
    }
    // Accounts of seven people, a member; and the row that says so.
    assert_eq!(cleared, 7 + 1 + 1);
    for list in lists() {
        assert!(people(&store, &list).await.contains(&"ana@a.example".to_owned()), "the new ones are left alone");
    }
    assert!(read(&store).await.unwrap().is_some());
}

async fn requests_come_back_and_are_replaced_whole(store: Store) {
    assert_eq!(read(&store).await, None);
    plan(&store, "acme", Plan::Free).await;
    assert_eq!(read(&store).await, Some(None));
    assert!(put(&store, &request("ana@a.example", &["c@c.example", "b@b.example"], RequestChannel::Email)).await);
    let bare =
        Request { organizations: BTreeSet::new(), private: true, ..request("d@d.example", &[], RequestChannel::Agent) };
    assert!(!put(&store, &bare).await);
    assert_eq!(read(&store).await, Some(Some(bare)));
    let everyone = people(&store, &lists()[0]).await;
    assert_eq!(everyone, ["ana@a.example", "b@b.example", "c@c.example", "d@d.example"], "they have accounts");

    let delete = async || store.delete_request(&site("acme"), &project("SUP"), &"R-1".parse().unwrap()).await.unwrap();
    assert_eq!((delete().await, delete().await), (Some(true), Some(false)));
    assert_eq!(read(&store).await, Some(None));
    // Nothing of the lists is left for one that is registered anew.
    let bare = Request { organizations: BTreeSet::new(), ..request("ana@a.example", &[], RequestChannel::Portal) };
    assert!(put(&store, &bare).await);
}

async fn one_person_added_by_many(store: Store) {
    plan(&store, "acme", Plan::Free).await;
    for list in lists() {
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (store, list) = (store.clone(), list.clone());
            tasks.spawn(async move { add(&store, &list, "Ana@A.example").await });
        }
        let mut added = 0;
        while let Some(done) = tasks.join_next().await {
            added += usize::from(done.unwrap());
        }
        assert_eq!(added, 1, "{list:?}");
        assert_eq!(people(&store, &list).await, ["ana@a.example"]);
    }
}

async fn nothing_is_added_to_a_site_that_is_being_deleted(store: Store) {
    for round in 0..5 {
        plan(&store, "acme", Plan::Free).await;
        let mut tasks = JoinSet::new();
        for list in lists() {
            let store = store.clone();
            tasks.spawn(async move {
                for number in 0..5 {
                    let person = email(&format!("n{number}@n{round}.example"));
                    store.add_person(&list, &person, NOW).await.unwrap();
                }
            });
        }
        tokio::task::yield_now().await;
        store.delete_site(&site("acme"), NOW).await.unwrap();
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        plan(&store, "acme", Plan::Free).await;
        for list in lists() {
            assert!(people(&store, &list).await.is_empty(), "{list:?}");
        }
    }
}

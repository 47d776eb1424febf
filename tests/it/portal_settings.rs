//! Customer access of sites and customer permissions of projects, through the API.

use attachlink::domain::access::Binding;
use attachlink::domain::token::{self, API_KEY_PREFIX};
use attachlink::store::{DatabaseUrl, Migrate, NewKey, Store};
use http::Method;
use serde_json::{Value, json};

use crate::harness::{START, Service};
use crate::keeps::{Keeps, with_each_database};

with_each_database!(
    settings_are_replaced_whole_and_off_by_default,
    a_portal_without_login_needs_accounts_and_mail_and_names_its_projects,
    site_and_project_mean_together_what_the_table_says,
    each_administrator_changes_their_own,
    what_is_wrong_is_named,
);

const ACCESS: &str = "/sites/acme/customer-access";
const PERMISSIONS: &str = "/sites/acme/projects/SUP/customer-permissions";

fn open_site() -> Value {
    json!({"internal_customers": {"approved_domains": ["acme.example"], "create_accounts": true},
        "external_customers": {"create_accounts": true}, "portal_without_login": true, "outgoing_mail": true,
        "incoming_address": "help@acme.example", "knowledge_base": {"global_anonymous_access": true}})
}

fn closed_site() -> Value {
    json!({"internal_customers": {"approved_domains": [], "create_accounts": false},
        "external_customers": {"create_accounts": false}, "portal_without_login": false, "outgoing_mail": false,
        "incoming_address": null, "knowledge_base": {"global_anonymous_access": false}})
}

/// That every member of `expected` is in the answer.
#[track_caller]
fn has(answer: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&answer[name], value, "{name}");
    }
}

async fn settings_are_replaced_whole_and_off_by_default(on: Keeps) {
    let service = on.service().await;
    service.get(ACCESS).await.refused(404, "site_not_found");
    service.site("acme").await;
    has(&service.get(ACCESS).await.ok(200).json(), &closed_site());
    let set = service.put(ACCESS, open_site()).await.ok(200).json();
    has(&set, &open_site());
    assert_eq!(set["advisories"], json!(["login_free_active", "use_separate_domain"]));
    assert_eq!(set["titles"]["portal_without_login"], "Raise requests without logging in");
    assert_eq!(service.get(ACCESS).await.ok(200).json(), set);
    has(&service.put(ACCESS, json!({})).await.ok(200).json(), &closed_site());

    let closed = json!({"channel_access": "restricted", "sharing": "organization", "flag_anonymous_requests": false,
        "knowledge_base": {"viewing": "agents", "space_anonymous_access": false}, "advisories": []});
    has(&service.get(PERMISSIONS).await.ok(200).json(), &closed);
    let open = json!({"channel_access": "open", "sharing": "any_in_project", "flag_anonymous_requests": true,
        "knowledge_base": {"viewing": "all", "space_anonymous_access": true}});
    let set = service.put(PERMISSIONS, open.clone()).await.ok(200).json();
    has(&set, &open);
    assert_eq!(set["titles"]["channel_access.accounts"], "Everyone with an account on the site");
    assert_eq!(service.get(PERMISSIONS).await.ok(200).json(), set);
    has(&service.put(PERMISSIONS, json!({})).await.ok(200).json(), &closed);

    service.put(PERMISSIONS, open).await.ok(200);
    service.delete("/sites/acme/projects/SUP").await.ok(204);
    has(&service.get(PERMISSIONS).await.ok(200).json(), &closed);
}

async fn a_portal_without_login_needs_accounts_and_mail_and_names_its_projects(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    let without_login = |accounts: bool, mail: bool| json!({"external_customers": {"create_accounts": accounts}, "outgoing_mail": mail, "portal_without_login": true});
    service.put(ACCESS, without_login(false, false)).await.refused(422, "accounts_required");
    service.put(ACCESS, without_login(false, true)).await.refused(422, "accounts_required");
    service.put(ACCESS, without_login(true, false)).await.refused(422, "outgoing_mail_required");
    has(&service.get(ACCESS).await.json(), &closed_site());

    for (project, channel) in [("DEV", "open"), ("OPS", "accounts"), ("SUP", "open"), ("X", "restricted")] {
        let path = format!("/sites/acme/projects/{project}/customer-permissions");
        service.put(&path, json!({"channel_access": channel})).await.ok(200);
    }
    let set = service.put(ACCESS, without_login(true, true)).await.ok(200).json();
    has(
        &set,
        &json!({"open_projects": ["DEV", "SUP"], "open_projects_capped": false,
        "advisories": ["anyone_can_raise", "login_free_active"]}),
    );
    let open = service.get(PERMISSIONS).await.json();
    assert_eq!(open["advisories"], json!(["anyone_can_raise", "login_free_active"]));
}

async fn site_and_project_mean_together_what_the_table_says(on: Keeps) {
    // The product's table.
    const ADDRESS: &str = "anyone, by portal or email; an address is asked for and an account made; seeing the \
         request needs a password and a login";
    const MAKES: &str = "anyone who has or creates an account; an email from an unknown sender makes an account";
    let table = [
        (true, true, "open", "anyone", ADDRESS),
        (true, false, "open", "anyone; a portal after login", MAKES),
        (true, true, "accounts", "anyone; the portal after login", "every customer with an account"),
        (true, false, "accounts", "anyone; the portal after login", "every customer with an account"),
        (
            true,
            true,
            "restricted",
            "anyone; the portal only for customers added",
            "only customers added to the project",
        ),
        (
            true,
            false,
            "restricted",
            "anyone; the portal only for customers added",
            "only customers added to the project",
        ),
        (false, false, "open", "existing customers, after login", "every existing customer"),
        (false, false, "accounts", "existing customers, after login", "every existing customer"),
        (false, false, "restricted", "existing customers, after login", "only existing customers added"),
    ];
    let service = on.service().await;
    service.site("acme").await;
    for (accounts, without_login, channel, sees, sends) in table {
        let access = json!({"external_customers": {"create_accounts": accounts}, "outgoing_mail": true,
            "portal_without_login": without_login});
        service.put(ACCESS, access).await.ok(200);
        let set = service.put(PERMISSIONS, json!({"channel_access": channel})).await.ok(200).json();
        assert_eq!(set["effective"], json!({"sees_the_help_center": sees, "sends_requests": sends}));
        assert_eq!(service.get(PERMISSIONS).await.ok(200).json()["effective"], set["effective"]);
    }
}

/// A key of this service.
pub async fn key(service: &Service, notify: bool, admin: bool, binding: Binding) -> String {
    let embedded = format!("sqlite:{}", service.dir.path().join("data/attachlink.db").display());
    let url = service.database.as_ref().map_or(embedded, crate::postgres_server::Database::url);
    let url: DatabaseUrl = url.parse().unwrap();
    let store = Store::open(&url, Migrate::No).await.unwrap();
    let minted = token::mint(API_KEY_PREFIX, START);
    let new = NewKey { id: minted.id, hash: minted.hash, notify, admin, binding };
    store.create_key(&new, START).await.unwrap();
    store.close().await;
    minted.reveal().to_owned()
}

async fn each_administrator_changes_their_own(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    service.site("other").await;
    let (acme, sup) = ("acme".parse().unwrap(), "SUP".parse().unwrap());
    let notify = key(&service, true, false, Binding::Unbound).await;
    let of_site = key(&service, false, true, Binding::Site("acme".parse().unwrap())).await;
    let of_project = key(&service, false, true, Binding::Project(acme, sup)).await;
    let other_project = "/sites/acme/projects/DEV/customer-permissions";
    for (caller, path, refused) in [
        (&notify, ACCESS, Some((403, "missing_scope"))),
        (&notify, PERMISSIONS, Some((403, "missing_scope"))),
        (&of_site, ACCESS, None),
        (&of_site, PERMISSIONS, None),
        (&of_site, other_project, None),
        (&of_site, "/sites/other/customer-access", Some((404, "site_not_found"))),
        (&of_project, PERMISSIONS, None),
        (&of_project, other_project, Some((404, "project_not_found"))),
        (&of_project, ACCESS, Some((404, "site_not_found"))),
    ] {
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(json!({})))] {
            let reply = service.call_as(caller, method, path, body).await;
            match refused {
                None => drop(reply.ok(200)),
                Some((status, code)) => reply.refused(status, code),
            }
        }
    }
}

async fn what_is_wrong_is_named(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    for (path, body, field) in [
        (ACCESS, json!({"incoming_address": "nobody"}), "incoming_address"),
        (
            ACCESS,
            json!({"internal_customers": {"approved_domains": ["a b"]}}),
            "internal_customers.approved_domains[0]",
        ),
        (ACCESS, json!({"internal_customers": {"create_account": true}}), "internal_customers.create_account"),
        (ACCESS, json!({"portal_without_login": null}), "portal_without_login"),
        (PERMISSIONS, json!({"channel_access": "everyone"}), "channel_access"),
        (PERMISSIONS, json!({"knowledge_base": {"viewing": "none"}}), "knowledge_base.viewing"),
        (PERMISSIONS, json!({"colour": "red"}), "colour"),
    ] {
        let reply = service.put(path, body).await;
        reply.refused(422, "invalid_request");
        assert_eq!(reply.json()["field"], field);
    }
}

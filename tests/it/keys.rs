//! Who may call what: every call with every kind of key.

use attachlink::domain::access::Binding;
use attachlink::domain::token::{API_KEY_PREFIX, mint};
use attachlink::store::NewKey;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{START, Service, comment_path};
use crate::keeps::{Keeps, with_each_database};

with_each_database!(
    without_a_valid_key_nothing_is_told,
    scopes_and_bindings_for_every_call,
    what_only_wider_keys_may_do,
    a_links_project_is_checked_against_the_key,
    keys_of_a_deleted_project_are_revoked,
);

async fn key(service: &Service, notify: bool, admin: bool, binding: Binding) -> String {
    let minted = mint(API_KEY_PREFIX, START);
    let new = NewKey { id: minted.id, hash: minted.hash, notify, admin, binding };
    service.running.app().store.create_key(&new, START).await.unwrap();
    minted.reveal().to_owned()
}

/// Every call, with the scope it needs, and a body that would be right.
fn calls() -> Vec<(&'static str, Method, String, Option<Value>)> {
    let comment = comment_path("c1");
    vec![
        ("admin", Method::GET, "/sites/acme".to_owned(), None),
        ("admin", Method::PUT, "/sites/acme".to_owned(), Some(json!({"safe_notifications": false}))),
        ("admin", Method::GET, "/sites/acme/projects/SUP/attachment-security".to_owned(), None),
        (
            "admin",
            Method::PUT,
            "/sites/acme/projects/SUP/attachment-security".to_owned(),
            Some(json!({"mode": "secured_link"})),
        ),
        ("notify", Method::GET, format!("{comment}/attachments"), None),
        ("notify", Method::GET, format!("{comment}/attachments/a1"), None),
        ("notify", Method::GET, format!("{comment}/attachments/a1/content"), None),
        ("notify", Method::POST, format!("{comment}/attachments/a1/links"), Some(json!({"recipients": ["r"]}))),
        ("notify", Method::POST, format!("{comment}/notifications"), Some(json!({"request": "R", "message_size": 1}))),
        ("notify", Method::DELETE, "/sites/acme/projects/SUP/comments/none".to_owned(), None),
        ("notify", Method::DELETE, format!("{comment}/attachments/none"), None),
    ]
}

async fn without_a_valid_key_nothing_is_told(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    let other = mint(API_KEY_PREFIX, START);
    let revoked = key(&service, true, true, Binding::Unbound).await;
    let id = attachlink::domain::token::parse(API_KEY_PREFIX, &revoked).unwrap().id;
    service.call_as(&revoked, Method::GET, "/sites/acme", None).await.ok(200);
    service.running.app().store.revoke_key(id, START).await.unwrap();
    for key in ["", "x", other.reveal(), &revoked, &service.key.to_uppercase()] {
        for path in ["/sites/acme", "/sites/none", "/sites/acme/links/none"] {
            let reply = service.call_as(key, Method::GET, path, None).await;
            reply.refused(401, "unauthorized");
            assert!(reply.header("www-authenticate").starts_with("Bearer"));
        }
    }
}

async fn scopes_and_bindings_for_every_call(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.site("other").await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let (site, project) = ("acme".parse().unwrap(), "SUP".parse().unwrap());
    let other_project: Binding = Binding::Project("acme".parse().unwrap(), "OTHER".parse().unwrap());
    let bindings = [
        ("unbound", Binding::Unbound, true),
        ("its site", Binding::Site(site), true),
        ("its project", Binding::Project("acme".parse().unwrap(), project), true),
        ("another site", Binding::Site("other".parse().unwrap()), false),
        ("another project", other_project, false),
    ];
    for (name, binding, covers) in bindings {
        for scope in ["notify", "admin"] {
            let key = key(&service, scope == "notify", scope == "admin", binding.clone()).await;
            for (needs, method, path, body) in calls() {
                let about_the_site = path == "/sites/acme";
                let reply = service.call_as(&key, method.clone(), &path, body).await;
                let expected = match () {
                    () if needs != scope => 403,
                    () if !covers || (about_the_site && name == "its project") => 404,
                    () => 0,
                };
                let status = reply.status.as_u16();
                if expected == 0 {
                    assert!((200..300).contains(&status), "{name} {scope} {method} {path}: {status} {:?}", reply.body);
                } else {
                    assert_eq!(status, expected, "{name} {scope} {method} {path}: {:?}", reply.body);
                }
            }
        }
    }
}

async fn what_only_wider_keys_may_do(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    let site = key(&service, false, true, Binding::Site("acme".parse().unwrap())).await;
    let fresh = key(&service, false, true, Binding::Site("fresh".parse().unwrap())).await;
    let project = key(&service, false, true, Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap())).await;
    let call = |key: &str, method: Method, path: &'static str, body: Option<Value>| {
        let (service, key) = (&service, key.to_owned());
        async move { service.call_as(&key, method, path, body).await }
    };
    for body in [json!({"plan": "premium"}), json!({"object_prefix": "elsewhere"}), json!({"object_prefix": null})] {
        call(&site, Method::PUT, "/sites/acme", Some(body)).await.refused(403, "unbound_key_required");
    }
    // The same values are no change, and what is left out stays.
    let same = json!({"plan": "standard", "object_prefix": "acme", "safe_notifications": true});
    let answer = call(&site, Method::PUT, "/sites/acme", Some(same)).await.ok(200).json();
    assert_eq!((&answer["safe_notifications"], &answer["portal_url"]), (&json!(true), &Value::Null));
    let answer = call(&site, Method::PUT, "/sites/acme", Some(json!({}))).await.ok(200).json();
    assert_eq!((&answer["plan"], &answer["safe_notifications"]), (&json!("standard"), &json!(false)));
    assert_eq!(answer["object_prefix"], "acme");

    call(&fresh, Method::PUT, "/sites/fresh", Some(json!({}))).await.refused(403, "unbound_key_required");
    call(&site, Method::DELETE, "/sites/acme", None).await.refused(403, "unbound_key_required");
    assert_eq!(call(&project, Method::DELETE, "/sites/acme/projects/SUP", None).await.status, 403);
    call(&site, Method::DELETE, "/sites/acme/projects/SUP", None).await.ok(204);
}

async fn a_links_project_is_checked_against_the_key(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let (url, id) = service.link("c1", "a1").await;
    let bind = |project: &str| Binding::Project("acme".parse().unwrap(), project.parse().unwrap());
    let (own, other) = (key(&service, true, false, bind("SUP")).await, key(&service, true, false, bind("OTHER")).await);
    let path = format!("/sites/acme/links/{id}");
    service.call_as(&other, Method::GET, &path, None).await.refused(404, "link_not_found");
    service.call_as(&other, Method::DELETE, &path, None).await.refused(404, "link_not_found");
    service.open(&url).await.ok(200);
    let state = service.call_as(&own, Method::GET, &path, None).await.ok(200).json();
    assert_eq!((&state["state"], &state["recipient"]), (&json!("live"), &json!("r-1")));
    assert!(!state.to_string().contains("al1_"), "{state}");
    service.call_as(&own, Method::DELETE, &path, None).await.ok(204);
    service.call_as(&own, Method::DELETE, &path, None).await.ok(204);
    service.open(&url).await.refused(410, "link_withdrawn");
    service.get("/sites/other/links/none").await.refused(404, "site_not_found");
    service.get("/sites/acme/links/none").await.refused(404, "link_not_found");
}

async fn keys_of_a_deleted_project_are_revoked(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    let bound_to = |project: &str| Binding::Project("acme".parse().unwrap(), project.parse().unwrap());
    let (own, others) =
        (key(&service, true, true, bound_to("SUP")).await, key(&service, true, true, bound_to("DEV")).await);
    let security = |project: &str| format!("/sites/acme/projects/{project}/attachment-security");
    // Also of one that is known by its keys only.
    for (key, project) in [(&own, "SUP"), (&others, "DEV")] {
        service.call_as(key, Method::GET, &security(project), None).await.ok(200);
        service.delete(&format!("/sites/acme/projects/{project}")).await.ok(204);
        service.call_as(key, Method::GET, &security(project), None).await.refused(401, "unauthorized");
        if project == "SUP" {
            service.call_as(&others, Method::GET, &security("DEV"), None).await.ok(200);
        }
    }
}

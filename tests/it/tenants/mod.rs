//! Two tenants never meet: whatever a key, a link or an id of one site is used for on another gives what a stranger gets.
//!
//! The calls are those of the service's own description, so a new one is tried too, or the test says what it lacks.

mod routes;
mod site;

use attachlink::domain::access::Binding;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::harness::{Reply, Service};
use crate::keeps::{Keeps, with_each_database};
use crate::portal_settings::key;
use routes::{Ids, Route};
use site::Tenant;

with_each_database!(
    a_key_of_another_site_finds_nothing,
    a_key_of_another_project_finds_nothing,
    ids_of_another_site_are_ids_of_nothing,
    every_call_works_for_its_own_site,
    questions_about_another_site_are_answered_as_about_none,
);

/// Every call about a site, as it is made for the things of `ids`.
async fn ask(service: &Service, key: &str, route: &Route, ids: &Ids) -> Reply {
    let (path, body) = (route.path(ids), route.body(ids));
    if route.is_upload() {
        let request = http::Request::put(format!("http://{}{path}?filename=x.txt", service.running.api_addr))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "text/plain")
            .body("uploaded".into());
        return service.send(request.expect("a request")).await;
    }
    service.call_as(key, route.method.clone(), path.strip_prefix("/v1").expect("a call of the API"), body).await
}

/// What an answer says, with the ids that were asked about called by one name.
fn said(reply: &Reply, ids: &Ids) -> (u16, HeaderMap, Value) {
    let mut headers = reply.headers.clone();
    for differs in ["date", "content-length", "etag"] {
        headers.remove(differs);
    }
    let text = || Value::from(String::from_utf8_lossy(&reply.body).into_owned());
    let mut body = serde_json::from_slice(&reply.body).unwrap_or_else(|_| text());
    ids.forget_in(&mut body);
    (reply.status.as_u16(), headers, body)
}

/// That asking about `theirs` is answered as asking about `nothing`.
async fn is_as_nothing(service: &Service, key: &str, theirs: &Ids, nothing: &Ids) {
    for route in Route::all(service).await {
        let about_theirs = ask(service, key, &route, theirs).await;
        let about_nothing = ask(service, key, &route, nothing).await;
        assert_eq!(said(&about_theirs, theirs), said(&about_nothing, nothing), "{} {}", route.method, route.template);
    }
}

async fn a_key_of_another_site_finds_nothing(on: Keeps) {
    let service = on.service_around(&site::SEALED, |query| query).await;
    let acme = Tenant::settled(&service, "acme").await;
    let before = acme.all(&service).await;
    Tenant::settled(&service, "other").await;
    let other: attachlink::domain::ids::SiteId = "other".parse().unwrap();
    for binding in [Binding::Site(other.clone()), Binding::Project(other, "SUP".parse().unwrap())] {
        let foreign = key(&service, true, true, binding).await;
        is_as_nothing(&service, &foreign, &acme.ids, &acme.ids.in_site("nowhere")).await;
        assert_eq!(acme.all(&service).await, before, "nothing of the site has changed");
    }
}

async fn a_key_of_another_project_finds_nothing(on: Keeps) {
    let service = on.service_around(&site::SEALED, |query| query).await;
    let acme = Tenant::settled(&service, "acme").await;
    let before = acme.all(&service).await;
    let foreign = key(&service, true, true, Binding::Project("acme".parse().unwrap(), "DEV".parse().unwrap())).await;
    is_as_nothing(&service, &foreign, &acme.ids, &acme.ids.in_no_project()).await;
    assert_eq!(acme.all(&service).await, before, "nothing of the project has changed");
}

async fn ids_of_another_site_are_ids_of_nothing(on: Keeps) {
    let service = on.service_around(&site::SEALED, |query| query).await;
    let acme = Tenant::settled(&service, "acme").await;
    let before = acme.all(&service).await;
    for site in ["other", "another"] {
        service.site(site).await;
    }
    // The same in two sites that are empty: once with ids that are somebody else's, once with ids of nothing.
    is_as_nothing(&service, &service.key, &acme.ids.in_site("other"), &Ids::of_nothing().in_site("another")).await;
    assert_eq!(acme.all(&service).await, before, "nothing of the site has changed");
}

/// So that the others do not compare one refusal with another.
async fn every_call_works_for_its_own_site(on: Keeps) {
    let service = on.service_around(&site::SEALED, |query| query).await;
    for (number, route) in Route::all(&service).await.iter().enumerate() {
        let tenant = Tenant::settled(&service, &format!("site-{number}")).await;
        let own = key(&service, true, true, Binding::Site(tenant.ids.site.parse().unwrap())).await;
        let own = if route.needs_an_unbound_key() { &service.key } else { &own };
        let reply = ask(&service, own, route, &tenant.ids).await;
        assert!(reply.status.is_success(), "{} {}: {:?}", route.method, route.template, reply.body);
    }
}

async fn questions_about_another_site_are_answered_as_about_none(on: Keeps) {
    let service = on.service_around(&site::SEALED, |query| query).await;
    let acme = Tenant::settled(&service, "acme").await;
    service.site("other").await;
    let foreign = key(&service, true, true, Binding::Site("other".parse().unwrap())).await;
    for ids in [&acme.ids, &acme.ids.in_site("nowhere")] {
        for (kind, action, id) in ids.resources() {
            let asked = serde_json::json!({"subject": {"type": "customer", "id": ids.email},
                "action": {"name": action}, "resource": {"type": kind, "id": id}});
            let post = |key: &str| {
                let request = http::Request::post(format!("http://{}/access/v1/evaluation", service.running.api_addr))
                    .header("authorization", format!("Bearer {key}"))
                    .header("content-type", "application/json");
                service.send(request.body(asked.to_string().into()).expect("a request"))
            };
            let answer = post(&foreign).await.ok(200).json();
            assert_eq!((&answer["decision"], &answer["context"]["error"]["status"]), (&false.into(), &404.into()));
            let own = post(&service.key).await.ok(200).json();
            assert_eq!(own["context"]["error"].is_null(), ids.site == "acme", "{kind}");
        }
    }
}

/// A route's method, as the description writes it.
fn method(name: &str) -> Method {
    name.to_uppercase().parse().expect("a method")
}

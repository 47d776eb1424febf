//! Customers, accounts, organizations, tags and requests, through the API.

use attachlink::domain::access::Binding;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Service, comment_path};
use crate::keeps::{Keeps, with_each_database};
use crate::portal_settings::key;

with_each_database!(
    people_are_added_listed_and_taken_off,
    lists_come_in_pages,
    who_is_added_has_an_account_and_without_one_is_nowhere,
    a_key_of_a_project_changes_nothing_of_the_whole_site,
    nobody_is_tagged_in_a_deleted_comment,
    requests_say_whose_they_are,
    requests_are_listed_in_pages,
    programs_are_on_no_request,
    a_request_without_login_is_flagged_until_its_address_is_proved,
);

const ACCOUNTS: &str = "/sites/acme/accounts";
const CUSTOMERS: &str = "/sites/acme/projects/SUP/customers";
const MEMBERS: &str = "/sites/acme/organizations/globex/members";
const REQUEST: &str = "/sites/acme/projects/SUP/requests/SUP-1";

async fn acme(on: Keeps) -> Service {
    let service = on.service().await;
    service.site("acme").await;
    service
}

fn lists() -> Vec<String> {
    let tagged = format!("{}/customers", comment_path("c1"));
    [ACCOUNTS, CUSTOMERS, MEMBERS, &tagged].map(ToOwned::to_owned).to_vec()
}

async fn add(service: &Service, list: &str, person: &str) -> crate::harness::Reply {
    service.call_as(&service.key, Method::PUT, &format!("{list}/{person}"), None).await
}

async fn people(service: &Service, list: &str) -> Vec<String> {
    let page = service.get(list).await.ok(200).json();
    assert_eq!(page["next"], Value::Null);
    let people = page["people"].as_array().unwrap();
    people.iter().map(|person| person["email"].as_str().unwrap().to_owned()).collect()
}

async fn people_are_added_listed_and_taken_off(on: Keeps) {
    let service = acme(on).await;
    for list in lists() {
        assert!(people(&service, &list).await.is_empty());
        let added = add(&service, &list, "Ana%2Bx%40Customer.EXAMPLE").await.ok(201).json();
        assert_eq!(added, json!({"email": "ana+x@customer.example"}));
        // The same address however it is written; the body is nothing, or an empty object.
        let again = service.put(&format!("{list}/ANA+x@customer.example"), json!({})).await.ok(200).json();
        assert_eq!(again, added);
        service.put(&format!("{list}/ana@x.example"), json!({"a": 1})).await.refused(422, "invalid_request");
        let bad = add(&service, &list, "no-address").await;
        bad.refused(422, "invalid_request");
        assert_eq!(bad.json()["field"], "email");
        add(&service, &list, "o'neil%2Fx%40y.example").await.ok(201);
        assert_eq!(people(&service, &list).await, ["ana+x@customer.example", "o'neil/x@y.example"]);
        for _ in 0..2 {
            service.delete(&format!("{list}/ana%2bx@customer.example")).await.ok(204);
            assert_eq!(people(&service, &list).await, ["o'neil/x@y.example"], "{list}");
        }
        let elsewhere = list.replace("acme", "none");
        service.get(&elsewhere).await.refused(404, "site_not_found");
        add(&service, &elsewhere, "a@b.example").await.refused(404, "site_not_found");
        service.delete(&format!("{elsewhere}/a@b.example")).await.refused(404, "site_not_found");
        service.delete(&format!("{ACCOUNTS}/o'neil%2Fx@y.example")).await.ok(204);
    }
}

async fn lists_come_in_pages(on: Keeps) {
    let service = acme(on).await;
    for list in lists() {
        for number in 0..5 {
            add(&service, &list, &format!("n{number}@a.example")).await.ok(201);
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        for pages in 1.. {
            let page = service.get(&format!("{list}?limit=2{after}")).await.ok(200).json();
            seen.extend(page["people"].as_array().unwrap().iter().map(|person| person["email"].clone()));
            let Some(next) = page["next"].as_str() else {
                assert_eq!(pages, 3);
                break;
            };
            after = format!("&after={next}");
        }
        assert_eq!(seen, (0..5).map(|number| json!(format!("n{number}@a.example"))).collect::<Vec<_>>());
        service.get(&format!("{list}?limit=0")).await.refused(422, "invalid_request");
        service.get(&format!("{list}?after=x")).await.refused(422, "invalid_request");
        // The next list starts without accounts.
        for number in 0..5 {
            service.delete(&format!("{ACCOUNTS}/n{number}@a.example")).await.ok(204);
        }
    }
}

async fn who_is_added_has_an_account_and_without_one_is_nowhere(on: Keeps) {
    let service = acme(on).await;
    add(&service, CUSTOMERS, "ana@a.example").await.ok(201);
    add(&service, "/sites/acme/projects/DEV/customers", "ana@a.example").await.ok(201);
    add(&service, &format!("{}/customers", comment_path("c1")), "ben@a.example").await.ok(201);
    assert_eq!(people(&service, ACCOUNTS).await, ["ana@a.example", "ben@a.example"]);
    add(&service, MEMBERS, "ben@a.example").await.ok(201);
    add(&service, MEMBERS, "ana@a.example").await.ok(201);
    assert_eq!(people(&service, ACCOUNTS).await, ["ana@a.example", "ben@a.example"]);
    service.delete(&format!("{CUSTOMERS}/ana@a.example")).await.ok(204);
    assert_eq!(people(&service, ACCOUNTS).await, ["ana@a.example", "ben@a.example"], "the account stays");

    service.delete(&format!("{ACCOUNTS}/ana@a.example")).await.ok(204);
    assert_eq!(people(&service, ACCOUNTS).await, ["ben@a.example"]);
    assert_eq!(people(&service, MEMBERS).await, ["ben@a.example"]);
    assert!(people(&service, "/sites/acme/projects/DEV/customers").await.is_empty());
    add(&service, ACCOUNTS, "ana@a.example").await.ok(201);
    assert!(people(&service, CUSTOMERS).await.is_empty(), "an account made anew brings nothing back");
}

async fn a_key_of_a_project_changes_nothing_of_the_whole_site(on: Keeps) {
    let service = acme(on).await;
    let binding = Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap());
    let of_project = key(&service, true, false, binding).await;
    let admin = key(&service, false, true, Binding::Unbound).await;
    let body = json!({"reporter": "ana@a.example", "channel": "portal"});
    for list in lists() {
        let path = format!("{list}/ana@a.example");
        let whole_site = list == ACCOUNTS || list == MEMBERS;
        for method in [Method::PUT, Method::DELETE] {
            let reply = service.call_as(&of_project, method.clone(), &path, None).await;
            if whole_site {
                reply.refused(404, "site_not_found");
            } else {
                assert!(reply.status.is_success(), "{path}");
            }
            service.call_as(&admin, method, &path, None).await.refused(403, "missing_scope");
        }
        let reply = service.call_as(&of_project, Method::GET, &list, None).await;
        assert_eq!(reply.status.is_success(), !whole_site);
    }
    service.call_as(&of_project, Method::PUT, REQUEST, Some(body.clone())).await.ok(201);
    let elsewhere = REQUEST.replace("/SUP/", "/DEV/");
    service.call_as(&of_project, Method::PUT, &elsewhere, Some(body)).await.refused(404, "project_not_found");
}

async fn nobody_is_tagged_in_a_deleted_comment(on: Keeps) {
    let service = acme(on).await;
    let tagged = format!("{}/customers", comment_path("c1"));
    let other = format!("{}/customers", comment_path("c2"));
    for list in [&tagged, &other] {
        add(&service, list, "ana@a.example").await.ok(201);
    }
    service.delete(&comment_path("c1")).await.ok(204);
    assert!(people(&service, &tagged).await.is_empty());
    assert_eq!(people(&service, &other).await, ["ana@a.example"]);
    add(&service, &tagged, "ana@a.example").await.refused(409, "comment_deleted");
    service.delete(&format!("{tagged}/ana@a.example")).await.ok(204);
}

async fn requests_say_whose_they_are(on: Keeps) {
    let service = acme(on).await;
    service.get(REQUEST).await.refused(404, "request_not_found");
    service.get(&REQUEST.replace("acme", "none")).await.refused(404, "site_not_found");
    let body = json!({"reporter": "Ana@A.example", "participants": ["cleo@c.example", "Ben@B.example", "ben@b.example"],
        "organizations": ["globex", "acme"], "private": false, "channel": "portal"});
    let registered = service.put(REQUEST, body.clone()).await.ok(201).json();
    let expected = json!({"request": "SUP-1", "reporter": "ana@a.example",
        "participants": ["ben@b.example", "cleo@c.example"], "organizations": ["acme", "globex"], "private": false,
        "channel": "portal", "address_unproved": false, "agents_comment": null, "advisories": []});
    assert_eq!(registered, expected);
    assert_eq!(service.put(REQUEST, body).await.ok(200).json(), expected);
    assert_eq!(service.get(REQUEST).await.ok(200).json(), expected);
    assert_eq!(people(&service, ACCOUNTS).await, ["ana@a.example", "ben@b.example", "cleo@c.example"]);

    let alone = json!({"reporter": "ben@b.example", "private": true, "channel": "agent"});
    let replaced = service.put(REQUEST, alone).await.ok(200).json();
    assert_eq!((&replaced["participants"], &replaced["organizations"]), (&json!([]), &json!([])));
    // Only whom an agent raises a request for becomes a customer of the project.
    assert_eq!(people(&service, "/sites/acme/projects/SUP/customers").await, ["ben@b.example"]);
    for (field, body) in [
        (
            "private",
            json!({"reporter": "a@a.example", "participants": ["b@b.example"], "private": true, "channel": "email"}),
        ),
        ("reporter", json!({"reporter": "a", "channel": "email"})),
        ("participants[0]", json!({"reporter": "a@a.example", "participants": ["x"], "channel": "email"})),
        ("channel", json!({"reporter": "a@a.example"})),
        ("channel", json!({"reporter": "a@a.example", "channel": "fax"})),
    ] {
        let reply = service.put(REQUEST, body).await;
        reply.refused(422, "invalid_request");
        assert_eq!(reply.json()["field"], field);
    }
    for _ in 0..2 {
        service.delete(REQUEST).await.ok(204);
        service.get(REQUEST).await.refused(404, "request_not_found");
    }
}

async fn requests_are_listed_in_pages(on: Keeps) {
    let service = acme(on).await;
    let list = "/sites/acme/projects/SUP/requests";
    let empty = json!({"requests": [], "next": null});
    for nothing in [list, "/sites/acme/projects/NEW/requests"] {
        assert_eq!(service.get(nothing).await.ok(200).json(), empty);
    }
    service.get("/sites/none/projects/SUP/requests").await.refused(404, "site_not_found");
    let mut registered = Vec::new();
    for number in 1..=5 {
        let body = json!({"reporter": "ana@a.example", "participants": [format!("p{number}@a.example"), "ben@b.example"],
            "organizations": ["globex"], "channel": "portal_without_login"});
        registered.push(service.put(&format!("{list}/SUP-{number}"), body).await.ok(201).json());
    }
    let elsewhere = list.replace("SUP", "DEV");
    service.put(&format!("{elsewhere}/DEV-1"), json!({"reporter": "a@a.example", "channel": "agent"})).await.ok(201);

    let (mut seen, mut after) = (Vec::new(), String::new());
    for page in 1..=3 {
        let answer = service.get(&format!("{list}?limit=2{after}")).await.ok(200).json();
        seen.extend(answer["requests"].as_array().unwrap().iter().cloned());
        assert_eq!(answer["next"].is_null(), page == 3, "{answer}");
        after = format!("&after={}", answer["next"].as_str().unwrap_or_default());
    }
    assert_eq!(seen, registered);
    assert_eq!(service.get(list).await.ok(200).json(), json!({"requests": registered, "next": null}));
    service.get(&format!("{list}?limit=101")).await.refused(422, "invalid_request");
    service.get(&format!("{list}?after=a%20b")).await.refused(422, "invalid_request");
    service.delete(&format!("{list}/SUP-2")).await.ok(204);
    let left = service.get(&format!("{list}?limit=2")).await.ok(200).json();
    assert_eq!((&left["requests"][1]["request"], &left["next"]), (&json!("SUP-3"), &json!("SUP-3")));
}

async fn programs_are_on_no_request(on: Keeps) {
    let service = acme(on).await;
    for (field, reporter, participant) in [
        ("reporter", "No_Reply+7@a.example", "ben@b.example"),
        ("participants", "ana@a.example", "SERVICE-DESK@b.example"),
    ] {
        let body = json!({"reporter": reporter, "participants": [participant], "channel": "email"});
        let reply = service.put(REQUEST, body).await;
        reply.refused(422, "automatic_address");
        assert_eq!(reply.json()["field"], field);
    }
    service.get(REQUEST).await.refused(404, "request_not_found");
    assert!(people(&service, ACCOUNTS).await.is_empty(), "nothing of a refused request stays");
}

async fn a_request_without_login_is_flagged_until_its_address_is_proved(on: Keeps) {
    let service = acme(on).await;
    let permissions = "/sites/acme/projects/SUP/customer-permissions";
    let body = json!({"reporter": "ana@a.example", "channel": "portal_without_login"});
    for flagged in [false, true] {
        service.put(permissions, json!({"flag_anonymous_requests": flagged})).await.ok(200);
        let request = service.put(REQUEST, body.clone()).await.json();
        assert_eq!(
            (&request["address_unproved"], &request["advisories"]),
            (&json!(true), &json!(["login_free_active"]))
        );
        assert_eq!(request["agents_comment"].is_string(), flagged);
        assert_eq!(service.get(REQUEST).await.ok(200).json(), request);
    }
    // Being added by an agent proves nothing; signing up does, and so does another request by email.
    add(&service, CUSTOMERS, "ana@a.example").await.ok(201);
    assert_eq!(service.get(REQUEST).await.json()["address_unproved"], true);
    add(&service, ACCOUNTS, "ana@a.example").await.ok(200);
    let proved = service.get(REQUEST).await.json();
    assert_eq!((&proved["address_unproved"], &proved["agents_comment"]), (&json!(false), &Value::Null));
    assert_eq!(proved["advisories"], json!([]));

    let other = REQUEST.replace("SUP-1", "SUP-2");
    let body = json!({"reporter": "ben@b.example", "channel": "portal_without_login"});
    assert_eq!(service.put(&other, body).await.ok(201).json()["address_unproved"], true);
    let by_email = json!({"reporter": "ben@b.example", "channel": "email"});
    service.put(&REQUEST.replace("SUP-1", "SUP-3"), by_email).await.ok(201);
    assert_eq!(service.get(&other).await.json()["address_unproved"], false);
}

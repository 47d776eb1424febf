//! The `AuthZEN` calls: the standard's forms, and decisions on real settings.

use attachlink::domain::access::Binding;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::harness::{Reply, Service, comment_path};
use crate::keeps::{Keeps, with_each_database};
use crate::portal_settings::key;

with_each_database!(
    the_products_table,
    those_who_are_on_the_request_download_and_nobody_else,
    a_project_made_again_has_requests_of_its_own,
    sharing_goes_as_far_as_the_setting,
    forms_and_bots,
    the_knowledge_base_names_what_is_missing,
    one_question_in_the_standards_form,
    many_questions_in_the_standards_form,
    a_key_asks_about_its_own_only,
);

async fn ask_as(service: &Service, key: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post(format!("http://{}{path}", service.running.api_addr))
        .header("authorization", format!("Bearer {key}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    service.send(request.body(Full::new(body.into())).expect("a request")).await
}

pub async fn post(service: &Service, path: &str, body: &Value) -> Reply {
    ask_as(service, &service.key, path, body, &[("content-type", "application/json")]).await
}

fn question(subject: (&str, &str), action: &str, resource: (&str, &str), context: &Value) -> Value {
    json!({"subject": {"type": subject.0, "id": subject.1}, "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1}, "context": context})
}

/// The decision in a few words: the reason, and what would help.
async fn ask(service: &Service, subject: (&str, &str), action: &str, resource: (&str, &str), context: Value) -> String {
    let asked = question(subject, action, resource, &context);
    let answer = post(service, "/access/v1/evaluation", &asked).await.ok(200).json();
    let context = &answer["context"];
    let help: Vec<&str> = context["help"].as_array().unwrap().iter().map(|help| help.as_str().unwrap()).collect();
    let reason = context["reason"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(context["reason_user"]["en"].is_string());
    if answer["decision"].as_bool().unwrap() {
        format!("yes: {reason}")
    } else {
        format!("no: {reason}, {}", help.join(" "))
    }
}

const PORTAL: (&str, &str) = ("portal", "acme/SUP");
const REQUEST: (&str, &str) = ("request", "acme/SUP/SUP-1");

async fn settings(service: &Service, access: Value, permissions: Value) {
    service.site("acme").await;
    service.put("/sites/acme/customer-access", access).await.ok(200);
    service.put("/sites/acme/projects/SUP/customer-permissions", permissions).await.ok(200);
}

async fn add(service: &Service, path: &str) {
    let reply = service.call_as(&service.key, Method::PUT, path, None).await;
    assert!(reply.status.is_success(), "{path} {:?}", reply.body);
}

async fn the_products_table(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    add(&service, "/sites/acme/accounts/ana@a.example").await;
    add(&service, "/sites/acme/projects/SUP/customers/ben@b.example").await;
    let (visitor, ana, ben) = (("visitor", "v"), ("customer", "Ana@A.example"), ("customer", "ben@b.example"));
    let login = "no: login_required, log_in create_account";
    let agent = "no: login_required, log_in ask_an_agent";
    let added = "no: not_added, ask_an_agent";
    // Accounts, login-free, channel; then help center and portal for a visitor, raising for a visitor, a customer, one
    // who is added, and an unknown sender.
    for (accounts, without_login, channel, expected) in [
        (
            true,
            true,
            "open",
            ["yes: anyone", "yes: anyone", "yes: login_free", "yes: customer", "yes: added", "yes: account_made"],
        ),
        (true, false, "open", ["yes: anyone", login, login, "yes: customer", "yes: added", "yes: account_made"]),
        (
            true,
            true,
            "accounts",
            ["yes: anyone", login, login, "yes: customer", "yes: added", "no: unknown_sender, create_account"],
        ),
        (true, false, "restricted", ["yes: anyone", agent, agent, added, "yes: added", added]),
        (
            false,
            false,
            "open",
            [agent, agent, agent, "yes: customer", "yes: added", "no: unknown_sender, ask_an_agent"],
        ),
        (false, false, "restricted", [agent, agent, agent, added, "yes: added", added]),
    ] {
        let access = json!({"external_customers": {"create_accounts": accounts}, "outgoing_mail": true,
            "portal_without_login": without_login});
        settings(&service, access, json!({"channel_access": channel})).await;
        let asked = [
            ask(&service, visitor, "view_help_center", ("site", "acme"), json!({})).await,
            ask(&service, visitor, "view_portal", PORTAL, json!({})).await,
            ask(&service, visitor, "raise_request", PORTAL, json!({})).await,
            ask(&service, ana, "raise_request", PORTAL, json!({})).await,
            ask(&service, ben, "raise_request", PORTAL, json!({})).await,
            ask(&service, ("sender", "new@n.example"), "raise_request_by_email", PORTAL, json!({})).await,
        ];
        assert_eq!(asked, expected, "{accounts} {without_login} {channel}");
    }
    let program = ask(&service, ("sender", "no-reply+1@n.example"), "raise_request_by_email", PORTAL, json!({})).await;
    assert_eq!(program, "no: automatic_address, ");
    // Without the account, a customer is nobody.
    service.delete("/sites/acme/accounts/ben@b.example").await.ok(204);
    assert_eq!(ask(&service, ben, "raise_request", PORTAL, json!({})).await, "no: unknown_customer, ask_an_agent");
}

async fn those_who_are_on_the_request_download_and_nobody_else(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    for (comment, attachment) in [("c1", "a1"), ("c2", "a1"), ("c3", "a1")] {
        service.attach(comment, attachment, "x.txt", "text/plain", "x").await;
    }
    for comment in ["c1", "c2"] {
        let notified = json!({"request": "SUP-1", "message_size": 1});
        service.post(&format!("{}/notifications", comment_path(comment)), notified).await.ok(200);
    }
    let request = json!({"reporter": "ana@a.example", "participants": ["ben@b.example"], "organizations": ["globex"],
        "channel": "portal"});
    service.put("/sites/acme/projects/SUP/requests/SUP-1", request).await.ok(201);
    add(&service, "/sites/acme/organizations/globex/members/cleo@c.example").await;
    add(&service, &format!("{}/customers/dora@d.example", comment_path("c1"))).await;
    for account in ["dora@d.example", "eve@e.example"] {
        add(&service, &format!("/sites/acme/accounts/{account}")).await;
    }
    let download = async |who: &str, attachment: &str| {
        let resource = format!("acme/SUP/{attachment}");
        ask(&service, ("customer", who), "download_attachment", ("attachment", &resource), json!({})).await
    };
    let no = "no: not_on_request, ask_an_agent";
    for (who, c1, c2) in [
        ("ana@a.example", "yes: reporter", "yes: reporter"),
        ("ben@b.example", "yes: participant", "yes: participant"),
        ("cleo@c.example", "yes: organization", "yes: organization"),
        ("dora@d.example", "yes: tagged", no),
        ("eve@e.example", no, no),
    ] {
        assert_eq!((&*download(who, "c1/a1").await, &*download(who, "c2/a1").await), (c1, c2), "{who}");
        // Of what there is not, and of what is on no known request, nobody has anything.
        for nothing in ["c1/none", "none/a1", "c3/a1"] {
            assert_eq!(download(who, nothing).await, no, "{who} {nothing}");
        }
    }
    for action in ["view_request", "comment_on_request"] {
        assert_eq!(
            ask(&service, ("customer", "cleo@c.example"), action, REQUEST, json!({})).await,
            "yes: organization"
        );
        assert_eq!(ask(&service, ("customer", "dora@d.example"), action, REQUEST, json!({})).await, no);
        assert_eq!(ask(&service, ("visitor", "v"), action, REQUEST, json!({})).await, "no: login_required, log_in");
    }
    let by_email = async |who: &str| ask(&service, ("sender", who), "comment_by_email", REQUEST, json!({})).await;
    assert_eq!((&*by_email("BEN@b.example").await, &*by_email("eve@e.example").await), ("yes: participant", no));

    let private = json!({"reporter": "ana@a.example", "private": true, "channel": "portal"});
    service.put("/sites/acme/projects/SUP/requests/SUP-1", private).await.ok(200);
    assert_eq!(download("ben@b.example", "c1/a1").await, no);
    assert_eq!(download("ana@a.example", "c1/a1").await, "yes: reporter");
    service.delete(&comment_path("c1")).await.ok(204);
    for who in ["ana@a.example", "dora@d.example"] {
        assert_eq!(download(who, "c1/a1").await, no, "the comment is deleted");
    }
    assert_eq!(download("ana@a.example", "c2/a1").await, "yes: reporter");
    service.delete("/sites/acme/projects/SUP").await.ok(204);
    assert_eq!(download("ana@a.example", "c2/a1").await, no);
}

async fn a_project_made_again_has_requests_of_its_own(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    let notify = async |comment: &str| {
        let notified = json!({"request": "SUP-1", "message_size": 1});
        service.post(&format!("{}/notifications", comment_path(comment)), notified).await.ok(200);
    };
    let download = async |who: &str, attachment: &str| {
        let resource = format!("acme/SUP/{attachment}");
        ask(&service, ("customer", who), "download_attachment", ("attachment", &resource), json!({})).await
    };
    let made = async |reporter: &str| {
        for comment in ["c1", "c2"] {
            service.attach(comment, "a1", "x.txt", "text/plain", "x").await;
        }
        let request = json!({"reporter": reporter, "channel": "portal"});
        service.put("/sites/acme/projects/SUP/requests/SUP-1", request).await.ok(201);
    };
    // The request of one comment is named before there is a project.
    notify("c1").await;
    made("ana@a.example").await;
    notify("c2").await;
    for comment in ["c1/a1", "c2/a1"] {
        assert_eq!(download("ana@a.example", comment).await, "yes: reporter");
    }
    service.delete("/sites/acme/projects/SUP").await.ok(204);
    made("eve@e.example").await;
    for (who, comment) in [("ana@a.example", "c1/a1"), ("eve@e.example", "c1/a1"), ("eve@e.example", "c2/a1")] {
        assert_eq!(download(who, comment).await, "no: not_on_request, ask_an_agent", "{who} {comment}");
    }
    notify("c1").await;
    assert_eq!(download("eve@e.example", "c1/a1").await, "yes: reporter");
    assert_eq!(download("eve@e.example", "c2/a1").await, "no: not_on_request, ask_an_agent");
}

async fn sharing_goes_as_far_as_the_setting(on: Keeps) {
    let service = on.service().await;
    let ana = ("customer", "ana@a.example");
    let open = json!({"external_customers": {"create_accounts": true}});
    settings(&service, open.clone(), json!({})).await;
    service
        .put("/sites/acme/projects/SUP/requests/SUP-1", json!({"reporter": "ana@a.example", "channel": "portal"}))
        .await
        .ok(201);
    for path in [
        "organizations/globex/members/ana@a.example",
        "organizations/globex/members/ben@b.example",
        "organizations/other/members/cleo@c.example",
        "projects/SUP/customers/ana@a.example",
    ] {
        add(&service, &format!("/sites/acme/{path}")).await;
    }
    let share = async |with: Value| ask(&service, ana, "share_request", REQUEST, json!({"share_with": with})).await;
    let outside = "no: outside_organization, ask_an_agent";
    let stranger = "no: not_a_customer, ask_an_agent";
    for (sharing, found, typed, new, other) in [
        ("organization", outside, outside, outside, outside),
        ("any_customer_by_email", outside, "yes: exact_address", "yes: becomes_customer", outside),
        ("any_in_project", "yes: within_project", "yes: exact_address", "yes: becomes_customer", "yes: within_project"),
    ] {
        settings(&service, open.clone(), json!({"channel_access": "open", "sharing": sharing})).await;
        assert_eq!(share(json!({"email": "ben@b.example", "found_by": "search"})).await, "yes: within_organization");
        assert_eq!(share(json!({"email": "cleo@c.example", "found_by": "search"})).await, found, "{sharing}");
        assert_eq!(share(json!({"email": "cleo@c.example"})).await, typed, "{sharing}");
        assert_eq!(share(json!({"email": "new@n.example"})).await, new, "{sharing}");
        assert_eq!(share(json!({"organization": "globex"})).await, "yes: within_organization");
        assert_eq!(share(json!({"organization": "other"})).await, other, "{sharing}");
        let participant = json!({"participant": {"email": "new@n.example"}});
        let added = ask(&service, ana, "add_participant", REQUEST, participant).await;
        assert_eq!(added, if sharing == "organization" { outside } else { stranger });
        let picker = ask(&service, ana, "search_customers", PORTAL, json!({"field": "user_picker"})).await;
        assert_eq!(picker.starts_with("yes"), sharing == "any_in_project");
    }
    assert_eq!(share(json!({"email": "mailer-daemon@n.example"})).await, "no: automatic_address, ");
}

async fn forms_and_bots(on: Keeps) {
    let service = on.service().await;
    let access =
        json!({"external_customers": {"create_accounts": true}, "outgoing_mail": true, "portal_without_login": true});
    settings(&service, access, json!({"channel_access": "open"})).await;
    let visitor = ("visitor", "new@n.example");
    let fields = json!({"required_fields": ["summary", "Fix versions", "customfield_1"]});
    let asked = question(visitor, "raise_request", PORTAL, &fields);
    let answer = post(&service, "/access/v1/evaluation", &asked).await.ok(200).json();
    assert_eq!((&answer["decision"], &answer["context"]["reason"]), (&json!(false), &json!("field_needs_login")));
    assert_eq!(answer["context"]["help"], json!(["log_in", "create_account"]));
    assert_eq!(answer["context"]["because_of"], json!(["fix_versions"]));
    let fields = json!({"required_fields": ["summary", "customfield_1"]});
    assert_eq!(ask(&service, visitor, "raise_request", PORTAL, fields).await, "yes: login_free");
    // What it offers besides is left out for a visitor, as far as it needs a login, and for nobody else.
    let optional = json!({"optional_fields": ["Labels", "summary", "asset_objects", "customfield_1"]});
    add(&service, "/sites/acme/accounts/ana@a.example").await;
    for (subject, hidden) in
        [(visitor, json!(["Labels", "asset_objects"])), (("customer", "ana@a.example"), json!(null))]
    {
        let asked = question(subject, "raise_request", PORTAL, &optional);
        let answer = post(&service, "/access/v1/evaluation", &asked).await.ok(200).json();
        assert_eq!((&answer["decision"], &answer["context"]["hidden_fields"]), (&json!(true), &hidden));
    }
    for (action, resource) in [("raise_request", PORTAL), ("create_account", ("site", "acme"))] {
        assert_eq!(ask(&service, visitor, action, resource, json!({"honeypot": "x"})).await, "no: bot, ");
        assert!(ask(&service, visitor, action, resource, json!({"honeypot": ""})).await.starts_with("yes"));
    }
}

async fn the_knowledge_base_names_what_is_missing(on: Keeps) {
    let service = on.service().await;
    for (for_all, space, global, missing) in [
        (true, true, true, json!(null)),
        (true, true, false, json!(["global_anonymous_access"])),
        (true, false, true, json!(["space_anonymous_access"])),
        (false, true, true, json!(["viewing"])),
    ] {
        let viewing = if for_all { "all" } else { "agents" };
        let permissions = json!({"knowledge_base": {"viewing": viewing, "space_anonymous_access": space}});
        settings(&service, json!({"knowledge_base": {"global_anonymous_access": global}}), permissions).await;
        let asked = question(("visitor", "v"), "view_knowledge_base", ("knowledge_base", "acme/SUP"), &json!({}));
        let answer = post(&service, "/access/v1/evaluation", &asked).await.ok(200).json();
        assert_eq!((&answer["decision"], &answer["context"]["because_of"]), (&json!(missing.is_null()), &missing));
    }
}

async fn one_question_in_the_standards_form(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    let whole = json!({"subject": {"type": "agent", "id": "7", "properties": {"role": "x"}}, "action": {"name": "view_portal",
        "properties": {"method": "GET"}}, "resource": {"type": "portal", "id": "acme/SUP"}, "future": {"x": 1},
        "context": {"time": "2026-11-21T10:00:00Z"}});
    let json_type = ("content-type", "application/json");
    let reply =
        ask_as(&service, &service.key, "/access/v1/evaluation", &whole, &[json_type, ("x-request-id", "r 7")]).await;
    assert_eq!((reply.header("x-request-id"), reply.header("content-type")), ("r 7", "application/json"));
    assert_eq!(reply.ok(200).json()["decision"], true);

    for missing in [
        "/subject",
        "/action",
        "/resource",
        "/subject/type",
        "/subject/id",
        "/action/name",
        "/resource/type",
        "/resource/id",
    ] {
        let (parent, name) = missing.rsplit_once('/').unwrap();
        let mut partial = whole.clone();
        partial.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let reply =
            ask_as(&service, &service.key, "/access/v1/evaluation", &partial, &[json_type, ("x-request-id", "r8")])
                .await;
        reply.refused(400, "invalid_request");
        assert_eq!(reply.header("x-request-id"), "r8");
    }
    let mut wrong = whole.clone();
    wrong["subject"] = json!("alice");
    post(&service, "/access/v1/evaluation", &wrong).await.refused(400, "invalid_request");
    wrong["subject"] = whole["subject"].clone();
    wrong["action"]["name"] = json!(123);
    post(&service, "/access/v1/evaluation", &wrong).await.refused(400, "invalid_request");
    post(&service, "/access/v1/evaluation", &Value::Null).await.refused(400, "malformed_json");
    ask_as(&service, &service.key, "/access/v1/evaluation", &whole, &[("content-type", "text/plain")])
        .await
        .refused(400, "invalid_request");
    ask_as(&service, "nobody", "/access/v1/evaluation", &whole, &[json_type]).await.refused(401, "unauthorized");
    // What is a question, but of nothing that is known, is a no.
    for (at, value) in
        [("/subject/type", "robot"), ("/action/name", "fly"), ("/resource/type", "planet"), ("/resource/id", "acme")]
    {
        let mut unknown = whole.clone();
        *unknown.pointer_mut(at).unwrap() = json!(value);
        let answer = post(&service, "/access/v1/evaluation", &unknown).await.ok(200).json();
        assert_eq!((&answer["decision"], &answer["context"]["error"]["status"]), (&json!(false), &json!(400)), "{at}");
    }
    let configuration = format!("http://{}/.well-known/authzen-configuration", service.running.api_addr);
    let base = format!("http://{}", service.running.api_addr);
    assert_eq!(
        service.open(&configuration).await.ok(200).json(),
        json!({"policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations")})
    );
}

async fn many_questions_in_the_standards_form(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    let ask = async |semantic: Option<&str>, evaluations: Value| {
        let mut body = json!({"subject": {"type": "agent", "id": "7"}, "resource": {"type": "portal", "id": "acme/SUP"},
            "action": {"name": "view_portal"}, "evaluations": evaluations});
        if let Some(semantic) = semantic {
            body["options"] = json!({"evaluations_semantic": semantic});
        }
        let answer = post(&service, "/access/v1/evaluations", &body).await.ok(200).json();
        assert_eq!(answer.get("decision"), None);
        answer["evaluations"].as_array().unwrap().iter().map(|it| it["decision"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    let portal = json!({"resource": {"type": "portal", "id": "acme/SUP"}});
    let visitor = json!({"subject": {"type": "visitor", "id": "v"}});
    let all = json!([portal, visitor, portal]);
    assert_eq!(ask(None, all.clone()).await, [true, false, true]);
    assert_eq!(ask(Some("execute_all"), all.clone()).await, [true, false, true]);
    assert_eq!(ask(Some("deny_on_first_deny"), all.clone()).await, [true, false]);
    assert_eq!(ask(Some("permit_on_first_permit"), json!([visitor, portal, visitor])).await, [false, true]);
    // All of it may come from beside them; what stands in a question is not mixed with that.
    assert_eq!(ask(None, json!([{}, {"resource": {"id": "acme/SUP"}}])).await, [true, false]);
    // One that is none does not keep the others from being answered.
    assert_eq!(ask(None, json!([portal, {"resource": 7}, 5, portal])).await, [true, false, false, true]);

    let alone = json!({"subject": {"type": "agent", "id": "7"}, "resource": {"type": "portal", "id": "acme/SUP"},
        "action": {"name": "view_portal"}});
    for empty in [false, true] {
        let mut body = alone.clone();
        if empty {
            body["evaluations"] = json!([]);
        }
        assert_eq!(post(&service, "/access/v1/evaluations", &body).await.ok(200).json()["decision"], true);
    }
    post(&service, "/access/v1/evaluations", &json!({})).await.refused(400, "invalid_request");
    let mut wrong = alone.clone();
    wrong["options"] = json!({"evaluations_semantic": "at_random"});
    wrong["evaluations"] = json!([{}]);
    post(&service, "/access/v1/evaluations", &wrong).await.refused(400, "invalid_request");
    wrong["options"] = json!({});
    wrong["evaluations"] = json!(vec![json!({}); 101]);
    post(&service, "/access/v1/evaluations", &wrong).await.refused(400, "invalid_request");
}

async fn a_key_asks_about_its_own_only(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    service.site("other").await;
    let admin = key(&service, false, true, Binding::Unbound).await;
    let of_site = key(&service, true, false, Binding::Site("acme".parse().unwrap())).await;
    let of_project =
        key(&service, true, false, Binding::Project("acme".parse().unwrap(), "SUP".parse().unwrap())).await;
    let json_type = [("content-type", "application/json")];
    for (kind, id, action, site, project) in [
        ("site", "acme", "view_help_center", true, false),
        ("portal", "acme/SUP", "view_portal", true, true),
        ("portal", "acme/DEV", "view_portal", true, false),
        ("portal", "other/SUP", "view_portal", false, false),
        ("portal", "none/SUP", "view_portal", false, false),
    ] {
        let asked = question(("agent", "7"), action, (kind, id), &json!({}));
        for (key, may) in [(&of_site, site), (&of_project, project)] {
            let answer = ask_as(&service, key, "/access/v1/evaluation", &asked, &json_type).await.ok(200).json();
            assert_eq!(answer["decision"], may, "{id}");
            assert_eq!(answer["context"]["error"]["status"] == 404, !may, "{id}");
        }
        ask_as(&service, &admin, "/access/v1/evaluation", &asked, &json_type).await.refused(403, "missing_scope");
    }
}

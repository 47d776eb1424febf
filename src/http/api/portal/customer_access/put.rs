//! `PUT /v1/sites/{site}/customer-access`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::CustomerAccessInForce;
use crate::app::App;
use crate::audit;
use crate::domain::access::ApiKey;
use crate::domain::ids::SiteId;
use crate::domain::portal::{CustomerAccess, Domain, Impossible};
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};

/// The most approved domains of a site.
const MAX_DOMAINS: usize = 1000;

impl Accepted for CustomerAccess {}

refusals!(SiteNotFound, AccountsRequired, OutgoingMailRequired; json);

/// Replace a site's customer access. What is left out is off.
#[utoipa::path(
    put, path = "/v1/sites/{site}/customer-access", operation_id = "put_customer_access", tag = "portal",
    params(SiteParams),
    request_body(content = CustomerAccess, example = json!({
        "internal_customers": {"approved_domains": ["acme.example"], "create_accounts": true},
        "external_customers": {"create_accounts": true}, "portal_without_login": true, "outgoing_mail": true,
        "incoming_address": "help@desk.acme.example", "knowledge_base": {"global_anonymous_access": false},
    })),
    responses((status = 200, description = "The customer access as it is now.", body = CustomerAccessInForce), Refusals),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, SiteId>,
    JsonBody(access): JsonBody<CustomerAccess>,
) -> Result<Json<CustomerAccessInForce>, Problem> {
    let site = &caller.place;
    if access.internal_customers.approved_domains.len() > MAX_DOMAINS {
        let why = format_args!("must be at most {MAX_DOMAINS} domains");
        return Err(Problem::invalid("internal_customers.approved_domains", why));
    }
    access.check().map_err(impossible)?;
    let before = app.store.set_customer_access(site, &access).await?.ok_or_else(Problem::site_not_found)?;
    audit_changes(&caller.key, site, &before, &access);
    CustomerAccessInForce::of(&app, site, access).await.map(Json)
}

fn impossible(why: Impossible) -> Problem {
    match why {
        Impossible::AccountsRequired => Problem::new(
            Code::AccountsRequired,
            "`portal_without_login` makes accounts: turn `external_customers.create_accounts` on with it.",
        ),
        Impossible::OutgoingMailRequired => Problem::new(
            Code::OutgoingMailRequired,
            "`portal_without_login` sends mail: set outgoing mail up, and turn `outgoing_mail` on with it.",
        ),
    }
}

fn audit_changes(key: &ApiKey, site: &SiteId, before: &CustomerAccess, after: &CustomerAccess) {
    for (setting, before, after) in [
        ("internal_customers.approved_domains", domains(before), domains(after)),
        (
            "internal_customers.create_accounts",
            before.internal_customers.create_accounts.to_string(),
            after.internal_customers.create_accounts.to_string(),
        ),
        (
            "external_customers.create_accounts",
            before.external_customers.create_accounts.to_string(),
            after.external_customers.create_accounts.to_string(),
        ),
        ("portal_without_login", before.portal_without_login.to_string(), after.portal_without_login.to_string()),
        ("outgoing_mail", before.outgoing_mail.to_string(), after.outgoing_mail.to_string()),
        ("incoming_address", incoming_address(before), incoming_address(after)),
        (
            "knowledge_base.global_anonymous_access",
            before.knowledge_base.global_anonymous_access.to_string(),
            after.knowledge_base.global_anonymous_access.to_string(),
        ),
    ] {
        if before != after {
            audit::setting_changed(key.id, site, None, setting, &after);
        }
    }
}

fn domains(access: &CustomerAccess) -> String {
    let domains: Vec<&str> = access.internal_customers.approved_domains.iter().map(Domain::as_str).collect();
    domains.join(",")
}

fn incoming_address(access: &CustomerAccess) -> String {
    access.incoming_address.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
}

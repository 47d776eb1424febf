//! `PUT …/requests/{request}`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

use super::RequestRegistered;
use crate::app::App;
use crate::audit;
use crate::domain::ids::OrganizationId;
use crate::domain::portal::{EmailAddress, InvalidRequest, Request, RequestChannel};
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::ProjectPath;
use crate::http::api::portal::automatic_address;
use crate::http::api::portal::place::{RequestParams, RequestPath};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::store::PutRequest;

/// The most participants, and the most organizations, of a request.
const MAX_SHARED: usize = 1000;

/// A request, as it is to be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPut {
    /// Whose it is.
    reporter: EmailAddress,
    /// With whom it is shared.
    #[serde(default)]
    #[schema(value_type = Vec<EmailAddress>, required = false, max_items = 1000)]
    participants: BTreeSet<EmailAddress>,
    /// With which organizations it is shared.
    #[serde(default)]
    #[schema(value_type = Vec<OrganizationId>, required = false, max_items = 1000)]
    organizations: BTreeSet<OrganizationId>,
    /// Whether it is shared with nobody.
    #[serde(default)]
    private: bool,
    /// How it came.
    channel: RequestChannel,
}

impl Accepted for RequestPut {}

impl From<RequestPut> for Request {
    fn from(body: RequestPut) -> Self {
        let RequestPut { reporter, participants, organizations, private, channel } = body;
        Self { reporter, participants, organizations, private, channel }
    }
}

refusals!(SiteNotFound, ProjectNotFound, AutomaticAddress; json);

/// Register a request or replace it: whose it is, and with whom it is shared.
///
/// Everyone on it gets an account on the site who has none. One that was raised without a login answers with what agents
/// should know, until the address is proved: its owner answers, or signs up.
#[utoipa::path(
    put, path = "/v1/sites/{site}/projects/{project}/requests/{request}", operation_id = "put_request", tag = "portal",
    params(RequestParams),
    request_body(content = RequestPut, example = json!({
        "reporter": "ana@customer.example", "participants": ["ben@customer.example"], "organizations": ["globex"],
        "private": false, "channel": "portal",
    })),
    responses(
        (status = 201, description = "The new request.", body = RequestRegistered),
        (status = 200, description = "The request as it is now.", body = RequestRegistered),
        Refusals,
    ),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, RequestPath>,
    JsonBody(body): JsonBody<RequestPut>,
) -> Result<(StatusCode, Json<RequestRegistered>), Problem> {
    let RequestPath { of: ProjectPath { site, project }, request: id } = caller.place;
    let request = Request::from(body);
    must_not_be_too_many("participants", request.participants.len())?;
    must_not_be_too_many("organizations", request.organizations.len())?;
    request.check(&app.settings.automatic_addresses).map_err(invalid)?;
    match app.store.put_request((&site, &project, &id), &request, app.clock.now()).await? {
        PutRequest::SiteNotFound => Err(Problem::site_not_found()),
        PutRequest::Done { record, created } => {
            // Somebody may be on it no more.
            app.downloads.sweep_soon();
            audit::request_registered(caller.key.id, &site, &project, &id, &request);
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(RequestRegistered::of(record))))
        }
    }
}

fn must_not_be_too_many(field: &'static str, shared: usize) -> Result<(), Problem> {
    if shared > MAX_SHARED {
        return Err(Problem::invalid(field, format_args!("must be at most {MAX_SHARED}")));
    }
    Ok(())
}

fn invalid(why: InvalidRequest) -> Problem {
    match why {
        InvalidRequest::AutomaticReporter => automatic_address("reporter", "is an address that a program writes from"),
        InvalidRequest::AutomaticParticipant => {
            automatic_address("participants", "has an address that a program writes from")
        }
        InvalidRequest::SharedThoughPrivate => {
            Problem::invalid("private", "a private request has neither participants nor organizations")
        }
    }
}

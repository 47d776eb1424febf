//! `GET …/requests/{request}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::RequestRegistered;
use crate::app::App;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::ProjectPath;
use crate::http::api::portal::place::{RequestParams, RequestPath};
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};

refusals!(SiteNotFound, ProjectNotFound, RequestNotFound);

/// Read a request: whose it is, with whom it is shared, and whether its address is proved by now.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/requests/{request}", operation_id = "get_request", tag = "portal",
    params(RequestParams),
    responses((status = 200, description = "The request.", body = RequestRegistered), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, RequestPath>,
) -> Result<Json<RequestRegistered>, Problem> {
    let RequestPath { of: ProjectPath { site, project }, request } = caller.place;
    let found = app.store.request(&site, &project, &request).await?.ok_or_else(Problem::site_not_found)?;
    let record = found.ok_or_else(|| Problem::new(Code::RequestNotFound, "No request of this id was registered."))?;
    Ok(Json(RequestRegistered::of(record)))
}

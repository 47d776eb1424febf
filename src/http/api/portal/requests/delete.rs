//! `DELETE …/requests/{request}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::audit;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::ProjectPath;
use crate::http::api::portal::place::{RequestParams, RequestPath};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound, ProjectNotFound);

/// Forget a request: nobody is on it any more. Its comments stay.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/projects/{project}/requests/{request}", operation_id = "delete_request",
    tag = "portal",
    params(RequestParams),
    responses((status = 204, description = "It is not registered, whether it was or not."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Notify, RequestPath>) -> Result<StatusCode, Problem> {
    let RequestPath { of: ProjectPath { site, project }, request } = &caller.place;
    let known = app.store.delete_request(site, project, request).await?;
    app.downloads.sweep_soon();
    if known.ok_or_else(Problem::site_not_found)? {
        audit::request_forgotten(caller.key.id, site, project, request);
    }
    Ok(StatusCode::NO_CONTENT)
}

//! `GET /v1/sites/{site}/projects/{project}/customer-permissions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::CustomerPermissionsInForce;
use crate::app::App;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound, ProjectNotFound);

/// Read a project's customer permissions.
///
/// `effective` says what they mean within what the site allows.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/customer-permissions",
    operation_id = "get_customer_permissions", tag = "portal",
    params(ProjectParams),
    responses((status = 200, description = "The project's permissions.", body = CustomerPermissionsInForce), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, ProjectPath>,
) -> Result<Json<CustomerPermissionsInForce>, Problem> {
    let ProjectPath { site, project } = &caller.place;
    let settings = app.store.customer_permissions(site, project).await?;
    let (access, permissions) = settings.ok_or_else(Problem::site_not_found)?;
    Ok(Json(CustomerPermissionsInForce::of(&access, permissions)))
}

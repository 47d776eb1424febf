//! `DELETE /v1/sites/{site}/projects/{project}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::http::api::caller::{Admin, Caller, denied};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

refusals!(SiteNotFound, ProjectNotFound, SiteKeyRequired);

/// Delete a project and everything under it, the API keys bound to it too.
///
/// Every link of the project is dead when the answer comes. Needs a key of the site, or one that is bound to nothing.
/// The answer is the same for a project that was never heard of.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/projects/{project}", operation_id = "delete_project", tag = "projects",
    params(ProjectParams),
    responses((status = 204, description = "Deleted."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Admin, ProjectPath>) -> Result<StatusCode, Problem> {
    caller.key.must_be_wider_than_a_project().map_err(|why| denied(&caller.key, why, None))?;
    let ProjectPath { site, project } = &caller.place;
    let deleted = app.store.delete_project(site, project, app.clock.now()).await?;
    if deleted.ok_or_else(Problem::site_not_found)? {
        revoked::record(&app, &caller.key, RevocationReason::Project, Under::project(site, project));
    }
    Ok(StatusCode::NO_CONTENT)
}

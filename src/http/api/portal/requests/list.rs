//! `GET …/requests`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::RequestRegistered;
use crate::app::App;
use crate::domain::ids::RequestId;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::api::portal::page::{MOST_REQUESTS, Page};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

/// A page of requests.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RequestsPage {
    /// In the order of their ids.
    pub requests: Vec<RequestRegistered>,
    /// What to send as `after` for the next page; `null` on the last one.
    #[schema(required = true)]
    pub next: Option<RequestId>,
}

refusals!(SiteNotFound, ProjectNotFound);

/// List the requests of a project.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/requests", operation_id = "list_requests", tag = "portal",
    params(
        ProjectParams,
        ("limit" = Option<u64>, Query, description = "How many at most, 1 to 100. Left out: 100.", minimum = 1, maximum = 100),
        ("after" = Option<RequestId>, Query, description = "Only those after this request: `next` of the page before."),
    ),
    responses((status = 200, description = "A page, in the order of the ids.", body = RequestsPage), Refusals),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, ProjectPath>,
    page: Page<RequestId, MOST_REQUESTS>,
) -> Result<Json<RequestsPage>, Problem> {
    let ProjectPath { site, project } = &caller.place;
    let found = app.store.requests(site, project, page.after.as_ref(), page.one_more()).await?;
    let mut found = found.ok_or_else(Problem::site_not_found)?;
    let next = page.cut(&mut found, |record| record.id.clone());
    Ok(Json(RequestsPage { requests: found.into_iter().map(RequestRegistered::of).collect(), next }))
}

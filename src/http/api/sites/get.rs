//! `GET /v1/sites/{site}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Site;
use crate::app::App;
use crate::domain::ids::SiteId;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound);

/// Read a site's settings.
#[utoipa::path(
    get, path = "/v1/sites/{site}", operation_id = "get_site", tag = "sites",
    params(SiteParams),
    responses((status = 200, description = "The site.", body = Site), Refusals),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller<Admin, SiteId>) -> Result<Json<Site>, Problem> {
    let settings = app.store.site(&caller.place).await?.ok_or_else(Problem::site_not_found)?;
    Ok(Json(Site::of(caller.place, &settings)))
}

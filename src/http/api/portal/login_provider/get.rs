//! `GET /v1/sites/{site}/login-provider`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{ShownLoginProvider, not_found};
use crate::app::App;
use crate::domain::ids::SiteId;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound, LoginProviderNotFound);

/// Read a site's login provider. Its secret is never shown.
#[utoipa::path(
    get, path = "/v1/sites/{site}/login-provider", operation_id = "get_login_provider", tag = "portal",
    params(SiteParams),
    responses((status = 200, description = "The login provider.", body = ShownLoginProvider), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, SiteId>,
) -> Result<Json<ShownLoginProvider>, Problem> {
    let stored = app.store.login_provider(&caller.place).await?.ok_or_else(Problem::site_not_found)?;
    let stored = stored.ok_or_else(not_found)?;
    Ok(Json(ShownLoginProvider::of(&app, &caller.place, &stored.issuer, &stored.client_id)))
}

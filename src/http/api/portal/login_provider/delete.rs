//! `DELETE /v1/sites/{site}/login-provider`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::not_found;
use crate::app::App;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound, LoginProviderNotFound);

/// Take a site's login provider away. Nobody is logged in any more when the answer comes, and emails lead to the site's
/// `portal_url` again.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/login-provider", operation_id = "delete_login_provider", tag = "portal",
    params(SiteParams),
    responses((status = 204, description = "Taken away."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Admin, SiteId>) -> Result<StatusCode, Problem> {
    let existed = app.store.delete_login_provider(&caller.place).await?.ok_or_else(Problem::site_not_found)?;
    app.downloads.sweep_soon();
    if !existed {
        return Err(not_found());
    }
    audit::setting_changed(caller.key.id, &caller.place, None, "login_provider", "none");
    Ok(StatusCode::NO_CONTENT)
}

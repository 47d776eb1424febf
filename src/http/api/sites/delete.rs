//! `DELETE /v1/sites/{site}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::domain::ids::SiteId;
use crate::http::api::caller::{Admin, Caller, denied};
use crate::http::api::place::SiteParams;
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

refusals!(SiteNotFound, UnboundKeyRequired);

/// Delete a site and everything under it: projects, attachments, links, and the API keys bound to it.
///
/// Needs a key that is bound to no site. Every link of the site is dead when the answer comes.
#[utoipa::path(
    delete, path = "/v1/sites/{site}", operation_id = "delete_site", tag = "sites",
    params(SiteParams),
    responses((status = 204, description = "Deleted."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Admin, SiteId>) -> Result<StatusCode, Problem> {
    caller.key.must_be_unbound().map_err(|why| denied(&caller.key, why, None))?;
    if !app.store.delete_site(&caller.place, app.clock.now()).await? {
        return Err(Problem::site_not_found());
    }
    revoked::record(&app, &caller.key, RevocationReason::Site, Under::site(&caller.place));
    Ok(StatusCode::NO_CONTENT)
}

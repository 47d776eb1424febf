//! `DELETE /v1/sites/{site}/links/{link_id}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::find;
use crate::app::App;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::{LinkParams, LinkPath};
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

refusals!(SiteNotFound, LinkNotFound);

/// Kill one link: it is dead when the answer comes. The answer is the same when it was dead before.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/links/{link_id}", operation_id = "revoke_link", tag = "links",
    params(LinkParams),
    responses((status = 204, description = "Revoked."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Notify, LinkPath>) -> Result<StatusCode, Problem> {
    let record = find(&app, &caller.key, &caller.place).await?;
    let site = &caller.place.site;
    if !app.store.revoke_link(site, record.id, app.clock.now()).await? {
        return Err(Problem::link_not_found());
    }
    revoked::record(&app, &caller.key, RevocationReason::Link, Under::link(site, record.id));
    Ok(StatusCode::NO_CONTENT)
}

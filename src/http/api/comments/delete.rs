//! `DELETE /v1/sites/{site}/projects/{project}/comments/{comment}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::domain::ids::CommentPath;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::CommentParams;
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

refusals!(SiteNotFound, ProjectNotFound);

/// Delete a comment: the links of all its attachments are dead when the answer comes.
///
/// The answer is the same however often it is called, and for a comment that was never heard of. Nothing can be
/// registered or sent for the comment from then on.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/projects/{project}/comments/{comment}",
    operation_id = "delete_comment", tag = "comments",
    params(CommentParams),
    responses((status = 204, description = "Deleted."), Refusals),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller<Notify, CommentPath>) -> Result<StatusCode, Problem> {
    let deleted = app.store.delete_comment(&caller.place, app.clock.now()).await?;
    deleted.ok_or_else(Problem::site_not_found)?;
    revoked::record(&app, &caller.key, RevocationReason::Comment, Under::comment(&caller.place));
    Ok(StatusCode::NO_CONTENT)
}

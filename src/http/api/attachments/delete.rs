//! `DELETE …/attachments/{attachment}`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::app::App;
use crate::domain::ids::AttachmentPath;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::AttachmentParams;
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

refusals!(SiteNotFound, ProjectNotFound);

/// Revoke and forget an attachment: its links are dead when the answer comes.
///
/// Bytes that were uploaded are deleted with it; an object that was registered in place never is. The answer is the
/// same for an attachment that was never heard of.
#[utoipa::path(
    delete, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}",
    operation_id = "delete_attachment", tag = "attachments",
    params(AttachmentParams),
    responses((status = 204, description = "Deleted."), Refusals),
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, AttachmentPath>,
) -> Result<StatusCode, Problem> {
    let deleted = app.store.delete_attachment(&caller.place, app.clock.now()).await?;
    if deleted.ok_or_else(Problem::site_not_found)? {
        revoked::record(&app, &caller.key, RevocationReason::Attachment, Under::attachment(&caller.place));
    }
    Ok(StatusCode::NO_CONTENT)
}

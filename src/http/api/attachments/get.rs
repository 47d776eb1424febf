//! `GET …/attachments/{attachment}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Attachment;
use crate::app::App;
use crate::domain::attachment;
use crate::domain::ids::AttachmentPath;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::AttachmentParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound, ProjectNotFound, AttachmentNotFound);

/// Read what is known of an attachment.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}",
    operation_id = "get_attachment", tag = "attachments",
    params(AttachmentParams),
    responses((status = 200, description = "The attachment.", body = Attachment), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, AttachmentPath>,
) -> Result<Json<Attachment>, Problem> {
    find(&app, &caller.place).await.map(|found| Json(found.into()))
}

/// The attachment at `path`.
///
/// # Errors
/// `404`: `attachment_not_found`, or `site_not_found` where there is not even the site.
pub async fn find(app: &App, path: &AttachmentPath) -> Result<attachment::Attachment, Problem> {
    if let Some(found) = app.store.attachment(path).await? {
        return Ok(found);
    }
    app.store.site(&path.comment.site).await?.ok_or_else(Problem::site_not_found)?;
    Err(Problem::attachment_not_found())
}

//! `GET …/comments/{comment}/attachments`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Attachment;
use crate::app::App;
use crate::domain::ids::CommentPath;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::CommentParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

/// The attachments of a comment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AttachmentList {
    /// In the order of their registration.
    pub attachments: Vec<Attachment>,
}

refusals!(SiteNotFound, ProjectNotFound);

/// List a comment's attachments, in the order of their registration.
///
/// A comment that was never heard of, or was deleted, has none.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments",
    operation_id = "list_attachments", tag = "attachments",
    params(CommentParams),
    responses((status = 200, description = "The attachments.", body = AttachmentList), Refusals),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, CommentPath>,
) -> Result<Json<AttachmentList>, Problem> {
    let attachments = app.store.attachments(&caller.place).await?.ok_or_else(Problem::site_not_found)?;
    Ok(Json(AttachmentList { attachments: attachments.into_iter().map(Attachment::from).collect() }))
}

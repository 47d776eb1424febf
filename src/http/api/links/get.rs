//! `GET /v1/sites/{site}/links/{link_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::find;
use crate::app::App;
use crate::domain::ids::{AttachmentId, CommentId, ProjectId, Recipient};
use crate::domain::link::{LinkRecord, LinkState};
use crate::domain::token::LinkId;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::{LinkParams, LinkPath};
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

/// A link as the help desk may see it: everything but its token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Link {
    /// Its public id.
    #[schema(schema_with = super::link_id_schema)]
    pub link_id: LinkId,
    /// Whether it opens a download now.
    pub state: LinkState,
    /// The project of what it opens.
    pub project: ProjectId,
    /// The comment of what it opens.
    pub comment: CommentId,
    /// The attachment that it opens.
    pub attachment: AttachmentId,
    /// Whom it was issued to; `null` for the unnamed recipient.
    #[schema(required = true)]
    pub recipient: Option<Recipient>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From when on it is refused: 28 days later, or five minutes for a link that a portal asked for.
    pub expires_at: Timestamp,
    /// When it was revoked by itself, if it was.
    #[schema(required = true)]
    pub revoked_at: Option<Timestamp>,
}

impl Link {
    fn of(record: LinkRecord, now: time::OffsetDateTime) -> Self {
        Self {
            state: record.state(now),
            link_id: record.id,
            issued_at: Timestamp(record.id.issued_at()),
            expires_at: Timestamp(record.expires_at),
            revoked_at: record.revoked_at.map(Timestamp),
            recipient: record.recipient,
            project: record.attachment.comment.project,
            comment: record.attachment.comment.comment,
            attachment: record.attachment.attachment,
        }
    }
}

refusals!(SiteNotFound, LinkNotFound);

/// Read a link's state: whose it is, what it opens, when it dies. Never its token.
#[utoipa::path(
    get, path = "/v1/sites/{site}/links/{link_id}", operation_id = "get_link", tag = "links",
    params(LinkParams),
    responses((status = 200, description = "The link.", body = Link), Refusals),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller<Notify, LinkPath>) -> Result<Json<Link>, Problem> {
    let record = find(&app, &caller.key, &caller.place).await?;
    Ok(Json(Link::of(record, app.clock.now())))
}

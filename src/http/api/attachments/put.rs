//! `PUT …/attachments/{attachment}`: registers an object that is already in the store.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;

use super::{Attachment, answer, check_filename, check_media_type, kept_media_type, stored};
use crate::app::App;
use crate::domain::attachment::{InvalidKey, ObjectKey, ObjectVersion};
use crate::domain::ids::{AttachmentPath, CommentPath, SiteId};
use crate::domain::media::{Kind, SNIFF_OCTETS};
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::AttachmentParams;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::http::timed;
use crate::objects::ObjectError;
use crate::store::{CommentState, NewAttachment};

/// An object key as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct NamedKey(ObjectKey);

impl TryFrom<String> for NamedKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        ObjectKey::named(&text).map(Self)
    }
}

/// An object that is already in the store, and how it is called.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentPut {
    /// Its key, under the site's `object_prefix`.
    #[schema(value_type = String, min_length = 1, max_length = 1024, example = "acme/2026/screen.png")]
    object_key: NamedKey,
    /// The name that a person knows it by.
    #[schema(max_length = 1024, example = "screen.png")]
    filename: String,
    /// What it is. An image's bytes decide for themselves.
    #[schema(max_length = 255, example = "image/png")]
    media_type: String,
}

impl Accepted for AttachmentPut {}

refusals!(SiteNotFound, ProjectNotFound, ObjectOutsidePrefix, ObjectNotFound, CommentDeleted; json);

/// Register an object that is already in the store.
///
/// It must lie under the site's `object_prefix`. Its size and kind are read from the store. Doing it again is no
/// change; another object keeps the links that were issued working, and they serve the new bytes under a new `ETag`.
#[utoipa::path(
    put, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}",
    operation_id = "register_attachment", tag = "attachments",
    params(AttachmentParams),
    request_body(content = AttachmentPut, example = json!({
        "object_key": "acme/2026/screen.png", "filename": "screen.png", "media_type": "image/png",
    })),
    responses(
        (status = 201, description = "The new attachment.", body = Attachment),
        (status = 200, description = "The attachment as it is now: it was registered before.", body = Attachment),
        Refusals,
    ),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, AttachmentPath>,
    JsonBody(body): JsonBody<AttachmentPut>,
) -> Result<Response, Problem> {
    check_filename(&body.filename)?;
    check_media_type("media_type", &body.media_type)?;
    let path = caller.place;
    must_be_open(&app, &path.comment).await?;
    must_be_under_prefix(&app, &path.comment.site, &body.object_key.0).await?;
    let (object, start) = look_at(&app, &body.object_key.0).await?;
    let kind = Kind::sniff(&start);
    let media_type = kept_media_type("media_type", kind, &body.media_type)?;
    let new = NewAttachment { filename: body.filename, media_type, kind, object, uploaded: false };
    let (attachment, created) = stored(app.store.register(&path, new, app.clock.now()).await?)?;
    Ok(answer(attachment, created))
}

/// Refuses early what the comment's state forbids, before the store of objects is touched. The registration itself
/// decides again.
///
/// # Errors
/// `404 site_not_found`, `409 comment_deleted`.
pub async fn must_be_open(app: &App, comment: &CommentPath) -> Result<(), Problem> {
    match app.store.comment_state(comment).await? {
        CommentState::Open => Ok(()),
        CommentState::SiteNotFound => Err(Problem::site_not_found()),
        CommentState::Deleted => Err(Problem::comment_deleted()),
    }
}

async fn must_be_under_prefix(app: &App, site: &SiteId, key: &ObjectKey) -> Result<(), Problem> {
    let settings = app.store.site(site).await?.ok_or_else(Problem::site_not_found)?;
    if settings.object_prefix.is_some_and(|prefix| prefix.covers(key)) {
        return Ok(());
    }
    let problem = Problem::new(Code::ObjectOutsidePrefix, "The object key must lie under the site's `object_prefix`.");
    Err(Problem { field: Some("object_key".to_owned()), ..problem })
}

async fn look_at(app: &App, key: &ObjectKey) -> Result<(ObjectVersion, Bytes), Problem> {
    let looked = timed(&app.metrics, "stat", app.objects.stat_and_start(key, SNIFF_OCTETS)).await;
    looked.map_err(|error| match error {
        ObjectError::NotFound => {
            let problem =
                Problem::new(Code::ObjectNotFound, "The store has no object of this key. Put it there first.");
            Problem { field: Some("object_key".to_owned()), ..problem }
        }
        // It changed while it was read: a moment later it will stand still.
        ObjectError::Changed => Problem::unavailable(),
        other => other.into(),
    })
}

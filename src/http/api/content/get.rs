//! `GET …/attachments/{attachment}/content`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};

use crate::app::App;
use crate::domain::ids::AttachmentPath;
use crate::http::api::attachments::get::find;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::AttachmentParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::http::timed;

/// Bytes are bytes here: what they are is in the attachment's `media_type`.
const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");
const NOSNIFF: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

refusals!(SiteNotFound, ProjectNotFound, AttachmentNotFound, ObjectUnavailable);

/// Read an attachment's bytes.
///
/// A stream that breaks off before `Content-Length` octets is an error, never a short file.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}/content",
    operation_id = "read_attachment_content", tag = "attachments",
    params(AttachmentParams),
    responses(
        (
            status = 200, description = "The bytes.", content_type = "application/octet-stream",
            body = crate::http::openapi::Octets,
            headers(("ETag" = String, description = "The strong entity tag of these bytes.")),
        ),
        Refusals,
    ),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller<Notify, AttachmentPath>) -> Result<Response, Problem> {
    let object = find(&app, &caller.place).await?.object;
    let body = timed(&app.metrics, "open", app.objects.open(&object, 0..object.size)).await?;
    let headers = [
        (header::CONTENT_TYPE, OCTET_STREAM),
        (header::CONTENT_LENGTH, object.size.into()),
        (header::ETAG, etag(&object.etag())),
        NOSNIFF,
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

fn etag(text: &str) -> HeaderValue {
    #[expect(clippy::expect_used, reason = "an entity tag of ours is base64url in quotes")]
    HeaderValue::from_str(text).expect("visible ASCII")
}

//! `PUT …/attachments/{attachment}/content`: uploads the bytes themselves.
//!
//! Nothing is registered before every octet is in the store and synced, and a cut upload leaves nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header};
use http_body::Body as _;
use percent_encoding::percent_decode_str;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::super::attachments::put::must_be_open;
use super::super::attachments::{Attachment, answer, check_filename, check_media_type, kept_media_type, stored};
use crate::app::App;
use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::domain::ids::AttachmentPath;
use crate::domain::media::Kind;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::place::AttachmentParams;
use crate::http::api::receive::{Progress, receive};
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::http::timed;
use crate::logging::causes;
use crate::store::NewAttachment;

const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

refusals!(SiteNotFound, ProjectNotFound, CommentDeleted, UploadTooLarge, StorageFull, IncompleteBody);

/// Upload an attachment's bytes: they are streamed into the store, then registered.
///
/// There is no size limit unless one is configured. The bytes come whole (no `Content-Range`) and as they are (no
/// `Content-Encoding`). Uploading again replaces the bytes: links that were issued keep
/// working and serve the new bytes under a new `ETag`. An upload that is cut leaves everything as it was.
#[utoipa::path(
    put, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}/content",
    operation_id = "upload_attachment_content", tag = "attachments",
    params(
        AttachmentParams,
        ("filename" = Option<String>, Query, description = "The name that a person knows it by. Left out or empty: downloads are called `attachment`.", max_length = 1024, example = "screen.png"),
    ),
    request_body(
        content = crate::http::openapi::Octets, content_type = "application/octet-stream",
        description = "The bytes, under any `Content-Type`: it is taken as the attachment's media type.",
    ),
    responses(
        (status = 201, description = "The new attachment.", body = Attachment),
        (status = 200, description = "The attachment with its new bytes.", body = Attachment),
        Refusals,
    ),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, AttachmentPath>,
    request: Request,
) -> Result<Response, Problem> {
    let mut progress = Progress::new(&app.metrics);
    let result = upload(&app, &caller.place, request, &mut progress).await;
    match &result {
        Ok((_, true)) => progress.ends("created"),
        Ok((_, false)) => progress.ends("replaced"),
        Err(problem) if problem.code.status().is_client_error() && problem.code != Code::IncompleteBody => {
            progress.ends("refused");
        }
        Err(_) => progress.ends("failed"),
    }
    result.map(|(attachment, created)| answer(attachment, created))
}

type Stored = (crate::domain::attachment::Attachment, bool);

async fn upload(
    app: &App,
    path: &AttachmentPath,
    request: Request,
    progress: &mut Progress<'_>,
) -> Result<Stored, Problem> {
    let filename = filename(request.uri())?;
    let claimed = media_type(request.headers())?;
    must_be_whole(request.headers())?;
    let body = request.into_body();
    must_fit(app, &body)?;
    must_be_open(app, &path.comment).await?;

    let key = fresh_key();
    let begun = app.objects.begin_upload(&key, body.size_hint().exact()).await;
    let mut upload = begun.map_err(Problem::of_upload)?;
    let start = receive(body, &mut upload, &app.settings, progress).await?;
    let kind = Kind::sniff(&start);
    let media_type = kept_media_type("Content-Type", kind, &claimed)?;

    let now = app.clock.now();
    app.store.intend_object(&key, now).await.map_err(Problem::of_upload_row)?;
    let finished = timed(&app.metrics, "upload", upload.finish(now)).await;
    let object = finished.map_err(Problem::of_upload)?;
    register(app, path, NewAttachment { filename, media_type, kind, object, uploaded: true }).await
}

async fn register(app: &App, path: &AttachmentPath, new: NewAttachment) -> Result<Stored, Problem> {
    let object = new.object.clone();
    let registered = app.store.register(path, new, app.clock.now()).await.map_err(Problem::of_upload_row)?;
    let answered = stored(registered);
    if answered.is_err() {
        discard(app, &object).await;
    }
    answered
}

/// Takes back bytes that were refused at the last moment. What fails here is left to the purge, which knows of them.
async fn discard(app: &App, object: &ObjectVersion) {
    if timed(&app.metrics, "delete", app.objects.delete(&object.key)).await.is_ok()
        && let Err(error) = app.store.forget_object(&object.key).await
    {
        tracing::warn!(error = %causes(&error), "a refused upload is left to the purge");
    }
}

/// One key for each upload, so that bytes under a key never change.
fn fresh_key() -> ObjectKey {
    let mut random = [0_u8; 16];
    #[expect(clippy::expect_used, reason = "without randomness two uploads could share a key")]
    SystemRandom::new().fill(&mut random).expect("the operating system gives random numbers");
    ObjectKey::for_upload(random)
}

fn filename(uri: &Uri) -> Result<String, Problem> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut given = pairs.filter(|(name, _)| percent_decode_str(name).eq("filename".bytes())).map(|(_, value)| value);
    let given = given.next().unwrap_or_default().replace('+', " ");
    // Other octets are no name, and what would stand for them is not what the file is called.
    let given = percent_decode_str(&given).decode_utf8();
    let given = given.map_err(|_| Problem::invalid("filename", "must be UTF-8, percent-encoded"))?;
    check_filename(&given)?;
    Ok(given.into_owned())
}

fn media_type(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(claimed) = headers.get(header::CONTENT_TYPE) else { return Ok(UNKNOWN_MEDIA_TYPE.to_owned()) };
    check_media_type("Content-Type", claimed.to_str().unwrap_or_default())
}

/// A part is not taken for the file (RFC 9110 section 14.5), nor what somebody packed for the way: it would be served so.
fn must_be_whole(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Problem::invalid(
            "Content-Range",
            "must be left out: uploads are whole, so begin again at the first octet",
        ));
    }
    let is_as_it_is = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_as_it_is) {
        Ok(())
    } else {
        Err(Problem::invalid("Content-Encoding", "must be left out: send the bytes as recipients are to get them"))
    }
}

/// A stated length over the limit is refused before an octet is read.
fn must_fit(app: &App, body: &Body) -> Result<(), Problem> {
    match app.settings.max_upload_octets {
        Some(limit) if body.size_hint().lower() > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

/// An upload over the configured limit.
#[must_use]
pub fn too_large(limit_octets: u64) -> Problem {
    Problem::new(Code::UploadTooLarge, format!("An upload may be at most {limit_octets} octets long here."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filename_is_a_parameter_in_any_script() {
        for (uri, expected) in [
            ("/x?filename=a%20b.png", "a b.png"),
            ("/x?a=1&filename=%E6%97%A5%E6%9C%AC.pdf&filename=z", "日本.pdf"),
            ("/x?filename=", ""),
            ("/x", ""),
            ("/x?name=a", ""),
            ("/x?filename=a+b", "a b"),
        ] {
            assert_eq!(filename(&uri.parse().unwrap()).unwrap(), expected, "{uri}");
        }
        // Too long; Latin-1; cut in a character; half of a pair of UTF-16.
        for wrong in ["a".repeat(1025), "gr%FC%DF.txt".to_owned(), "%C3".to_owned(), "%ED%A0%80".to_owned()] {
            let problem = filename(&format!("/x?filename={wrong}").parse().unwrap()).unwrap_err();
            assert_eq!((problem.code, problem.field.as_deref()), (Code::InvalidRequest, Some("filename")), "{wrong}");
        }
    }

    #[test]
    fn keys_of_uploads_differ() {
        assert_ne!(fresh_key(), fresh_key());
    }

    #[test]
    fn no_content_type_is_just_bytes() {
        assert_eq!(media_type(&HeaderMap::new()).unwrap(), UNKNOWN_MEDIA_TYPE);
    }
}

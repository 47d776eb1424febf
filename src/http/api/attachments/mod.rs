//! Attachments: objects in the store that a comment carries.

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use super::timestamp::Timestamp;
use crate::domain::attachment::{self, MAX_FILENAME_OCTETS, MAX_MEDIA_TYPE_OCTETS};
use crate::domain::ids::{AttachmentId, CommentId};
use crate::domain::media::{self, Kind};
use crate::http::problem::Problem;
use crate::store::Registered;

/// What an attachment is to an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A raster image that mail programs show (PNG, JPEG, GIF, WebP, BMP), because its bytes say so.
    Image,
    /// Everything else: never inline.
    File,
}

/// An attachment as the API shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The comment it belongs to.
    pub comment: CommentId,
    /// Its name, as it was given.
    #[schema(example = "screen.png")]
    pub filename: String,
    /// An image's own type, from its bytes; else the type that was claimed.
    #[schema(example = "image/png")]
    pub media_type: String,
    /// Whether emails may show it inline.
    pub kind: AttachmentKind,
    /// Its length, in octets.
    #[schema(minimum = 0, example = 1_098_301)]
    pub size: u64,
    /// The strong entity tag of its bytes.
    #[schema(example = "\"q1Lu0pVYcGmVHk2V8cKp\"")]
    pub etag: String,
    /// When its bytes came to be.
    pub modified_at: Timestamp,
    /// Whether the bytes were uploaded: only such bytes are deleted with the attachment.
    pub uploaded: bool,
}

impl From<attachment::Attachment> for Attachment {
    fn from(it: attachment::Attachment) -> Self {
        Self {
            etag: it.object.etag().into(),
            kind: if it.kind.is_image() { AttachmentKind::Image } else { AttachmentKind::File },
            size: it.object.size,
            modified_at: Timestamp(it.object.modified_at),
            id: it.id,
            comment: it.comment,
            filename: it.filename,
            media_type: it.media_type,
            uploaded: it.uploaded,
        }
    }
}

/// Checks a filename that a caller gives.
///
/// # Errors
/// `422` when it is too long, or has a NUL, which PostgreSQL's texts cannot hold. What else a name may contain is a
/// matter of how it is served, not of what it is.
pub fn check_filename(given: &str) -> Result<(), Problem> {
    if given.len() > MAX_FILENAME_OCTETS {
        return Err(Problem::invalid("filename", format_args!("must be at most {MAX_FILENAME_OCTETS} octets long")));
    }
    if given.contains('\0') {
        return Err(Problem::invalid("filename", "must not contain a NUL character"));
    }
    Ok(())
}

/// Checks a media type that a caller gives in `field`, and writes it in its usual form.
///
/// # Errors
/// `422` when it is none.
pub fn check_media_type(field: &str, given: &str) -> Result<String, Problem> {
    if given.len() > MAX_MEDIA_TYPE_OCTETS {
        let why = format_args!("must be at most {MAX_MEDIA_TYPE_OCTETS} octets long");
        return Err(Problem::invalid(field, why));
    }
    media::parse_media_type(given).map_err(|_| not_a_media_type(field))
}

/// The media type that is kept: what the bytes say, or else what the caller claims.
///
/// # Errors
/// `422` when the claim is no media type.
pub fn kept_media_type(field: &str, kind: Kind, claimed: &str) -> Result<String, Problem> {
    media::effective_media_type(kind, claimed).map_err(|_| not_a_media_type(field))
}

fn not_a_media_type(field: &str) -> Problem {
    Problem::invalid(field, "must be a media type such as image/png")
}

/// The attachment after a registration or an upload, and whether it is new.
///
/// # Errors
/// `404 site_not_found`, `409 comment_deleted`.
pub fn stored(registered: Registered) -> Result<(attachment::Attachment, bool), Problem> {
    match registered {
        Registered::Done { attachment, created } => Ok((attachment, created)),
        Registered::SiteNotFound => Err(Problem::site_not_found()),
        Registered::CommentDeleted => Err(Problem::comment_deleted()),
    }
}

/// `201` for a new attachment, `200` for one that was replaced.
#[must_use]
pub fn answer(attachment: attachment::Attachment, created: bool) -> Response {
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(Attachment::from(attachment))).into_response()
}

//! From rows to the types of the domain. What does not read back is an error, never a default.

use std::str::FromStr;

use time::OffsetDateTime;

use super::StoreError;
use crate::domain::attachment::{Attachment, ObjectKey, ObjectVersion};
use crate::domain::ids::CommentPath;
use crate::domain::media::Kind;

/// The columns of [`AttachmentRow`], from a table or alias `a`.
macro_rules! attachment_columns {
    () => {
        "a.attachment_id, a.comment, a.attachment, a.filename, a.media_type, a.kind, a.object_key, a.object_version, \
         a.size, a.modified_at, a.uploaded"
    };
}
pub(super) use attachment_columns;

/// An attachment as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct AttachmentRow {
    attachment_id: i64,
    comment: String,
    attachment: String,
    filename: String,
    media_type: String,
    kind: String,
    object_key: String,
    object_version: String,
    size: i64,
    modified_at: i64,
    uploaded: bool,
}

impl AttachmentRow {
    /// Reads the row.
    pub(super) fn read(self) -> Result<Attachment, StoreError> {
        Ok(Attachment {
            row: self.attachment_id,
            comment: id(&self.comment)?,
            id: id(&self.attachment)?,
            filename: self.filename,
            media_type: self.media_type,
            kind: kind(&self.kind)?,
            object: object(self.object_key, self.object_version, self.size, self.modified_at)?,
            uploaded: self.uploaded,
        })
    }
}

/// Reads an object version.
pub(super) fn object(key: String, version: String, size: i64, modified_at: i64) -> Result<ObjectVersion, StoreError> {
    let size = u64::try_from(size).map_err(|_| StoreError::Corrupt("an object's size"))?;
    Ok(ObjectVersion { key: ObjectKey::stored(key), version: version.into(), size, modified_at: time(modified_at)? })
}

/// Reads an identifier.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("an identifier"))
}

/// Reads the kind of an attachment.
pub(super) fn kind(name: &str) -> Result<Kind, StoreError> {
    Kind::from_name(name).ok_or(StoreError::Corrupt("an attachment's kind"))
}

/// Reads Unix seconds.
pub(super) fn time(unix_seconds: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp(unix_seconds).map_err(|_| StoreError::Corrupt("a time"))
}

/// A size or a count as the database takes it. What it cannot hold does not exist.
pub(super) fn bigint(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("a number that is too large"))
}

/// Reads a count.
pub(super) fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt("a count"))
}

impl CommentPath {
    /// Site, project and comment, as they are bound.
    pub(super) fn texts(&self) -> (&str, &str, &str) {
        (self.site.as_str(), self.project.as_str(), self.comment.as_str())
    }
}

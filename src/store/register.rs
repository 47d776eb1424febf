//! Registering attachments. It never writes over a tombstone.

use time::OffsetDateTime;

use super::db::{Sql, Tx, execute, fetch_optional, retried, sql, sql_that_locks};
use super::objects::{self, REPLACED_LIFETIME};
use super::rows::{bigint, time};
use super::sites::SITE_HELD;
use super::{Store, StoreError, projects};
use crate::domain::attachment::{Attachment, ObjectVersion};
use crate::domain::ids::AttachmentPath;
use crate::domain::media::Kind;

// First of all, so that a deletion of the comment comes wholly before or wholly after: the row is locked.
const TOUCH_COMMENT: Sql = sql("INSERT INTO comments (site, project, comment, changes) VALUES ($1, $2, $3, 1) \
     ON CONFLICT (site, project, comment) DO UPDATE SET changes = comments.changes + 1, idle_since = NULL \
     RETURNING deleted_at, changes, request IS NOT NULL AND request_project IS NULL");
// Its request was named before there was a project.
const GIVE_REQUEST_PROJECT: Sql =
    sql("UPDATE comments SET request_project = $4 WHERE site = $1 AND project = $2 AND comment = $3");
// Until the end of the transaction nobody gives the attachment another row.
const BEFORE: Sql = sql_that_locks!(
    "SELECT attachment_id, object_key, uploaded, object_version, modified_at FROM attachments \
     WHERE project_id = $1 AND comment = $2 AND attachment = $3",
    "FOR UPDATE"
);
const INSERT: Sql =
    sql("INSERT INTO attachments (attachment_id, filename, media_type, kind, object_key, object_version, \
     size, modified_at, uploaded, project_id, comment, attachment, registered_order) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)");
const REPLACE: Sql = sql("UPDATE attachments SET filename = $2, media_type = $3, kind = $4, object_key = $5, \
     object_version = $6, size = $7, modified_at = $8, uploaded = $9 WHERE attachment_id = $1");

/// What is to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// The name a person knows it by.
    pub filename: String,
    /// Its media type.
    pub media_type: String,
    /// What its bytes are.
    pub kind: Kind,
    /// Its bytes.
    pub object: ObjectVersion,
    /// Whether the bytes were uploaded to us, after [`Store::intend_object`] for their key.
    pub uploaded: bool,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// There is no such site.
    SiteNotFound,
    /// The comment was deleted.
    CommentDeleted,
    /// It is registered.
    Done {
        /// As it is now.
        attachment: Attachment,
        /// Whether it is new. Else it was replaced: links issued for it go on and serve the new bytes.
        created: bool,
    },
}

impl Store {
    /// Registers an attachment, or replaces one of the same ids. Bytes that were uploaded for the one replaced are
    /// doomed.
    ///
    /// # Errors
    /// When the database does not answer; whether it was registered is open then. Also for uploaded bytes whose intent
    /// expired.
    pub async fn register(
        &self,
        path: &AttachmentPath,
        mut new: NewAttachment,
        now: OffsetDateTime,
    ) -> Result<Registered, StoreError> {
        let (site, project, comment) = path.comment.texts();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, site)?.is_none() {
                return Ok(Registered::SiteNotFound);
            }
            let touched = fetch_optional!(tx.on(), (Option<i64>, i64, bool), TOUCH_COMMENT, site, project, comment)?;
            let (deleted_at, order, request_without_project) =
                touched.ok_or(StoreError::Corrupt("a comment was not written"))?;
            if deleted_at.is_some() {
                return Ok(Registered::CommentDeleted);
            }
            if new.uploaded {
                objects::keep(&mut tx, &new.object.key, now).await?;
            }
            let (project_id, _) = projects::started(&mut tx, &path.comment.site, &path.comment.project, now).await?;
            if request_without_project {
                execute!(tx.on(), GIVE_REQUEST_PROJECT, site, project, comment, project_id)?;
            }
            let attachment = path.attachment.as_str();
            let before = fetch_optional!(tx.on(), Before, BEFORE, project_id, comment, attachment)?;
            let created = before.is_none();
            let row = if let Some(before) = before {
                if before.uploaded && before.object_key != new.object.key.as_str() {
                    objects::doom(&mut tx, &before.object_key, now + REPLACED_LIFETIME).await?;
                }
                new.object.modified_at = time(before.modified_at_after(&new.object))?;
                let row = before.attachment_id;
                replace(&mut tx, row, &new).await?;
                row
            } else {
                let row = self.attachment_rows.next(now);
                insert(&mut tx, row, &new, (project_id, comment, attachment, order)).await?;
                row
            };
            tx.commit().await?;
            Ok(Registered::Done { attachment: registered(path, row, new.clone()), created })
        })
    }
}

/// What an attachment was before it is replaced.
#[derive(sqlx::FromRow)]
struct Before {
    attachment_id: i64,
    object_key: String,
    uploaded: bool,
    object_version: String,
    modified_at: i64,
}

impl Before {
    /// When the bytes came to be, in Unix seconds. Other bytes get a later second than the ones before, whatever the
    /// clock says: so a date tells versions apart, as `If-Range` needs (RFC 9110 section 8.8.2.2).
    fn modified_at_after(&self, new: &ObjectVersion) -> i64 {
        if self.object_key == new.key.as_str() && self.object_version == new.version {
            self.modified_at
        } else {
            new.modified_at.unix_timestamp().max(self.modified_at + 1)
        }
    }
}

fn registered(path: &AttachmentPath, row: i64, new: NewAttachment) -> Attachment {
    Attachment {
        row,
        comment: path.comment.comment.clone(),
        id: path.attachment.clone(),
        filename: new.filename,
        media_type: new.media_type,
        kind: new.kind,
        object: new.object,
        uploaded: new.uploaded,
    }
}

async fn insert(
    tx: &mut Tx,
    row: i64,
    new: &NewAttachment,
    (project_id, comment, attachment, order): (i64, &str, &str, i64),
) -> Result<(), StoreError> {
    execute!(
        tx.on(),
        INSERT,
        row,
        new.filename.as_str(),
        new.media_type.as_str(),
        new.kind.name(),
        new.object.key.as_str(),
        new.object.version.as_str(),
        bigint(new.object.size)?,
        new.object.modified_at.unix_timestamp(),
        new.uploaded,
        project_id,
        comment,
        attachment,
        order,
    )
    .map_err(StoreError::of_drawn_number)?;
    Ok(())
}

async fn replace(tx: &mut Tx, row: i64, new: &NewAttachment) -> Result<(), StoreError> {
    execute!(
        tx.on(),
        REPLACE,
        row,
        new.filename.as_str(),
        new.media_type.as_str(),
        new.kind.name(),
        new.object.key.as_str(),
        new.object.version.as_str(),
        bigint(new.object.size)?,
        new.object.modified_at.unix_timestamp(),
        new.uploaded,
    )?;
    Ok(())
}

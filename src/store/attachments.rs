//! Attachments: reading and deleting them. Registering is in `register`.

use time::OffsetDateTime;

use super::db::{Sql, execute, fetch_all, fetch_optional, retried, sql};
use super::objects::doom_uploads;
use super::rows::{AttachmentRow, attachment_columns};
use super::sites::SITE_EXISTS;
use super::{Store, StoreError};
use crate::domain::attachment::Attachment;
use crate::domain::ids::{AttachmentPath, CommentPath};

/// The attachments of a comment, in the order of their registration.
pub(super) const OF_COMMENT: Sql = sql(concat!(
    "SELECT ",
    attachment_columns!(),
    " FROM projects AS p JOIN attachments AS a ON a.project_id = p.project_id AND a.comment = $3 \
     WHERE p.site = $1 AND p.project = $2 ORDER BY a.registered_order"
));
const ONE: Sql = sql(concat!(
    "SELECT ",
    attachment_columns!(),
    " FROM projects AS p \
     JOIN attachments AS a ON a.project_id = p.project_id AND a.comment = $3 AND a.attachment = $4 \
     WHERE p.site = $1 AND p.project = $2"
));
// A change, even where there is nothing left to delete: see `Tx::commit_revocation`. Also the lock that registering
// takes.
const TOUCH_COMMENT: Sql =
    sql("UPDATE comments SET changes = changes + 1 WHERE site = $1 AND project = $2 AND comment = $3");

macro_rules! this_one {
    () => {
        "project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2) \
         AND comment = $3 AND attachment = $4"
    };
}
const DOOM: Sql = sql(doom_uploads!(this_one!(), "$5"));
const DELETE: Sql = sql(concat!("DELETE FROM attachments WHERE ", this_one!()));

impl Store {
    /// The attachments of a comment, in the order of their registration. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn attachments(&self, path: &CommentPath) -> Result<Option<Vec<Attachment>>, StoreError> {
        let (site, project, comment) = path.texts();
        let rows = fetch_all!(self.db.read(), AttachmentRow, OF_COMMENT, site, project, comment)?;
        if rows.is_empty() && fetch_optional!(self.db.read(), (i64,), SITE_EXISTS, site)?.is_none() {
            return Ok(None);
        }
        rows.into_iter().map(AttachmentRow::read).collect::<Result<_, _>>().map(Some)
    }

    /// One attachment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn attachment(&self, path: &AttachmentPath) -> Result<Option<Attachment>, StoreError> {
        let (site, project, comment) = path.comment.texts();
        let on = self.db.read();
        let row = fetch_optional!(on, AttachmentRow, ONE, site, project, comment, path.attachment.as_str())?;
        row.map(AttachmentRow::read).transpose()
    }

    /// Deletes an attachment: kills its links, forgets it, and dooms its bytes if they were uploaded. `None`: no such
    /// site; else whether there was one.
    ///
    /// # Errors
    /// When the database does not answer; whether it was deleted is open then.
    pub async fn delete_attachment(
        &self,
        path: &AttachmentPath,
        now: OffsetDateTime,
    ) -> Result<Option<bool>, StoreError> {
        let (site, project, comment) = path.comment.texts();
        let attachment = path.attachment.as_str();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site)?.is_none() {
                return Ok(None);
            }
            execute!(tx.on(), TOUCH_COMMENT, site, project, comment)?;
            execute!(tx.on(), DOOM, site, project, comment, attachment, now.unix_timestamp())?;
            let existed = execute!(tx.on(), DELETE, site, project, comment, attachment)? > 0;
            tx.commit_revocation().await?;
            Ok(Some(existed))
        })
    }
}

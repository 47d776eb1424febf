//! Uploads in parts that nobody will finish: of processes that were killed.

use time::OffsetDateTime;

use super::S3Bucket;
use super::failure::Failure;
use crate::domain::attachment::UPLOADS;
use crate::objects::ObjectError;

/// An upload that was begun longer ago than this belongs to nobody any more.
const LITTER_AFTER: time::Duration = time::Duration::days(1);

impl S3Bucket {
    /// Gives up what was begun a day or more before `now`, under the place of uploads. Says how many.
    ///
    /// A server that has no such list, or does not show it to us, keeps what it keeps: that is no reason not to start.
    pub(in crate::objects) async fn remove_litter(&self, now: OffsetDateTime) -> Result<u64, ObjectError> {
        let mut removed = 0;
        let list =
            self.client.list_multipart_uploads().bucket(&self.bucket).prefix(format!("{}{UPLOADS}/", self.prefix));
        let mut from = (None, None);
        loop {
            let page = list.clone().set_key_marker(from.0.take()).set_upload_id_marker(from.1.take()).send().await;
            let page = match page.map_err(|error| Failure::of_sdk(&error)) {
                Ok(page) => page,
                Err(refused @ Failure::Refused { .. }) => {
                    tracing::warn!(reason = %refused, "unfinished uploads cannot be listed; give the bucket a rule that ends them");
                    return Ok(removed);
                }
                Err(other) => return Err(other.writing()),
            };
            for upload in page.uploads() {
                let begun = upload.initiated().and_then(|time| OffsetDateTime::from_unix_timestamp(time.secs()).ok());
                let (Some(begun), Some(key), Some(id)) = (begun, upload.key(), upload.upload_id()) else { continue };
                if now - begun >= LITTER_AFTER && self.give_up(key, id).await {
                    removed += 1;
                }
            }
            from = (page.next_key_marker, page.next_upload_id_marker);
            if page.is_truncated != Some(true) || from.0.is_none() {
                return Ok(removed);
            }
        }
    }

    async fn give_up(&self, full_key: &str, id: &str) -> bool {
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(full_key).upload_id(id);
        match abort.send().await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(reason = %Failure::of_sdk(&error), "an unfinished upload could not be removed");
                false
            }
        }
    }
}

//! Marks of revocations as empty objects under a prefix of their own.

use super::S3Bucket;
use super::failure::Failure;
use crate::domain::attachment::HISTORY;
use crate::domain::mark::Mark;
use crate::objects::ObjectError;

impl S3Bucket {
    fn mark_key(&self, name: &str) -> String {
        format!("{}{HISTORY}/{name}", self.prefix)
    }

    pub(in crate::objects) async fn leave_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.mark_key(&mark.name()));
        put.send().await.map(drop).map_err(|error| Failure::of_sdk(&error).writing())
    }

    pub(in crate::objects) async fn marks(&self) -> Result<Vec<Mark>, ObjectError> {
        let folder = self.mark_key("");
        let mut marks = Vec::new();
        let mut from = None;
        loop {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&folder);
            let page = list.set_continuation_token(from.take()).send().await;
            let page = page.map_err(|error| Failure::of_sdk(&error).writing())?;
            let names = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(&folder));
            marks.extend(names.filter_map(Mark::from_name));
            from = page.next_continuation_token;
            if page.is_truncated != Some(true) || from.is_none() {
                return Ok(marks);
            }
        }
    }

    pub(in crate::objects) async fn remove_mark(&self, mark: Mark) -> Result<(), ObjectError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(self.mark_key(&mark.name()));
        delete.send().await.map(drop).map_err(|error| Failure::of_sdk(&error).writing())
    }
}

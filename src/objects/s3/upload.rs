//! Uploads into a bucket: in one piece where they are small, else in parts, with two parts in memory at most.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::failure::Failure;
use super::version::S3Version;
use super::{S3Bucket, lie};
use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::objects::ObjectError;

/// The smallest part, and the largest upload that is sent in one piece.
pub(super) const PART_OCTETS: u64 = 8 * 1024 * 1024;
/// S3's largest number of parts.
const MAX_PARTS: u64 = 10_000;
/// The largest of parts that are all of one size, as R2 wants them: what a client says of its length need not be true, and
/// two parts are in memory.
const LARGEST_EQUAL_PART_OCTETS: u64 = 64 * 1024 * 1024;
/// Where the length is not known beforehand, or beyond what equal parts hold, parts double after so many: 10,000 are then more than 5 TiB, S3's largest
/// object, and the memory held stays below a hundredth of what was sent.
const PARTS_OF_ONE_SIZE: u64 = 1000;
/// For a server to put the parts together.
const COMPLETION_TIMEOUT: Duration = Duration::from_mins(2);

/// The size of the part of this number, counted from 0.
fn part_octets(number: u64, expected: Option<u64>) -> u64 {
    match expected {
        Some(expected) if expected <= LARGEST_EQUAL_PART_OCTETS * MAX_PARTS => {
            PART_OCTETS.max(expected.div_ceil(MAX_PARTS))
        }
        _ => PART_OCTETS << (number / PARTS_OF_ONE_SIZE).min(MAX_PARTS / PARTS_OF_ONE_SIZE),
    }
}

/// Bytes on their way into the bucket.
pub(in crate::objects) struct S3Upload {
    bucket: Arc<S3Bucket>,
    key: ObjectKey,
    full_key: String,
    expected: Option<u64>,
    gathered: Vec<u8>,
    written: u64,
    parts: Option<Parts>,
    /// Set while a part is handed on: when that is given up half-way, nothing may follow.
    broken: bool,
}

/// An upload in parts. Dropping it gives it up on the server too.
struct Parts {
    bucket: Arc<S3Bucket>,
    full_key: String,
    id: String,
    sent: Vec<CompletedPart>,
    on_its_way: Option<AbortOnDropHandle<Result<CompletedPart, ObjectError>>>,
    number: u64,
    over: bool,
}

fn given_up() -> ObjectError {
    ObjectError::misuse("the upload was given up")
}

async fn abort(bucket: Arc<S3Bucket>, full_key: String, id: String) {
    let abort = bucket.client.abort_multipart_upload().bucket(&bucket.bucket).key(full_key).upload_id(id);
    if let Err(error) = abort.send().await {
        // It is litter then, and removed at a later start.
        tracing::warn!(error = %Failure::of_sdk(&error), "a cut upload could not be taken back");
    }
}

impl Parts {
    /// Begins it in a task of its own: when the caller gives up half-way, the server's side is given up as well.
    async fn begin(bucket: Arc<S3Bucket>, full_key: String) -> Result<Self, ObjectError> {
        let (reply, begun) = oneshot::channel();
        tokio::spawn(async move {
            let create = bucket.client.create_multipart_upload().bucket(&bucket.bucket).key(&full_key).send().await;
            let id = match create {
                Ok(created) => created.upload_id.ok_or_else(|| lie("it begins an upload without an id")),
                Err(error) => Err(Failure::of_sdk(&error).writing()),
            };
            let parts =
                id.map(|id| Self { bucket, full_key, id, sent: Vec::new(), on_its_way: None, number: 0, over: false });
            // Dropped with the reply when nobody waits for it.
            let _ = reply.send(parts);
        });
        begun.await.map_err(|_| given_up())?
    }

    async fn arrive(&mut self) -> Result<(), ObjectError> {
        if let Some(part) = self.on_its_way.take() {
            let part = part.await.map_err(|stopped| ObjectError::Unavailable(stopped.into()))??;
            self.sent.push(part);
        }
        Ok(())
    }

    /// Sends a part, once the one before has arrived.
    async fn send(&mut self, octets: Vec<u8>) -> Result<(), ObjectError> {
        self.arrive().await?;
        self.number += 1;
        let number = i32::try_from(self.number).map_err(|_| ObjectError::Full)?;
        let put = self.bucket.client.upload_part().bucket(&self.bucket.bucket).key(&self.full_key).upload_id(&self.id);
        let put = put.part_number(number).body(ByteStream::from(Bytes::from(octets)));
        self.on_its_way = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let sent = put.send().await.map_err(|error| Failure::of_sdk(&error).writing())?;
            let etag = sent.e_tag.ok_or_else(|| lie("it gives a part no entity tag"))?;
            Ok(CompletedPart::builder().part_number(number).e_tag(etag).build())
        })));
        Ok(())
    }

    async fn complete(mut self) -> Result<S3Version, ObjectError> {
        self.arrive().await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.sent))).build();
        let complete = self.bucket.client.complete_multipart_upload().bucket(&self.bucket.bucket);
        let complete = complete.key(&self.full_key).upload_id(&self.id).multipart_upload(parts).customize();
        let patience = TimeoutConfig::builder().read_timeout(COMPLETION_TIMEOUT).build();
        let complete = complete.config_override(aws_sdk_s3::Config::builder().timeout_config(patience));
        let completed = complete.send().await.map_err(|error| Failure::of_sdk(&error).writing())?;
        self.over = true;
        S3Version::of(completed.e_tag(), completed.version_id())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // Without a runtime nothing can be sent: it is litter then.
        if let Ok(runtime) = Handle::try_current() {
            let on_its_way = self.on_its_way.take();
            let abort =
                abort(Arc::clone(&self.bucket), std::mem::take(&mut self.full_key), std::mem::take(&mut self.id));
            runtime.spawn(async move {
                if let Some(part) = on_its_way {
                    part.abort();
                    // A part that arrived after the abort would stay.
                    let _ = part.await;
                }
                abort.await;
            });
        }
    }
}

impl S3Upload {
    pub(in crate::objects) fn begin(
        bucket: Arc<S3Bucket>,
        key: &ObjectKey,
        expected: Option<u64>,
    ) -> Result<Self, ObjectError> {
        let full_key = bucket.full_key(key)?;
        let (key, gathered) = (key.clone(), Vec::new());
        Ok(Self { bucket, key, full_key, expected, gathered, written: 0, parts: None, broken: false })
    }

    fn room(&self) -> usize {
        let number = self.parts.as_ref().map_or(0, |parts| parts.number);
        let part = usize::try_from(part_octets(number, self.expected)).unwrap_or(usize::MAX);
        part.saturating_sub(self.gathered.len())
    }

    pub(in crate::objects) async fn write(&mut self, mut octets: Bytes) -> Result<(), ObjectError> {
        if self.broken {
            return Err(given_up());
        }
        while !octets.is_empty() {
            // Only when more is to come: what fits into one piece is sent in one.
            if self.room() == 0 {
                self.send_part().await?;
            }
            let part = octets.split_to(octets.len().min(self.room()));
            self.gathered.extend_from_slice(&part);
            self.written += part.len() as u64;
        }
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), ObjectError> {
        self.broken = true;
        let octets = std::mem::take(&mut self.gathered);
        if self.parts.is_none() {
            self.parts = Some(Parts::begin(Arc::clone(&self.bucket), self.full_key.clone()).await?);
        }
        if let Some(parts) = &mut self.parts {
            parts.send(octets).await?;
        }
        self.broken = false;
        Ok(())
    }

    /// The bytes bear the time `now`; the store's own clock may differ.
    pub(in crate::objects) async fn finish(mut self, now: OffsetDateTime) -> Result<ObjectVersion, ObjectError> {
        if self.broken {
            return Err(given_up());
        }
        if self.parts.is_some() && !self.gathered.is_empty() {
            self.send_part().await?;
        }
        let version = match self.parts.take() {
            Some(parts) => parts.complete().await?,
            None => self.put().await?,
        };
        let version = self.must_be_whole(&version).await?;
        let modified_at = now.replace_nanosecond(0).unwrap_or(now);
        Ok(ObjectVersion { key: self.key, version: version.text(), size: self.written, modified_at })
    }

    async fn put(&mut self) -> Result<S3Version, ObjectError> {
        let body = ByteStream::from(Bytes::from(std::mem::take(&mut self.gathered)));
        let put =
            self.bucket.client.put_object().bucket(&self.bucket.bucket).key(&self.full_key).body(body).send().await;
        let put = put.map_err(|error| Failure::of_sdk(&error).writing())?;
        S3Version::of(put.e_tag(), put.version_id())
    }

    /// Looks for what was put there, and gives the version as reading calls it: Garage gives what it takes a version id,
    /// and never again.
    async fn must_be_whole(&self, put: &S3Version) -> Result<S3Version, ObjectError> {
        let head = self.bucket.head(&self.key).await?;
        if !put.is(head.e_tag(), head.version_id()) || super::to_size(head.content_length())? != self.written {
            return Err(lie("what was put there is not there"));
        }
        S3Version::of(head.e_tag(), head.version_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIB: u64 = 1 << 40;

    #[test]
    fn ten_thousand_parts_are_enough_for_the_largest_object() {
        let without_length: u64 = (0..MAX_PARTS).map(|number| part_octets(number, None)).sum();
        assert!(without_length > 5 * TIB, "{without_length}");
        let most_equal = LARGEST_EQUAL_PART_OCTETS * MAX_PARTS;
        for expected in [0, 1, PART_OCTETS, 80_000 * 1024 * 1024, 100 << 30, most_equal] {
            let part = part_octets(7, Some(expected));
            assert!(part >= PART_OCTETS && part * MAX_PARTS >= expected, "{expected}");
            assert_eq!(part_octets(MAX_PARTS - 1, Some(expected)), part);
        }
        for beyond in [most_equal + 1, 5 * TIB, u64::MAX] {
            assert_eq!(part_octets(0, Some(beyond)), PART_OCTETS, "{beyond}");
            assert_eq!(part_octets(1000, Some(beyond)), 2 * PART_OCTETS, "{beyond}");
        }
        assert_eq!(part_octets(0, Some(10 << 30)), PART_OCTETS);
        assert_eq!(part_octets(999, None), PART_OCTETS);
        assert_eq!(part_octets(1000, None), 2 * PART_OCTETS);
    }

    #[test]
    fn memory_stays_small_beside_what_was_sent() {
        let mut sent = 0;
        for number in 0..MAX_PARTS {
            let part = part_octets(number, None);
            assert!(part == PART_OCTETS || part * 100 < sent, "{number}");
            sent += part;
        }
    }
}

//! Objects in a bucket of an S3-compatible store.
//!
//! aws-sdk-s3 finds credentials, signs, heads, puts and deletes. The hot `GET` is signed once for minutes (`get.rs`), then
//! sent without it (`plain.rs`). Every answer is checked against the question before a byte of it
//! is used: entity tag, version id, range and length.

mod connect;
mod failure;
mod get;
mod litter;
mod marks;
mod piece;
mod plain;
mod settings;
mod upload;
mod version;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bytes::Bytes;
use quick_cache::sync::Cache;
use time::OffsetDateTime;

use super::{ObjectError, is_plain_upload};
use crate::domain::attachment::{MAX_KEY_OCTETS, ObjectKey, ObjectVersion, UPLOADS};
use failure::Failure;
use plain::{Habit, Plain};
use version::S3Version;
use wire::Wire;

pub use connect::{CannotUse, sdk_client};
pub(super) use failure::in_short;
pub(super) use piece::Piece;
pub use settings::{DEFAULT_MEND_LIMIT, DEFAULT_READ_TIMEOUT, KeyPair, S3Settings};
pub(super) use upload::S3Upload;

/// Names no object: what is asked for to see whether the bucket answers.
const NO_OBJECT: &str = "/.ping";

/// A bucket, or a folder of one.
pub struct S3Bucket {
    client: Client,
    wire: Wire,
    bucket: String,
    /// Ends with a slash, or is empty.
    prefix: String,
    read_timeout: Duration,
    mend_limit: Duration,
    plain: Plain,
    habit: Habit,
    signed: Cache<get::Wanted, Arc<get::Signed>>,
}

impl fmt::Debug for S3Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Bucket").field("bucket", &self.bucket).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn to_time(time: Option<&DateTime>) -> OffsetDateTime {
    let seconds = time.map_or(0, DateTime::secs);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn to_size(octets: Option<i64>) -> Result<u64, ObjectError> {
    let size = octets.and_then(|octets| u64::try_from(octets).ok());
    size.ok_or_else(|| lie("it gives no length"))
}

fn lie(what: &'static str) -> ObjectError {
    Failure::Lie(what).looking()
}

impl S3Bucket {
    /// The key in the bucket. One that S3 cannot hold names no object.
    fn full_key(&self, key: &ObjectKey) -> Result<String, ObjectError> {
        let full = format!("{}{}", self.prefix, key.as_str());
        if full.len() > MAX_KEY_OCTETS { Err(ObjectError::NotFound) } else { Ok(full) }
    }

    async fn head(&self, key: &ObjectKey) -> Result<HeadObjectOutput, ObjectError> {
        let asked = self.client.head_object().bucket(&self.bucket).key(self.full_key(key)?).send().await;
        asked.map_err(|error| Failure::of_sdk(&error).looking())
    }

    pub(super) async fn stat(&self, key: &ObjectKey) -> Result<ObjectVersion, ObjectError> {
        let head = self.head(key).await?;
        Ok(ObjectVersion {
            key: key.clone(),
            version: S3Version::of(head.e_tag(), head.version_id())?.text(),
            size: to_size(head.content_length())?,
            modified_at: to_time(head.last_modified()),
        })
    }

    /// One ranged `GET` tells both; only an empty object has to be asked about again, for it has no range.
    pub(super) async fn stat_and_start(
        &self,
        key: &ObjectKey,
        octets: usize,
    ) -> Result<(ObjectVersion, Bytes), ObjectError> {
        if octets == 0 {
            return Ok((self.stat(key).await?, Bytes::new()));
        }
        let range = format!("bytes=0-{}", octets - 1);
        let get = self.client.get_object().bucket(&self.bucket).key(self.full_key(key)?).range(range);
        match get.send().await {
            Ok(answer) => self.started(key, answer, octets).await,
            Err(error) => match Failure::of_sdk(&error) {
                Failure::Refused { status: 416, .. } => match self.stat(key).await? {
                    empty if empty.size == 0 => Ok((empty, Bytes::new())),
                    _ => Err(ObjectError::Changed),
                },
                other => Err(other.looking()),
            },
        }
    }

    async fn started(
        &self,
        key: &ObjectKey,
        answer: GetObjectOutput,
        octets: usize,
    ) -> Result<(ObjectVersion, Bytes), ObjectError> {
        let version = S3Version::of(answer.e_tag(), answer.version_id())?.text();
        let length = to_size(answer.content_length())?;
        let size = match answer.content_range() {
            Some(range) => get::size_of_start(range, length).ok_or_else(|| lie("it gives another range"))?,
            None => length,
        };
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).min(octets);
        let modified_at = to_time(answer.last_modified());
        let mut body = answer.body;
        let mut start = Vec::with_capacity(wanted);
        while start.len() < wanted {
            let next = tokio::time::timeout(self.read_timeout, body.try_next()).await;
            let next = next.map_err(|_| no_answer("it fell silent"))?.map_err(|error| no_answer(&error.to_string()))?;
            let next = next.ok_or_else(|| no_answer("it ended early"))?;
            let room = wanted - start.len();
            start.extend_from_slice(&next[..next.len().min(room)]);
        }
        Ok((ObjectVersion { key: key.clone(), version, size, modified_at }, start.into()))
    }

    /// Deletes what was uploaded under a key, in all its versions: a bucket that keeps versions would only hide it.
    pub(super) async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        if !is_plain_upload(key) {
            return Err(ObjectError::misuse("only uploaded objects are deleted"));
        }
        let full = self.full_key(key)?;
        let deleted = self.client.delete_object().bucket(&self.bucket).key(&full).send().await;
        let versioned = match deleted {
            Ok(answer) => answer.delete_marker() == Some(true) || answer.version_id().is_some_and(|id| id != "null"),
            Err(error) => match Failure::of_sdk(&error) {
                Failure::Refused { status: 404, code } if code.as_deref() != Some("NoSuchBucket") => false,
                other => return Err(other.writing()),
            },
        };
        if versioned { self.delete_versions(&full).await } else { Ok(()) }
    }

    async fn delete_versions(&self, full: &str) -> Result<(), ObjectError> {
        let list = self.client.list_object_versions().bucket(&self.bucket).prefix(full).send().await;
        let list = list.map_err(|error| Failure::of_sdk(&error).writing())?;
        let versions = list.versions().iter().map(|version| (version.key(), version.version_id()));
        let markers = list.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
        let of_this_key = versions.chain(markers).filter(|(key, _)| *key == Some(full));
        let named: Vec<ObjectIdentifier> = of_this_key
            .filter_map(|(_, id)| {
                ObjectIdentifier::builder().key(full).set_version_id(id.map(str::to_owned)).build().ok()
            })
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let all = Delete::builder().set_objects(Some(named)).quiet(true).build();
        let all = all.map_err(|_| ObjectError::misuse("no list of versions"))?;
        let deleted = self.client.delete_objects().bucket(&self.bucket).delete(all).send().await;
        let deleted = deleted.map_err(|error| Failure::of_sdk(&error).writing())?;
        match deleted.errors().first() {
            None => Ok(()),
            Some(error) => {
                let code = error.code().and_then(failure::clean_code);
                Err(Failure::Refused { status: http::StatusCode::OK.as_u16(), code }.writing())
            }
        }
    }

    /// Whether the bucket answers just now: asked once, for whoever asks this asks again.
    pub(super) async fn ping(&self) -> Result<(), ObjectError> {
        self.ask_for_nothing(RetryConfig::disabled()).await
    }

    /// Asks for an object that does not exist: the cheapest call whose refusal says why.
    async fn ask_for_nothing(&self, retries: RetryConfig) -> Result<(), ObjectError> {
        let key = format!("{}{UPLOADS}{NO_OBJECT}", self.prefix);
        let get = self.client.get_object().bucket(&self.bucket).key(key).range("bytes=0-0").customize();
        let asked = get.config_override(aws_sdk_s3::Config::builder().retry_config(retries)).send().await;
        match asked {
            Ok(_) => Ok(()),
            Err(error) => match Failure::of_sdk(&error) {
                Failure::Refused { status: 404, code } if code.as_deref() == Some("NoSuchKey") => Ok(()),
                other => Err(other.writing()),
            },
        }
    }
}

fn no_answer(cause: &str) -> ObjectError {
    Failure::NoAnswer(cause.to_owned()).looking()
}

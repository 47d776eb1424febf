//! The start: settings → a bucket that answers.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use quick_cache::sync::Cache;

use super::failure::Failure;
use super::plain::{Habit, Plain};
use super::wire::Wire;
use super::{KeyPair, S3Bucket, S3Settings, get};
use crate::objects::ObjectError;

/// How often the SDK tries a call, the first included.
const ATTEMPTS: u32 = 3;
/// The SDK's watch over bodies: ours are read through `mend.rs`, whose clock runs only while the store is waited for,
/// so this one only has to end what is dead.
const STALL_GRACE: Duration = Duration::from_mins(1);
/// What servers of one's own call themselves when nobody says otherwise.
const REGION_OF_AN_ENDPOINT: &str = "us-east-1";

/// Why a bucket cannot be used, with the setting to change.
#[derive(Debug, thiserror::Error)]
pub enum CannotUse {
    /// No region is known.
    #[error("no region is known for the bucket {0}: set ATTACHLINK_S3_REGION")]
    Region(String),
    /// The machine's certificates cannot be read.
    #[error("the certificates to check S3 servers by cannot be read: install ca-certificates, or set SSL_CERT_FILE")]
    Certificates(#[source] std::io::Error),
    /// The bucket does not answer as it should.
    #[error("the bucket {bucket} cannot be used")]
    Bucket {
        /// Its name.
        bucket: String,
        /// Why.
        #[source]
        source: ObjectError,
    },
}

impl S3Bucket {
    /// Makes a client, and sees whether the bucket can be read and written.
    pub(in crate::objects) async fn connect(settings: &S3Settings) -> Result<Self, CannotUse> {
        let wire = Wire::new().map_err(CannotUse::Certificates)?;
        let bucket = Self {
            client: client(settings, &wire).await?,
            wire,
            bucket: settings.bucket.clone(),
            prefix: if settings.prefix.is_empty() { String::new() } else { format!("{}/", settings.prefix) },
            read_timeout: settings.read_timeout,
            mend_limit: settings.mend_limit,
            plain: Plain::default(),
            habit: Habit::default(),
            signed: Cache::new(get::SIGNED_KEPT),
        };
        let usable = async {
            bucket.ask_for_nothing(retries()).await?;
            bucket.is_there().await?;
            bucket.may_write().await
        };
        match usable.await {
            Ok(()) => Ok(bucket),
            Err(source) => Err(CannotUse::Bucket { bucket: bucket.bucket, source }),
        }
    }

    /// Not every server tells a missing bucket from a missing object when asked for an object.
    async fn is_there(&self) -> Result<(), ObjectError> {
        let asked = self.client.head_bucket().bucket(&self.bucket).send().await;
        match asked.map_err(|error| Failure::of_sdk(&error)) {
            Err(missing @ Failure::Refused { status: 404, .. }) => Err(missing.writing()),
            _ => Ok(()),
        }
    }

    /// Begins an upload and gives it up: nothing is written, and a key that may only read shows at the start.
    async fn may_write(&self) -> Result<(), ObjectError> {
        let key = format!("{}{}{}", self.prefix, crate::domain::attachment::UPLOADS, super::NO_OBJECT);
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(&key).send().await;
        let begun = begun.map_err(|error| Failure::of_sdk(&error).writing())?;
        let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(&key);
        let aborted = abort.set_upload_id(begun.upload_id).send().await;
        aborted.map(drop).map_err(|error| Failure::of_sdk(&error).writing())
    }
}

/// The SDK's client for these settings, which has not called the server yet: for what is done to buckets from outside.
///
/// # Errors
/// [`CannotUse`], for lack of a region or of certificates.
pub async fn sdk_client(settings: &S3Settings) -> Result<Client, CannotUse> {
    client(settings, &Wire::new().map_err(CannotUse::Certificates)?).await
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

async fn client(settings: &S3Settings, wire: &Wire) -> Result<Client, CannotUse> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(wire.clone())
        .retry_config(retries())
        .timeout_config(TimeoutConfig::builder().read_timeout(settings.read_timeout).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build());
    if let Some(region) = region(settings).await {
        loader = loader.region(region);
    }
    if let Some(KeyPair { id, secret, session_token }) = settings.key_pair.clone() {
        loader =
            loader.credentials_provider(Credentials::new(id, secret, session_token, None, "attachlink's settings"));
    }
    let shared = loader.load().await;
    if shared.region().is_none() {
        return Err(CannotUse::Region(settings.bucket.clone()));
    }
    let mut config = Builder::from(&shared)
        // Other servers refuse the checksums that the SDK adds otherwise, and have none of their own to check.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &settings.endpoint {
        // Such servers seldom have a name for each bucket.
        config = config.endpoint_url(endpoint.as_str()).force_path_style(true);
    }
    Ok(Client::from_conf(config.build()))
}

/// The region, unless the SDK's whole chain is to look for it.
async fn region(settings: &S3Settings) -> Option<Region> {
    if let Some(region) = &settings.region {
        return Some(Region::new(region.clone()));
    }
    settings.endpoint.as_ref()?;
    // The chain would ask the metadata of an AWS machine, which a machine elsewhere waits for in vain.
    let variables = EnvironmentVariableRegionProvider::new().region().await;
    Some(variables.unwrap_or(Region::from_static(REGION_OF_AN_ENDPOINT)))
}

impl S3Bucket {
    /// How long a body may be silent.
    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout
    }

    /// How long a body may stay away.
    pub(super) fn mend_limit(&self) -> Duration {
        self.mend_limit
    }
}

//! A fresh bucket on one of the servers, for a service, and for what others do to it.

use attachlink::liveness::LivenessQuery;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;

use super::server::S3Server;
use crate::harness::Service;

/// The folder of the bucket that a service has.
pub const SERVICE_FOLDER: &str = "desk";

/// A bucket, and a client with the service's own rights.
pub struct Bucket {
    pub server: S3Server,
    pub client: Client,
    pub name: String,
}

impl Bucket {
    pub async fn fresh(server: S3Server) -> Self {
        let (name, client) = (server.fresh_bucket().await, server.client().await);
        Self { server, client, name }
    }

    /// Settings of a service on this bucket, and more.
    pub fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.server.environment(&self.name).into_iter().chain(more).collect()
    }

    /// A service on this bucket.
    pub async fn service(self, more: &[(&str, &str)]) -> Service {
        self.service_around(more, |query| query).await
    }

    /// As [`service`](Self::service), with something put around the liveness statements.
    pub async fn service_around(
        self,
        more: &[(&str, &str)],
        around: impl FnOnce(LivenessQuery) -> LivenessQuery,
    ) -> Service {
        let settings = self.settings(more);
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let service = Service::start_with(&settings, around).await;
        Service { bucket: Some(self), ..service }
    }

    /// Puts an object there, under its whole key.
    pub async fn put(&self, key: &str, octets: &[u8]) {
        let body = ByteStream::from(Bytes::copy_from_slice(octets));
        self.client.put_object().bucket(&self.name).key(key).body(body).send().await.unwrap();
    }

    pub async fn remove(&self, key: &str) {
        self.client.delete_object().bucket(&self.name).key(key).send().await.unwrap();
    }

    /// The whole keys of all objects but the mark of the newest revocation, which is the service's own.
    pub async fn keys(&self) -> Vec<String> {
        let listed = self.client.list_objects_v2().bucket(&self.name).send().await.unwrap();
        let keys = listed.contents().iter().map(|object| object.key().unwrap().to_owned());
        keys.filter(|key| !key.contains("attachlink-history/")).collect()
    }

    /// How many uploads in parts have begun and did not end.
    pub async fn unfinished(&self) -> usize {
        self.client.list_multipart_uploads().bucket(&self.name).send().await.unwrap().uploads().len()
    }

    /// Keeps versions from now on.
    pub async fn keep_versions(&self) {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let put = self.client.put_bucket_versioning().bucket(&self.name).versioning_configuration(on);
        put.send().await.unwrap();
    }

    /// The versions of objects but marks, and the markers of deletions.
    pub async fn versions(&self) -> usize {
        let listed = self.client.list_object_versions().bucket(&self.name).send().await.unwrap();
        let versions = listed.versions().iter().filter_map(|version| version.key());
        let keys = versions.chain(listed.delete_markers().iter().filter_map(|marker| marker.key()));
        keys.filter(|key| !key.contains("attachlink-history/")).count()
    }
}

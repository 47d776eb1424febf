//! A service in front of a store that fails as it is told.

use std::ops::Range;

use attachlink::liveness::LivenessQuery;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::json;

use crate::fault_server::FaultServer;
use crate::harness::{Service, comment_path};

/// Octets that tell their place.
pub fn sample(octets: u64) -> Vec<u8> {
    let words = 0..u32::try_from(octets.div_ceil(4)).unwrap();
    words.flat_map(u32::to_be_bytes).take(usize::try_from(octets).unwrap()).collect()
}

/// A small generator, so that a failure names its seed (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A service in front of a server that fails as it is told.
pub struct Place {
    pub service: Service,
    pub server: FaultServer,
}

impl Place {
    pub async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_around(more, |query| query).await
    }

    /// As [`start`](Self::start), with something put around the liveness statements.
    pub async fn start_around(more: &[(&str, &str)], around: impl FnOnce(LivenessQuery) -> LivenessQuery) -> Self {
        let server = FaultServer::start().await;
        let s3 = server.environment();
        let s3 = s3.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<_> = s3.chain([("ATTACHLINK_CACHE_BYTES", "0")]).chain(more.iter().copied()).collect();
        let service = Service::start_with(&all, around).await;
        service.acme().await;
        Self { service, server }
    }

    /// Registers an object, and gives a link to it.
    pub async fn link(&self, name: &str, octets: &[u8]) -> String {
        let key = format!("acme/{name}");
        self.server.put(&key, octets);
        let path = format!("{}/attachments/{name}", comment_path("c1"));
        let body = json!({"object_key": key, "filename": "x.bin", "media_type": "application/octet-stream"});
        let registered = self.service.put(&path, body).await;
        assert!(registered.status.is_success(), "{:?}", registered.body);
        self.service.link("c1", name).await.0
    }

    /// The head of a download, whose body is still on its way.
    pub async fn begin(&self, url: &str, range: Option<&Range<u64>>) -> Response<Incoming> {
        let mut request = Request::get(url);
        if let Some(range) = range {
            request = request.header("range", format!("bytes={}-{}", range.start, range.end - 1));
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = self.service.client.request(request).await.expect("a head");
        assert_eq!(response.status().as_u16(), if range.is_some() { 206 } else { 200 });
        response
    }

    /// Downloads, whole or a part. `None`: the connection was reset in mid-stream.
    pub async fn download(&self, url: &str, range: Option<&Range<u64>>) -> Option<Bytes> {
        self.begin(url, range).await.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes)
    }
}

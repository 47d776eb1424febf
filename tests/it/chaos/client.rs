//! The client: calls the API and downloads, on any replica, and has everything written down.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use parking_lot::RwLock;
use serde_json::Value;

use super::download::{Pace, download};
use super::queues::Watched;
use super::record::{Attempt, Revocation, Target};
use super::recorder::Recorder;
use super::replica::Addresses;
use crate::harness::HttpClient;

pub const SITE: &str = "/sites/chaos";
/// An API call that takes longer was not answered.
const CALL_PATIENCE: Duration = Duration::from_millis(1500);
/// Longer than a replica is stopped: what waits in its queue meanwhile must be refused when it goes on.
const QUICK_PATIENCE: Duration = Duration::from_secs(6);
const SLOW_PATIENCE: Duration = Duration::from_secs(10);
/// After a call that was not answered with success.
const BEFORE_NEXT_TRY: Duration = Duration::from_millis(40);
/// So often a call is tried.
const TRIES: u32 = 200;

/// Where replicas are now, and which of them nothing is done to.
#[derive(Clone)]
pub struct Whereabouts {
    pub addresses: Option<Addresses>,
    pub troubled: bool,
}

pub struct Client {
    pub http: HttpClient,
    pub key: String,
    pub replicas: Arc<RwLock<Vec<Whereabouts>>>,
    pub recorder: Arc<Recorder>,
    pub watched: Arc<Watched>,
}

impl Client {
    fn addresses(&self, replica: usize) -> Option<Addresses> {
        self.replicas.read()[replica].addresses
    }

    pub fn is_troubled(&self, replica: usize) -> bool {
        self.replicas.read()[replica].troubled
    }

    /// One call: the answer's status and body, if it came whole and in time.
    pub async fn call(&self, replica: usize, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}/v1{path}", self.addresses(replica)?.api))
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(body)).expect("a request");
        let answer = async {
            let answer = self.http.request(request).await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.ok()?.to_bytes();
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::time::timeout(CALL_PATIENCE, answer).await.ok()?
    }

    /// Calls until it is answered with success, each time where `choose` says. `None`: the run is over before.
    pub async fn done(
        &self,
        mut choose: impl FnMut() -> usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Value> {
        for _ in 0..TRIES {
            match self.call(choose(), method.clone(), path, body).await {
                Some((200..=299, answer)) => return Some(answer),
                Some((status @ 400..=499, answer)) => panic!("{method} {path}: {status} {answer}"),
                _ => tokio::time::sleep(BEFORE_NEXT_TRY).await,
            }
        }
        None
    }

    /// Revokes, as often as it takes, each time on the replica that `choose` names: whether that was answered.
    pub async fn revoke(
        &self,
        target: Target,
        (method, path, body): (Method, &str, Option<&Value>),
        mut choose: impl FnMut() -> usize,
    ) -> bool {
        let called = self.recorder.now();
        let revocation = Revocation { target, first_called: called, called, answered: None, tries: 0 };
        let number = self.recorder.revoking(revocation);
        for tries in 1..=TRIES {
            let called = self.recorder.now();
            self.recorder.revocation(number, |revocation| (revocation.called, revocation.tries) = (called, tries));
            let answer = self.call(choose(), method.clone(), path, body).await;
            let answered = self.recorder.now();
            match answer {
                Some((200..=299, _)) => {
                    self.recorder.revocation(number, |revocation| revocation.answered = Some(answered));
                    return true;
                }
                Some((status @ 400..=499, answer)) => panic!("{method} {path}: {status} {answer}"),
                _ => tokio::time::sleep(BEFORE_NEXT_TRY).await,
            }
        }
        false
    }

    /// One download.
    pub async fn attempt(&self, link: u32, path: &str, replica: usize, pace: Pace) {
        let Some(addresses) = self.addresses(replica) else {
            // Nobody is there: not an attempt.
            return tokio::time::sleep(BEFORE_NEXT_TRY).await;
        };
        let patience = if pace == Pace::Quick { QUICK_PATIENCE } else { SLOW_PATIENCE };
        let called = self.recorder.now();
        let got = download(addresses.public, path, pace, &self.watched, patience).await;
        let ended = self.recorder.now();
        let super::download::Got { status, received, of_file, end, samples } = got;
        self.recorder.attempted(Attempt { link, replica, called, ended, status, received, of_file, end, samples });
    }
}

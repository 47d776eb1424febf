//! The HTTP client for providers: rustls on ring, no redirects, short answers within a short time.

use std::io;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

/// For a TCP connection to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For a whole answer. A customer waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer: discovery documents and key sets have a few kB.
const MAX_ANSWER_OCTETS: usize = 512 * 1024;
/// A connection that nobody used for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It was silent.
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Timeout,
    /// It cannot be reached, or broke the talk off.
    #[error("the connection failed")]
    Failed(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off, or was too long.
    #[error("the answer was not read to its end")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider's own description leads to an address without TLS.
    #[error("an address without TLS is not asked")]
    Plain,
    /// The machine has no certificates to check providers by.
    #[error("the certificates to check providers by cannot be read: install ca-certificates, or set SSL_CERT_FILE")]
    Certificates(#[source] io::Error),
}

/// The client. It is made when it is first needed: whoever never logs in needs no certificates.
#[derive(Default)]
pub(super) struct Wire {
    client: OnceLock<HttpsClient>,
}

impl Wire {
    fn client(&self) -> Result<HttpsClient, NoAnswer> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let made = client().map_err(NoAnswer::Certificates)?;
        Ok(self.client.get_or_init(|| made).clone())
    }

    async fn send(&self, request: HttpRequest, plain: bool) -> Result<HttpResponse, NoAnswer> {
        if !(plain || request.uri().scheme() == Some(&http::uri::Scheme::HTTPS)) {
            return Err(NoAnswer::Plain);
        }
        let client = self.client()?;
        let answer = async {
            let answer = client.request(request.map(|body| Full::new(body.into()))).await.map_err(NoAnswer::Failed)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_OCTETS).collect().await.map_err(NoAnswer::Body)?;
            Ok(Response::from_parts(head, body.to_bytes().to_vec()))
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| NoAnswer::Timeout)?
    }
}

fn client() -> io::Result<HttpsClient> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector =
        HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(connector);
    Ok(client)
}

/// The client as it talks to one provider.
pub(super) struct To<'a> {
    pub(super) wire: &'a Wire,
    /// Whether addresses without TLS are asked: those of a provider on a developer's own machine.
    pub(super) plain: bool,
}

impl<'c> AsyncHttpClient<'c> for To<'_> {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.wire.send(request, self.plain))
    }
}

/// Whether a customer may be sent there.
pub(super) fn may_lead_to(url: &url::Url, plain: bool) -> bool {
    url.scheme() == "https" || (plain && url.scheme() == "http")
}

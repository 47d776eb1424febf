//! The HTTP client for providers: rustls on ring, no redirects, short answers within a short time.

use std::error::Error;
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

use super::internal::{InternalAddress, ProviderAddresses, Resolver, is_internal, literal};

/// For a TCP connection to a provider.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For a whole answer. A customer waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer: discovery documents and key sets have a few kB.
const MAX_ANSWER_OCTETS: usize = 512 * 1024;
/// A connection that nobody used for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

type HttpsClient = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It was silent.
    #[error("no answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Timeout,
    /// It cannot be reached, or broke the talk off.
    #[error("the connection failed")]
    Failed(#[source] hyper_util::client::legacy::Error),
    /// It leads into a network.
    #[error("an internal address is not asked")]
    Internal,
    /// It cannot prove by its certificate who it is.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The answer broke off, or was too long.
    #[error("the answer was not read to its end")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// The provider's own description leads to an address without TLS.
    #[error("an address without TLS is not asked")]
    Plain,
    /// The machine has no certificates to check providers by.
    #[error("the certificates to check providers by cannot be read: install ca-certificates, or set SSL_CERT_FILE")]
    Certificates(#[source] io::Error),
}

impl NoAnswer {
    fn of(error: hyper_util::client::legacy::Error) -> Self {
        if found::<InternalAddress>(&error).is_some() {
            return Self::Internal;
        }
        match found::<rustls::Error>(&error) {
            Some(tls) => Self::Tls(tls.clone()),
            None => Self::Failed(error),
        }
    }
}

/// Looks for an error of a kind in an error and its causes. What an `io::Error` wraps is not its source.
fn found<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| -> &(dyn Error + 'static) { inner }).or_else(|| error.source());
    }
    None
}

/// The clients. Each is made when it is first needed: whoever never logs in needs no certificates.
pub(super) struct Wire {
    allowed: ProviderAddresses,
    public: OnceLock<HttpsClient>,
    any: OnceLock<HttpsClient>,
}

impl Wire {
    pub(super) const fn to(allowed: ProviderAddresses) -> Self {
        Self { allowed, public: OnceLock::new(), any: OnceLock::new() }
    }

    /// A client that connects to such addresses only.
    fn client(&self, allowed: ProviderAddresses) -> Result<HttpsClient, NoAnswer> {
        let place = match allowed {
            ProviderAddresses::Public => &self.public,
            ProviderAddresses::Any => &self.any,
        };
        if let Some(client) = place.get() {
            return Ok(client.clone());
        }
        let made = client(allowed).map_err(NoAnswer::Certificates)?;
        Ok(place.get_or_init(|| made).clone())
    }

    async fn send(&self, request: HttpRequest, plain: bool) -> Result<HttpResponse, NoAnswer> {
        if !(plain || request.uri().scheme() == Some(&http::uri::Scheme::HTTPS)) {
            return Err(NoAnswer::Plain);
        }
        // A developer's own machine is an internal address.
        let allowed = if plain { ProviderAddresses::Any } else { self.allowed };
        let address = request.uri().host().and_then(literal);
        if allowed == ProviderAddresses::Public && address.is_some_and(is_internal) {
            return Err(NoAnswer::Internal);
        }
        let client = self.client(allowed)?;
        let answer = async {
            let answer = client.request(request.map(|body| Full::new(body.into()))).await.map_err(NoAnswer::of)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_OCTETS).collect().await.map_err(NoAnswer::Body)?;
            Ok(Response::from_parts(head, body.to_bytes().to_vec()))
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| NoAnswer::Timeout)?
    }
}

fn client(allowed: ProviderAddresses) -> io::Result<HttpsClient> {
    let mut tcp = HttpConnector::new_with_resolver(Resolver::of(allowed));
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

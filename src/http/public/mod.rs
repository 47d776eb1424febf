//! The public listener: what strangers reach. Downloads, `robots.txt`, and the pages a person may meet.
//!
//! The few routes need no router; the request goes from hyper to its handler directly.

mod body;
mod brief;
mod cache;
mod client;
mod download;
mod file;
mod guesses;
mod holder;
mod host;
mod page;
mod plain;
mod portal;
mod refuse;
mod route;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::Instant;

pub use body::PublicBody;
pub use cache::ObjectCache;
pub use client::ProbableClient;
pub use guesses::Guesses;
pub use page::{Pages, TextError};

use crate::app::App;
use crate::domain::portal::PortalDownload;
use crate::domain::token::LinkId;
use crate::edge::{Accepted, Front, TrustedProxies};
use crate::http::problem::Code;
use crate::liveness::{Batcher, Gate, PortalAnswer};
use crate::store::LivenessRow;
use file::Answered;
use refuse::Refusal;
use route::Route;

/// Keeps crawlers away: there is nothing to index, and links are secrets.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

const ALLOWED: &str = "GET, HEAD, OPTIONS";
const ALLOWED_WITHOUT_HEAD: &str = "GET, OPTIONS";
const ALLOWED_WITH_POST: &str = "GET, HEAD, POST, OPTIONS";

/// What the public listener needs. One for each runtime thread: the batcher is the thread's own.
pub struct Public {
    /// What all handlers share.
    pub app: Arc<App>,
    /// Asks the database which links are alive.
    pub batcher: Batcher<LinkId, LivenessRow>,
    /// Asks the database what customers who are logged in may download.
    pub logins: Batcher<PortalDownload, PortalAnswer>,
    /// Small objects.
    pub cache: ObjectCache,
    /// Pages for people.
    pub pages: Arc<Pages>,
    /// Whose word is taken on who the client is.
    pub proxies: TrustedProxies,
    /// How often clients asked for what is not there.
    pub guesses: Arc<Guesses>,
}

/// What the log says of a request.
#[derive(Debug, Clone)]
struct LogLine {
    method: &'static str,
    route: &'static str,
    started: Instant,
    /// For metrics and audit events.
    client: ProbableClient,
}

impl LogLine {
    fn write(&self, status: StatusCode, octets: u64, link: Option<LinkId>, outcome: &'static str) {
        tracing::info!(
            target: crate::http::REQUEST_LOG, listener = "public", method = self.method, route = self.route,
            status = status.as_u16(), duration_ms = crate::http::millis(self.started.elapsed()), bytes = octets,
            link_id = link.map(tracing::field::display), outcome, "request"
        );
    }
}

/// The public listener's service for one connection.
#[derive(Clone)]
pub struct PublicService {
    /// The thread's state.
    public: Arc<Public>,
    /// The connection's gate.
    gate: Arc<Gate>,
    /// Who connected.
    peer: IpAddr,
    /// When the next request came, if it was asked about on the short way, and the database did not say.
    unknown: Arc<Mutex<Option<Instant>>>,
}

impl PublicService {
    /// The service for a connection.
    #[must_use]
    pub fn new(public: &Arc<Public>, accepted: &Accepted) -> Self {
        let (public, gate) = (Arc::clone(public), Arc::clone(&accepted.gate));
        Self { public, gate, peer: accepted.peer.ip(), unknown: Arc::default() }
    }

    /// The short way of the connection's first requests.
    #[must_use]
    pub fn front(&self) -> Front {
        let service = self.clone();
        Box::new(move |socket| Box::pin(plain::serve(service, socket)))
    }

    fn unknown(&self, started: Instant) {
        *self.unknown.lock() = Some(started);
    }
}

impl hyper::service::Service<Request<Incoming>> for PublicService {
    type Response = Response<PublicBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Self { public, gate, peer, unknown } = self.clone();
        Box::pin(async move {
            let (head, _) = request.into_parts();
            let unknown = unknown.lock().take();
            Ok(respond(&public, &gate, peer, &head, unknown).await)
        })
    }
}

/// Answers one request. `unknown`: the database was asked about it since then, and did not say.
async fn respond(
    public: &Public,
    gate: &Arc<Gate>,
    peer: IpAddr,
    head: &http::request::Parts,
    unknown: Option<Instant>,
) -> Response<PublicBody> {
    let route = Route::of(head.uri.path());
    let client = ProbableClient::of(&head.method, &head.headers, public.app.settings.is_reached_by_tls());
    let method = crate::http::method_name(&head.method);
    let log = LogLine { method, route: route.template(), started: unknown.unwrap_or_else(Instant::now), client };
    let answered = if unknown.is_some() {
        Err(Refusal::new(Code::Unavailable))
    } else {
        answer(public, gate, head, route, &log).await
    };
    if route.is_file() {
        public.app.metrics.file_requested(client, answered.is_ok());
    }
    match answered {
        // A download writes its own line once it has ended.
        Ok(Answered::Running(response)) => response,
        Ok(Answered::Whole(response, link)) => {
            log.write(response.status(), body_octets(&response), link, "answered");
            response
        }
        Err(refusal) => {
            let refusal = counted(public, peer, head, refusal);
            let (code, link) = (refusal.code, refusal.link());
            public.app.metrics.refused(code.name());
            let response = refuse::response(public, head, route, refusal).await;
            log.write(response.status(), body_octets(&response), link, code.name());
            response
        }
    }
}

/// Counts what is not there. A client that asks for too much of that is told so instead.
fn counted(public: &Public, peer: IpAddr, head: &http::request::Parts, refusal: Refusal) -> Refusal {
    if refusal.code != Code::NotFound {
        return refusal;
    }
    match public.guesses.missed(public.proxies.client(peer, &head.headers)) {
        Ok(()) => refusal,
        Err(wait) => Refusal::too_many_requests(wait),
    }
}

async fn answer(
    public: &Public,
    gate: &Arc<Gate>,
    head: &http::request::Parts,
    route: Route<'_>,
    log: &LogLine,
) -> Result<Answered, Refusal> {
    let whole = |response| Ok(Answered::Whole(response, None));
    if !host::is_named_once(head) {
        return Err(Refusal::new(Code::InvalidHost));
    }
    match (route, &head.method) {
        (Route::Unknown, _) => Err(Refusal::new(Code::NotFound)),
        (_, &Method::OPTIONS) => whole(options(route)),
        (Route::LogOut { site }, &Method::POST) => portal::log_out(public, head, site).await.and_then(whole),
        (_, method) if !matches!(*method, Method::GET | Method::HEAD) => Err(Refusal::new(Code::MethodNotAllowed)),
        (Route::Server, _) => Err(Refusal::new(Code::NotFound)),
        // It ends a login, which a question about headers must not do.
        (Route::LoggedIn { .. }, &Method::HEAD) => Err(Refusal::new(Code::MethodNotAllowed)),
        (Route::Robots, method) => whole(robots(method)),
        (Route::Download { token, .. }, _) => download::download(public, gate, head, token, log).await,
        (Route::PortalDownload(ids), _) => portal::download(public, gate, head, ids, log).await,
        (Route::LoggedIn { site }, _) => portal::logged_in(public, head, site).await.and_then(whole),
        (Route::LogOut { site }, _) => portal::ask_to_log_out(public, head, site).and_then(whole),
    }
}

fn body_octets(response: &Response<PublicBody>) -> u64 {
    http_body::Body::size_hint(response.body()).exact().unwrap_or(0)
}

fn robots(method: &Method) -> Response<PublicBody> {
    let mut response = Response::new(PublicBody::whole_unless_head(method, Bytes::from_static(ROBOTS.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(ROBOTS.len()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn options(route: Route<'_>) -> Response<PublicBody> {
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(route.allowed()));
    response
}

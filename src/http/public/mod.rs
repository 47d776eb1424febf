//! The public listener: what strangers reach. Downloads, `robots.txt`, and the pages a person may meet.
//!
//! Three routes need no router; the request goes from hyper to its handler directly.

mod body;
mod cache;
mod download;
mod page;
mod refuse;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

pub use body::PublicBody;
pub use cache::ObjectCache;

use crate::app::App;
use crate::domain::token::LinkId;
use crate::http::problem::Code;
use crate::liveness::{Batcher, Gate};
use refuse::Refusal;

/// Keeps crawlers away: there is nothing to index, and links are secrets.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// What the public listener needs. One for each runtime thread: the batcher is the thread's own.
pub struct Public {
    /// What all handlers share.
    pub app: Arc<App>,
    /// Asks the database which links are alive.
    pub batcher: Batcher,
    /// Small objects.
    pub cache: ObjectCache,
}

/// The routes, by their templates: the only form of a path that is ever logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    Download { token: &'a str, named: bool },
    Robots,
    Unknown,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        if path == "/robots.txt" {
            return Self::Robots;
        }
        let Some(rest) = path.strip_prefix("/a/") else { return Self::Unknown };
        match rest.split_once('/') {
            None => Self::Download { token: rest, named: false },
            Some((token, name)) if !name.contains('/') => Self::Download { token, named: true },
            Some(_) => Self::Unknown,
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Download { named: false, .. } => "/a/{token}",
            Self::Download { named: true, .. } => "/a/{token}/{filename}",
            Self::Robots => "/robots.txt",
            Self::Unknown => crate::http::UNMATCHED,
        }
    }
}

/// What the log says of a request.
#[derive(Debug, Clone)]
struct LogLine {
    method: &'static str,
    route: &'static str,
    started: Instant,
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
    pub public: Arc<Public>,
    /// The connection's gate.
    pub gate: Arc<Gate>,
}

impl hyper::service::Service<Request<Incoming>> for PublicService {
    type Response = Response<PublicBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Self { public, gate } = self.clone();
        Box::pin(async move {
            let (head, _) = request.into_parts();
            Ok(respond(&public, &gate, &head).await)
        })
    }
}

/// Answers one request.
pub async fn respond(public: &Public, gate: &Arc<Gate>, head: &http::request::Parts) -> Response<PublicBody> {
    let route = Route::of(head.uri.path());
    let log =
        LogLine { method: crate::http::method_name(&head.method), route: route.template(), started: Instant::now() };
    let answer = match (route, &head.method) {
        (Route::Unknown, _) => Err(Refusal::new(Code::NotFound)),
        (_, &Method::OPTIONS) => Ok(options()),
        (Route::Robots, &Method::GET | &Method::HEAD) => Ok(robots(&head.method)),
        (Route::Download { token, .. }, &Method::GET | &Method::HEAD) => {
            match download::download(public, gate, head, token, &log).await {
                // A download writes its own line once it has ended.
                Ok(download::Answered::Running(response)) => return response,
                Ok(download::Answered::Whole(response, link)) => {
                    let octets = body_octets(&response);
                    log.write(response.status(), octets, Some(link), "answered");
                    return response;
                }
                Err(refusal) => Err(refusal),
            }
        }
        _ => Err(Refusal::new(Code::MethodNotAllowed)),
    };
    match answer {
        Ok(response) => {
            log.write(response.status(), body_octets(&response), None, "answered");
            response
        }
        Err(refusal) => {
            let (code, link) = (refusal.code, refusal.link());
            public.app.metrics.refused(code.name());
            let response = refuse::response(public, head, refusal).await;
            log.write(response.status(), body_octets(&response), link, code.name());
            response
        }
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
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn options() -> Response<PublicBody> {
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_routes() {
        for (path, route) in [
            ("/a/T", Route::Download { token: "T", named: false }),
            ("/a/T/x.png", Route::Download { token: "T", named: true }),
            ("/a/T/", Route::Download { token: "T", named: true }),
            ("/a/T/x/y", Route::Unknown),
            ("/a", Route::Unknown),
            ("/", Route::Unknown),
            ("/robots.txt", Route::Robots),
            ("/v1/sites/s", Route::Unknown),
            ("/metrics", Route::Unknown),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}

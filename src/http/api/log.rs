//! One log line and one metric for each request: the route's template, never a path, a query or a token.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, header};
use http_body::Body as _;
use tokio::time::Instant;

use crate::app::App;
use crate::domain::token::{ApiKeyId, LinkId};
use crate::http::problem::Code;
use crate::http::{REQUEST_LOG, UNMATCHED, method_name, millis};

/// What is learned about a request on its way, for its log line.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    key: OnceLock<ApiKeyId>,
    link: OnceLock<LinkId>,
}

impl Notes {
    /// The key that the caller proved to have. The first one noted stays.
    pub(super) fn key(&self, key: ApiKeyId) {
        self.0.key.get_or_init(|| key);
    }

    /// The link that the call is about. The first one noted stays.
    pub(super) fn link(&self, link: LinkId) {
        self.0.link.get_or_init(|| link);
    }
}

/// The middleware around every call of the API.
pub(super) async fn requests(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let notes = Notes::default();
    request.extensions_mut().insert(notes.clone());

    let mut response = next.run(request).await;

    // Answers carry links and settings: they are for the caller alone.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let took = started.elapsed();
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let code = response.extensions().get::<Code>().copied();
    app.metrics.api_request(route, method, response.status().as_u16(), took);
    if let Some(code) = code {
        app.metrics.refused(code.name());
    }
    tracing::info!(
        target: REQUEST_LOG,
        listener = "api",
        method,
        route,
        status = response.status().as_u16(),
        duration_ms = millis(took),
        bytes = response.body().size_hint().exact(),
        code = code.map(Code::name),
        key_id = notes.0.key.get().map(tracing::field::display),
        link_id = notes.0.link.get().map(tracing::field::display),
        "request"
    );
    response
}

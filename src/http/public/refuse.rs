//! How a request is refused: a page for browsers, a problem for everything else.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header, request::Parts};

use super::body::PublicBody;
use super::{ALLOWED, Public, page};
use crate::domain::token::LinkId;
use crate::http::problem::{Code, PROBLEM_JSON, Problem, RETRY_AFTER_SECONDS};
use crate::store::LivenessRow;

/// The policy of files: nothing in them may run (API: *Tokens and downloads*).
pub(super) const FILE_POLICY: HeaderValue =
    HeaderValue::from_static("sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The headers of everything that a token leads to.
pub(super) fn security_headers(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
}

/// A refusal of the public listener.
pub(super) struct Refusal {
    /// Why.
    pub(super) code: Code,
    /// The genuine link it is about; a stranger's guess has none.
    row: Option<Arc<LivenessRow>>,
    size: Option<u64>,
}

impl Refusal {
    /// A refusal that tells nothing about any link.
    pub(super) const fn new(code: Code) -> Self {
        Self { code, row: None, size: None }
    }

    /// A refusal of a genuine link.
    pub(super) fn of(code: Code, row: &Arc<LivenessRow>) -> Self {
        Self { code, row: Some(Arc::clone(row)), size: None }
    }

    /// Names the file's size, for `416`.
    pub(super) fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The link, for the log.
    pub(super) fn link(&self) -> Option<LinkId> {
        self.row.as_ref().map(|row| row.id)
    }
}

/// The response to a refusal.
pub(super) async fn response(public: &Public, head: &Parts, refusal: Refusal) -> Response<PublicBody> {
    let html = wants_page(&head.headers);
    let (policy, media_type, text) = if html {
        let portal = match &refusal.row {
            Some(row) if page::names_the_portal(refusal.code) => portal_of(public, row.id).await,
            _ => None,
        };
        (page::POLICY.clone(), "text/html; charset=utf-8", page::render(refusal.code, portal.as_deref()))
    } else {
        (FILE_POLICY, PROBLEM_JSON, Problem::new(refusal.code, detail(refusal.code)).body().to_string())
    };
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = refusal.code.status();
    let headers = response.headers_mut();
    security_headers(headers, policy);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    match refusal.code {
        Code::MethodNotAllowed => {
            headers.insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
        }
        Code::Unavailable | Code::ObjectUnavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        _ => {}
    }
    if let Some(Ok(range)) = refusal.size.map(|size| HeaderValue::from_str(&format!("bytes */{size}"))) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    *response.body_mut() = PublicBody::whole_unless_head(&head.method, Bytes::from(text));
    response
}

/// One fixed sentence for each code: nobody is told more than the code says.
const fn detail(code: Code) -> &'static str {
    match code {
        Code::LinkExpired => "Links work for 28 days. Ask the help desk for the file again.",
        Code::LinkWithdrawn => "The help desk withdrew this link. Ask it for the file again.",
        Code::ObjectUnavailable => "The file cannot be read at the moment. The link is not used up: try again later.",
        Code::Unavailable => "Whether this link is alive cannot be told at the moment. Try again.",
        Code::PreconditionFailed => "The file is not the version that the request names.",
        Code::RangeNotSatisfiable => "The file has no octet in the range. Content-Range names its size.",
        Code::MethodNotAllowed => "Only GET, HEAD and OPTIONS are possible here.",
        _ => "This address leads to no file. Check that the link is whole.",
    }
}

/// The portal's address is a courtesy: a page goes out without it when the database does not answer.
async fn portal_of(public: &Public, link: LinkId) -> Option<String> {
    match public.app.store.portal_of(link).await {
        Ok(portal) => portal,
        Err(error) => {
            tracing::warn!(%error, "the portal's address for a page could not be read");
            None
        }
    }
}

/// Browsers name `text/html`; programs that accept anything get a problem.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).any(
        |range| {
            let mut parts = range.split(';').map(str::trim);
            let html = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
            let refused = parts.any(|part| matches!(part.strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000")));
            html && !refused
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_get_problems() {
        for (accept, page) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("TEXT/HTML", true),
            ("application/json, text/html;q=0.5", true),
            ("text/html;q=0", false),
            ("*/*", false),
            ("image/png,image/svg+xml,*/*;q=0.8", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_page(&headers), page, "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }
}

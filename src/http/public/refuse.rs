//! How a request is refused: a page for browsers, a problem for everything else.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header, request::Parts};

use super::body::PublicBody;
use super::holder::Holder;
use super::page::{Language, Step};
use super::route::Route;
use super::{Public, page};
use crate::domain::token::LinkId;
use crate::http::problem::{Code, PROBLEM_JSON, Problem, RETRY_AFTER_SECONDS};
use crate::logging::causes;

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
    /// Whom it is about; a stranger's guess is about nobody.
    holder: Option<Holder>,
    size: Option<u64>,
    /// A cookie to set or to take away.
    cookie: Option<HeaderValue>,
    /// After how many seconds it may be tried again, where that is known.
    wait_seconds: Option<u64>,
}

impl Refusal {
    /// A refusal that tells nothing about anything.
    pub(super) const fn new(code: Code) -> Self {
        Self { code, holder: None, size: None, cookie: None, wait_seconds: None }
    }

    /// A refusal of somebody who is known.
    pub(super) fn of(code: Code, holder: &Holder) -> Self {
        Self { holder: Some(holder.clone()), ..Self::new(code) }
    }

    /// A client asked too often for what is not there, and may again after this time.
    pub(super) fn too_many_requests(wait: Duration) -> Self {
        let whole_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        // It may be over by now; this one is refused all the same.
        Self { wait_seconds: Some(whole_seconds.max(1)), ..Self::new(Code::TooManyRequests) }
    }

    /// Names the file's size, for `416`.
    pub(super) fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Changes a cookie.
    pub(super) fn with_cookie(mut self, cookie: HeaderValue) -> Self {
        self.cookie = Some(cookie);
        self
    }

    fn is_brief(&self) -> bool {
        self.holder.as_ref().is_some_and(Holder::is_brief)
    }

    /// The link, for the log.
    pub(super) fn link(&self) -> Option<LinkId> {
        self.holder.as_ref().and_then(Holder::link)
    }
}

/// The response to a refusal.
pub(super) async fn response(
    public: &Public,
    head: &Parts,
    route: Route<'_>,
    refusal: Refusal,
) -> Response<PublicBody> {
    let mut response = if wants_page(&head.headers) {
        let language = Language::asked_for(&head.headers);
        let step = next_step(public, route, &refusal).await;
        let text = public.pages.refusal(language, refusal.code, refusal.is_brief(), step.as_ref());
        page(public, head, language, text)
    } else {
        problem(head, &refusal)
    };
    *response.status_mut() = refusal.code.status();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
    match refusal.code {
        Code::MethodNotAllowed => {
            headers.insert(header::ALLOW, HeaderValue::from_static(route.allowed()));
        }
        Code::Unavailable | Code::ObjectUnavailable | Code::LoginProviderUnavailable | Code::TooManyRequests => {
            let seconds = refusal.wait_seconds.unwrap_or(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
    if let Some(Ok(range)) = refusal.size.map(|size| HeaderValue::from_str(&format!("bytes */{size}"))) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    if let Some(cookie) = refusal.cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// A page, for whoever reads `language`.
pub(super) fn page(public: &Public, head: &Parts, language: Language, text: String) -> Response<PublicBody> {
    let mut response = described(head, public.pages.policy(), "text/html; charset=utf-8", language, text);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    response
}

/// A problem. Programs branch on its code; its words are English.
fn problem(head: &Parts, refusal: &Refusal) -> Response<PublicBody> {
    let text = Problem::new(refusal.code, detail(refusal.code, refusal.is_brief())).body().to_string();
    described(head, FILE_POLICY, PROBLEM_JSON, Language::English, text)
}

fn described(
    head: &Parts,
    policy: HeaderValue,
    media_type: &'static str,
    language: Language,
    text: String,
) -> Response<PublicBody> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(PublicBody::whole_unless_head(&head.method, Bytes::from(text)));
    let headers = response.headers_mut();
    security_headers(headers, policy);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(header::CONTENT_LENGTH, length);
    response
}

/// Where a page leads: to the portal, where the file may be had another way, to another login, or here again.
async fn next_step(public: &Public, route: Route<'_>, refusal: &Refusal) -> Option<Step> {
    let portal = match &refusal.holder {
        Some(Holder::Link(row) | Holder::Brief(row, _)) if page::names_the_portal(refusal.code) => {
            portal_of(public, row.id).await
        }
        _ => None,
    };
    match (portal, refusal.code) {
        (Some(portal), _) => Some(Step::HelpCenter(portal)),
        (None, Code::DownloadNotAllowed) => Some(Step::OtherAccount),
        // The way back from a login is gone once; files may be asked for again.
        (None, Code::Unavailable | Code::ObjectUnavailable) if route.is_file() => Some(Step::TryAgain),
        _ => None,
    }
}

/// One fixed sentence for each code: nobody is told more than the code says.
const fn detail(code: Code, brief: bool) -> &'static str {
    match code {
        Code::LinkExpired if brief => "This link worked for five minutes. Ask the portal for the file again.",
        Code::LinkExpired => "Links work for 28 days. Ask the help desk for the file again.",
        Code::LinkWithdrawn => "The help desk withdrew this link. Ask it for the file again.",
        Code::ObjectUnavailable => "The file cannot be read at the moment. The link is not used up: try again later.",
        Code::Unavailable => "Whether this link is alive cannot be told at the moment. Try again.",
        Code::PreconditionFailed => "The file is not the version that the request names.",
        Code::RangeNotSatisfiable => "The file has no octet in the range. Content-Range names its size.",
        Code::InvalidHost => "One header `Host` has to name the host that the request is for.",
        Code::MethodNotAllowed => "The header `Allow` names what is possible here.",
        Code::DownloadNotAllowed => "There is no such file, or it is not shared with whoever is logged in.",
        Code::AttachmentNotFound => "The file was removed, or never was there.",
        Code::LoginFailed => "The login was begun in another browser, too long ago, or is finished. Begin again.",
        Code::LoginRefused => {
            "The login provider vouches for nobody: it was cancelled, or the address is not verified."
        }
        Code::LoginProviderUnavailable => "The login provider does not answer at the moment. Try again.",
        Code::TooManyRequests => {
            "Too much that is not there was asked for from your address. Links that exist work on."
        }
        Code::LoginProviderFailed => "The login provider answers what it should not, or its settings are wrong.",
        _ => "This address leads to no file. Check that the link is whole.",
    }
}

/// The portal's address is a courtesy: a page goes out without it when the database does not answer.
async fn portal_of(public: &Public, link: LinkId) -> Option<String> {
    match public.app.store.portal_of(link).await {
        Ok(portal) => portal,
        Err(error) => {
            tracing::warn!(
                error = %causes(&error),
                "the portal's address for a page could not be read"
            );
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
    fn who_is_told_to_wait_is_told_whole_seconds() {
        for (wait_ms, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let refusal = Refusal::too_many_requests(Duration::from_millis(wait_ms));
            assert_eq!(refusal.wait_seconds, Some(seconds), "{wait_ms} ms");
        }
    }

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

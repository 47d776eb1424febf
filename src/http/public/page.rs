//! Pages for people: what happened, in plain words, and what to do next.

use std::sync::LazyLock;

use askama::Template as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

use crate::http::problem::Code;

/// The one style of all pages; the policy names its hash, so nothing else can style or run.
const STYLE: &str = include_str!("../../../templates/page.css");

/// Pages have no `sandbox`: the portal's link must open.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

#[derive(askama::Template)]
#[template(path = "page.html")]
struct Page<'a> {
    style: &'static str,
    title: &'static str,
    what: &'static str,
    next: &'static str,
    portal: Option<&'a str>,
}

/// Whether the page of this refusal leads to the portal: where the file may be had another way.
pub(super) const fn names_the_portal(code: Code) -> bool {
    matches!(code, Code::LinkExpired | Code::LinkWithdrawn | Code::ObjectUnavailable)
}

const fn words(code: Code) -> (&'static str, &'static str, &'static str) {
    match code {
        Code::LinkExpired => (
            "This link has expired",
            "Download links work for 28 days after the email was sent. This one is older.",
            "Open the request in the help center, or answer the email and ask for the file again.",
        ),
        Code::LinkWithdrawn => (
            "This link was withdrawn",
            "The file is no longer shared through this link. The help desk removed it or changed its settings.",
            "Open the request in the help center, or answer the email and ask for the file again.",
        ),
        Code::ObjectUnavailable | Code::Unavailable => (
            "Temporarily unavailable",
            "The file cannot be delivered at the moment. Your link is not used up.",
            "Please try again in a few minutes.",
        ),
        Code::PreconditionFailed | Code::RangeNotSatisfiable => (
            "The file has changed",
            "The download cannot be continued, because the file is not the one it was begun with.",
            "Open the link again to download the whole file.",
        ),
        Code::MethodNotAllowed => {
            ("Not possible here", "This address can only be opened.", "Open the link from the email.")
        }
        _ => (
            "Nothing here",
            "This address does not lead to a file. The link may be incomplete: some mail programs break long links.",
            "Copy the whole link from the email, or open the request in the help center.",
        ),
    }
}

/// The page for a refusal.
pub(super) fn render(code: Code, portal: Option<&str>) -> String {
    let (title, what, next) = words(code);
    // Rendering into a String fails only when a value's own formatting fails; texts do not.
    Page { style: STYLE, title, what, next, portal }.render().unwrap_or_else(|_| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_happened_and_escapes_the_portal() {
        let page = render(Code::LinkExpired, Some("https://help.example/\"><script>"));
        assert!(page.contains("This link has expired"));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("Open the help center"));
        assert!(!render(Code::NotFound, None).contains("Open the help center"));
    }

    #[test]
    fn the_policy_names_the_hash_of_the_very_style_in_the_page() {
        let page = render(Code::NotFound, None);
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()));
        assert!(POLICY.to_str().unwrap().contains(&hash));
    }
}

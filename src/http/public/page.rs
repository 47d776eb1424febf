//! Pages for people: what happened, in plain words, and what to do next.

use std::sync::LazyLock;

use askama::Template as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

use crate::http::problem::Code;

/// The one style of all pages; the policy names its hash, so nothing else can style or run.
const STYLE: &str = include_str!("../../../templates/page.css");

/// Pages have no `sandbox`: the portal's link must open, and logging out is a form.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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
    step: Option<&'a Step>,
}

/// What a page offers to do next.
pub(super) enum Step {
    /// Open the request in the help center, at this address.
    HelpCenter(String),
    /// Log in with another account than before.
    OtherAccount,
    /// End the session.
    LogOut,
}

/// As a query, it leads to the file of the page with another login.
pub(super) const LOGIN_ANEW: &str = "login=anew";

/// Whether the page of this refusal leads to the portal: where the file may be had another way.
pub(super) const fn names_the_portal(code: Code) -> bool {
    matches!(code, Code::LinkExpired | Code::LinkWithdrawn | Code::ObjectUnavailable)
}

const fn words(code: Code, brief: bool) -> (&'static str, &'static str, &'static str) {
    match code {
        Code::LinkExpired if brief => (
            "This link has expired",
            "It was made for you in the help center, and worked for five minutes.",
            "Go back to the help center and open the file there again.",
        ),
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
        Code::DownloadNotAllowed => (
            "This file is not shared with you",
            "You are logged in, but the request that the file belongs to is not shared with your account.",
            "Log in with the account that the email was sent to, or ask the help desk.",
        ),
        Code::AttachmentNotFound => (
            "This file is no longer here",
            "The help desk has removed the file, or the comment that it belonged to.",
            "Answer the email if you still need it.",
        ),
        Code::LoginFailed => (
            "The login did not work",
            "It was begun in another browser or too long ago, or it is finished already.",
            "Open the link from the email again.",
        ),
        Code::LoginRefused => (
            "You are not logged in",
            "The login was cancelled, or your email address is not verified at the login provider.",
            "Open the link from the email again, or ask the help desk.",
        ),
        Code::LoginProviderUnavailable => (
            "Logging in is not possible at the moment",
            "The login provider of this help center does not answer.",
            "Please open the link from the email again in a few minutes.",
        ),
        Code::LoginProviderFailed => (
            "Logging in does not work here",
            "This help center's login provider is not set up as it should be, or gives a wrong answer.",
            "Please tell the help desk.",
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

/// The page for a refusal; `brief`: of a link of five minutes.
pub(super) fn render(code: Code, brief: bool, step: Option<&Step>) -> String {
    let (title, what, next) = words(code, brief);
    Page { style: STYLE, title, what, next, step }.text()
}

/// The page that asks whether to log out.
pub(super) fn log_out() -> String {
    let what = "You stay logged in here for an hour at most.";
    let next = "On a computer that others use, log out when you are done.";
    Page { style: STYLE, title: "Log out", what, next, step: Some(&Step::LogOut) }.text()
}

/// The page after it.
pub(super) fn logged_out() -> String {
    let what = "You are no longer logged in to this help center's downloads.";
    let next = "You may still be logged in at your login provider.";
    Page { style: STYLE, title: "You are logged out", what, next, step: None }.text()
}

impl Page<'_> {
    fn text(&self) -> String {
        // Rendering into a String fails only when a value's own formatting fails; texts do not.
        self.render().unwrap_or_else(|_| self.title.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_happened_and_escapes_the_portal() {
        let page =
            render(Code::LinkExpired, false, Some(&Step::HelpCenter("https://help.example/\"><script>".to_owned())));
        assert!(page.contains("This link has expired"));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("Open the help center"));
        assert!(!render(Code::NotFound, false, None).contains("Open the help center"));
        assert!(render(Code::LinkExpired, true, None).contains("five minutes"));
    }

    #[test]
    fn the_policy_names_the_hash_of_the_very_style_in_the_page() {
        let page = render(Code::NotFound, false, None);
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()));
        assert!(POLICY.to_str().unwrap().contains(&hash));
    }
}

//! Pages for people: what happened, in plain words, and what to do next.

mod icon;
mod language;
mod style;
mod texts;
mod topic;

use askama::Template as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;

pub(super) use self::language::Language;
pub use self::texts::TextError;
use self::texts::{Texts, Words};
use self::topic::Topic;
use crate::domain::brand::{Brand, SupportAddress};
use crate::http::problem::Code;

/// What a page offers to do next.
pub(super) enum Step {
    /// Open the request in the help center, at this address.
    HelpCenter(String),
    /// Log in with another account than before.
    OtherAccount,
    /// Open the same address again.
    TryAgain,
    /// End the session.
    LogOut,
}

/// As a query, it leads to the file of the page with another login.
pub(super) const LOGIN_ANEW: &str = "login=anew";

/// Whether the page of this refusal leads to the portal: where the file may be had another way.
pub(super) const fn names_the_portal(code: Code) -> bool {
    matches!(code, Code::LinkExpired | Code::LinkWithdrawn | Code::ObjectUnavailable)
}

#[derive(askama::Template)]
#[template(path = "page.html")]
struct Page<'a> {
    language: Language,
    style: &'a str,
    brand: &'a Brand,
    icon: &'static str,
    texts: &'a Texts,
    words: &'a Words,
    step: Option<&'a Step>,
}

/// All pages, in all languages.
#[derive(Debug)]
pub struct Pages {
    brand: Brand,
    style: String,
    policy: HeaderValue,
    texts: Vec<Texts>,
}

impl Pages {
    /// Reads the texts, and makes the style of an operator's pages.
    ///
    /// # Errors
    /// A text cannot be read, which the tests exclude.
    pub fn new(brand: Brand) -> Result<Self, TextError> {
        let texts: Result<_, _> = Language::ALL.into_iter().map(|language| Texts::of(language, &brand)).collect();
        let style = style::style(brand.color);
        Ok(Self { policy: policy(&style), style, texts: texts?, brand })
    }

    /// The policy of pages.
    pub(super) fn policy(&self) -> HeaderValue {
        self.policy.clone()
    }

    /// The page for a refusal; `brief`: of a link of five minutes.
    pub(super) fn refusal(&self, language: Language, code: Code, brief: bool, step: Option<&Step>) -> String {
        self.page(language, Topic::of(code, brief), step)
    }

    /// The page that asks whether to log out.
    pub(super) fn log_out(&self, language: Language) -> String {
        self.page(language, Topic::LogOut, Some(&Step::LogOut))
    }

    /// The page after it.
    pub(super) fn logged_out(&self, language: Language) -> String {
        self.page(language, Topic::LoggedOut, None)
    }

    fn page(&self, language: Language, topic: Topic, step: Option<&Step>) -> String {
        let texts = &self.texts[language as usize];
        let words = texts.words(topic);
        let Self { brand, style, .. } = self;
        let page = Page { language, style, brand, icon: icon::of(topic), texts, words, step };
        // Rendering into a String fails only when a value's own formatting fails; texts do not.
        page.render().unwrap_or_else(|_| words.title.clone())
    }
}

/// It names the style's hash, so nothing else can style or run. Pages have no `sandbox`: the portal's link must open, and logging out is a form.
fn policy(style: &str) -> HeaderValue {
    let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: Code, step: Option<&Step>) -> String {
        Pages::new(Brand::default()).unwrap().refusal(Language::English, code, false, step)
    }

    #[test]
    fn a_page_says_what_happened_and_escapes_the_portal() {
        let portal = Step::HelpCenter("https://help.example/\"><script>".to_owned());
        let page = refusal(Code::LinkExpired, Some(&portal));
        assert!(page.contains("This link has expired"));
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("Open the help center"));
        assert!(!refusal(Code::NotFound, None).contains("Open the help center"));
        let brief = Pages::new(Brand::default()).unwrap().refusal(Language::English, Code::LinkExpired, true, None);
        assert!(brief.contains("five minutes"));
    }

    #[test]
    fn the_policy_names_the_hash_of_the_very_style_in_the_page() {
        let pages = Pages::new(Brand::default()).unwrap();
        let page = pages.logged_out(Language::Arabic);
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, style.as_bytes()));
        assert!(pages.policy().to_str().unwrap().contains(&hash));
    }

    #[test]
    fn a_page_presents_the_operator() {
        let brand = |support: &str| Brand {
            name: "Acme & Söhne".parse().ok(),
            color: "#7a1fa2".parse().ok(),
            support: support.parse().ok(),
        };
        let page = Pages::new(brand("help@acme.example")).unwrap().logged_out(Language::German);
        for part in [
            "<title>Sie sind abgemeldet – Acme &#38; Söhne</title>",
            r#"<span class="mark" aria-hidden="true">A</span><span dir="auto">Acme &#38; Söhne</span>"#,
            "--brand:#7a1fa2;",
            r#"Brauchen Sie Hilfe? <a href="mailto:help@acme.example"><bdi>help@acme.example</bdi></a>"#,
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        let page = Pages::new(brand("https://acme.example/?a&b")).unwrap().logged_out(Language::German);
        let contact = "<a href=\"https://acme.example/?a&#38;b\">\u{2068}Acme &#38; Söhne\u{2069} kontaktieren</a>";
        assert!(page.contains(contact), "{page}");
        let nameless = Brand { name: None, ..brand("https://acme.example/") };
        let page = Pages::new(nameless).unwrap().logged_out(Language::German);
        assert!(page.contains(">Support kontaktieren</a>") && !page.contains("<header>"), "{page}");
    }

    #[test]
    fn a_page_says_which_language_it_speaks_and_which_way() {
        let pages = Pages::new(Brand::default()).unwrap();
        for (language, tag) in [
            (Language::English, r#"<html lang="en" dir="ltr">"#),
            (Language::Japanese, r#"<html lang="ja" dir="ltr">"#),
            (Language::Arabic, r#"<html lang="ar" dir="rtl">"#),
        ] {
            assert!(pages.log_out(language).contains(tag), "{tag}");
        }
        assert!(pages.log_out(Language::German).contains("<h1>Abmelden</h1>"));
    }
}

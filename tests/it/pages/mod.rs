//! Pages for people: every one of them, in every language.

mod gallery;
mod in_chromium;
mod look;

use std::collections::BTreeSet;

use http::Method;

use gallery::Gallery;

/// The languages, with which way they are written and their texts.
const LANGUAGES: [(&str, &str, &str); 6] = [
    ("en", "ltr", include_str!("../../../texts/en.ftl")),
    ("de", "ltr", include_str!("../../../texts/de.ftl")),
    ("fr", "ltr", include_str!("../../../texts/fr.ftl")),
    ("es", "ltr", include_str!("../../../texts/es.ftl")),
    ("ja", "ltr", include_str!("../../../texts/ja.ftl")),
    ("ar", "rtl", include_str!("../../../texts/ar.ftl")),
];

/// The headings that a file of texts has, read without the service's reader.
fn headings(texts: &str) -> BTreeSet<&str> {
    texts.lines().filter_map(|line| line.trim().strip_prefix(".title = ")).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .unwrap_or_else(|| panic!("no {start} in {text}"))
        .0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_speaks_every_language_and_nothing_is_said_that_no_page_says() {
    let gallery = Gallery::open(&[]).await;
    for (language, direction, texts) in LANGUAGES {
        let mut seen = BTreeSet::new();
        for exhibit in &gallery.exhibits {
            let page = gallery.visit(exhibit, exhibit.method.clone(), &format!("{language}-XX, xx;q=0.1")).await;
            let (name, text) = (exhibit.name, std::str::from_utf8(&page.body).unwrap());
            assert_eq!(page.status.as_u16(), exhibit.status, "{name}: {text}");
            assert_eq!(page.header("content-language"), language, "{name}");
            assert!(text.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{name}: {text}");
            let heading = between(text, "<h1>", "</h1>").replace("&#39;", "'");
            assert_eq!(between(text, "<title>", "</title>").replace("&#39;", "'"), heading);
            assert!(headings(texts).contains(&*heading), "{language}: {name}: {heading}");
            seen.insert(heading);
        }
        let said: BTreeSet<String> = headings(texts).into_iter().map(str::to_owned).collect();
        assert_eq!(seen, said, "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_carries_the_headers_of_pages_and_nothing_from_elsewhere() {
    let gallery = Gallery::open(&[]).await;
    for exhibit in &gallery.exhibits {
        for (language, _, _) in LANGUAGES {
            let page = gallery.visit(exhibit, exhibit.method.clone(), language).await;
            let (name, text) = (exhibit.name, std::str::from_utf8(&page.body).unwrap());
            for (header, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "private, no-store"),
                ("x-robots-tag", "noindex"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(page.header(header), value, "{name}: {header}");
            }
            let vary = if page.status == 200 { "Accept-Language" } else { "Accept, Accept-Language" };
            assert_eq!(page.header("vary"), vary, "{name}");
            assert_eq!(page.header("content-length"), page.body.len().to_string(), "{name}");
            let hash = ring::digest::digest(&ring::digest::SHA256, between(text, "<style>", "</style>").as_bytes());
            let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
            let policy = format!(
                "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
            );
            assert_eq!(page.header("content-security-policy"), policy, "{name}");
            for outside in ["<script", "<link", "<img", "<iframe", "src=", "style=", "@import", "url(", " on"] {
                let body = text.replace(between(text, "<main>", "</main>"), "");
                assert!(!body.contains(outside), "{name}: {outside}: {body}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_a_page_is_that_page_without_its_body() {
    let gallery = Gallery::open(&[]).await;
    // There is neither a POST without a body, nor a range of a HEAD, nor does a HEAD end a login.
    let asked = gallery.exhibits.iter().filter(|exhibit| exhibit.method == Method::GET && exhibit.status != 416);
    for exhibit in asked.filter(|exhibit| !exhibit.url.contains("/logged-in")) {
        // Whoever asks about a file is told what the database says of it: no object is opened for that.
        let status = if exhibit.name == "file-unavailable" { 200 } else { exhibit.status };
        let [mut page, mut head] =
            [gallery.visit(exhibit, Method::GET, "ja").await, gallery.visit(exhibit, Method::HEAD, "ja").await];
        assert_eq!((head.status.as_u16(), head.body.len()), (status, 0), "{}", exhibit.name);
        if status == exhibit.status {
            for reply in [&mut page, &mut head] {
                reply.headers.remove("date");
            }
            assert_eq!(page.headers, head.headers, "{}", exhibit.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_stay_english_and_say_what_they_depend_on() {
    let gallery = Gallery::open(&[]).await;
    for exhibit in gallery.exhibits.iter().filter(|exhibit| exhibit.status != 200) {
        let mut headers = vec![("accept-language", "de")];
        headers.extend(exhibit.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let problem = gallery.service.open_with(exhibit.method.clone(), &exhibit.url, &headers).await;
        assert_eq!(problem.status.as_u16(), exhibit.status, "{}", exhibit.name);
        assert_eq!(problem.header("content-type"), "application/problem+json", "{}", exhibit.name);
        assert_eq!(problem.header("content-language"), "en", "{}", exhibit.name);
        assert_eq!(problem.header("vary"), "Accept, Accept-Language", "{}", exhibit.name);
    }
}

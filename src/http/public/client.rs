//! What a request's headers make its client look like. A guess, for metrics and audit only: nothing is decided by it,
//! headers say what their sender likes, and many mail scanners call themselves browsers. The headers are not kept.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use http::{HeaderMap, HeaderName, Method, header};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Where browsers say that nobody has clicked yet: RFC-to-be of *Sec-Purpose*, and its forerunners.
const PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// From this version on Chromium sends `Sec-Fetch-…` with every request over TLS (Fetch Metadata, shipped in 76; and 80
/// in what is built on it).
const CHROMIUM_WITH_FETCH_METADATA: u32 = 80;

/// Who probably asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbableClient {
    /// Software that looks for what is harmful in mail.
    Scanner,
    /// Software that looks ahead: it makes previews, or fetches before anybody clicks.
    Preview,
    /// A download manager, a library, a script; or nobody says who.
    Program,
    /// A person's browser.
    Browser,
}

/// What the guess goes by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signs<'a> {
    pub(super) agent: &'a [u8],
    pub(super) has_purpose: bool,
    pub(super) has_fetch_metadata: bool,
}

impl<'a> Signs<'a> {
    /// Takes notice of one header.
    pub(super) fn see(&mut self, name: &str, value: &'a [u8]) {
        if name.eq_ignore_ascii_case("user-agent") {
            if self.agent.is_empty() {
                self.agent = value;
            }
        } else if name.eq_ignore_ascii_case(SEC_FETCH_MODE.as_str()) {
            self.has_fetch_metadata = true;
        } else if PURPOSES.iter().any(|purpose| name.eq_ignore_ascii_case(purpose.as_str())) {
            self.has_purpose = true;
        }
    }
}

impl ProbableClient {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Scanner, Self::Preview, Self::Program, Self::Browser];

    /// Its name in metrics and audit events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scanner => "scanner",
            Self::Preview => "preview",
            Self::Program => "program",
            Self::Browser => "browser",
        }
    }

    /// The guess. `over_tls`: browsers reach the service by `https`.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap, over_tls: bool) -> Self {
        let signs = Signs {
            agent: headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes()),
            has_purpose: PURPOSES.iter().any(|name| headers.contains_key(name)),
            has_fetch_metadata: headers.contains_key(SEC_FETCH_MODE),
        };
        Self::by(signs, method, over_tls)
    }

    /// The guess by what was picked from the headers.
    pub(super) fn by(signs: Signs<'_>, method: &Method, over_tls: bool) -> Self {
        let Signs { agent, has_purpose, has_fetch_metadata } = signs;
        if has_purpose {
            return Self::Preview;
        }
        if let Some(known) = known(agent) {
            return known;
        }
        if !agent.starts_with(b"Mozilla/") && !agent.starts_with(b"Opera/") {
            return Self::Program;
        }
        // Nobody's browser sends a HEAD for a link that was clicked.
        let forged = *method == Method::HEAD || (over_tls && !has_fetch_metadata && would_send_fetch_metadata(agent));
        if forged { Self::Scanner } else { Self::Browser }
    }
}

/// What is in the names that these call themselves, in any case.
const NAMES: &[(ProbableClient, &[&str])] = &[
    (
        ProbableClient::Scanner,
        &[
            "safelinks",
            "microsoft defender",
            "defender for office",
            "proofpoint",
            "urldefense",
            "mimecast",
            "barracuda",
            "ironport",
            "cisco secure email",
            "google-safety",
            "google-safebrowsing",
            "trendmicro",
            "trend micro",
            "fireeye",
            "trellix",
            "messagelabs",
            "forcepoint",
            "fortiguard",
            "fortimail",
            "kaspersky",
            "mcafee",
            "bitdefender",
            "zscaler",
            "checkpoint",
            "avanan",
            "spamassassin",
            "urlscan",
            "virustotal",
            "cloudmark",
            "headlesschrome",
            "phantomjs",
        ],
    ),
    (
        ProbableClient::Preview,
        &[
            "slackbot",
            "slack-imgproxy",
            "facebookexternalhit",
            "facebookcatalog",
            "facebot",
            "meta-externalagent",
            "meta-externalfetcher",
            "whatsapp",
            "twitterbot",
            "telegrambot",
            "discordbot",
            "linkedinbot",
            "skypeuripreview",
            "bingpreview",
            "iframely",
            "embedly",
            "pinterestbot",
            "redditbot",
            "mastodon/",
            "snap url preview",
            "googleimageproxy",
            "yahoomailproxy",
            "google-pagerenderer",
            "google-read-aloud",
            "applebot",
            "googlebot",
            "bingbot",
            "yandexbot",
            "duckduckbot",
            "baiduspider",
            "ms-office",
            "msoffice",
            "microsoft office",
            "microsoft outlook",
            "link preview",
            "linkpreview",
        ],
    ),
    (
        ProbableClient::Program,
        &["curl/", "wget/", "aria2/", "python", "okhttp", "go-http-client", "java/", "libwww", "axios/", "powershell"],
    ),
];

struct Known {
    names: AhoCorasick,
    /// Of whom each name is.
    clients: Vec<ProbableClient>,
}

static KNOWN: LazyLock<Option<Known>> = LazyLock::new(|| {
    let all = NAMES.iter().flat_map(|(client, names)| names.iter().map(|name| (*name, *client)));
    let (names, clients): (Vec<&str>, Vec<ProbableClient>) = all.unzip();
    let names = AhoCorasick::builder().ascii_case_insensitive(true).build(names).ok()?;
    Some(Known { names, clients })
});

/// Who is named; of several the first kind, for what scans and previews often names what it imitates.
fn known(agent: &[u8]) -> Option<ProbableClient> {
    let known = KNOWN.as_ref()?;
    known
        .names
        .find_overlapping_iter(agent)
        .filter_map(|found| known.clients.get(found.pattern().as_usize()))
        .min()
        .copied()
}

/// Whether it calls itself a Chromium that sends more.
fn would_send_fetch_metadata(agent: &[u8]) -> bool {
    chromium_version(agent).is_some_and(|version| version >= CHROMIUM_WITH_FETCH_METADATA)
}

fn chromium_version(agent: &[u8]) -> Option<u32> {
    let agent = std::str::from_utf8(agent).ok()?;
    let (_, version) = agent.split_once(" Chrome/")?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests;

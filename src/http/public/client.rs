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
        if PURPOSES.iter().any(|name| headers.contains_key(name)) {
            return Self::Preview;
        }
        let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
        if let Some(known) = known(agent) {
            return known;
        }
        if !agent.starts_with(b"Mozilla/") && !agent.starts_with(b"Opera/") {
            return Self::Program;
        }
        // Nobody's browser sends a HEAD for a link that was clicked.
        let forged = *method == Method::HEAD || (over_tls && lacks_fetch_metadata(agent, headers));
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

/// Whether it calls itself a Chromium that would have sent more.
fn lacks_fetch_metadata(agent: &[u8], headers: &HeaderMap) -> bool {
    !headers.contains_key(SEC_FETCH_MODE)
        && chromium_version(agent).is_some_and(|version| version >= CHROMIUM_WITH_FETCH_METADATA)
}

fn chromium_version(agent: &[u8]) -> Option<u32> {
    let agent = std::str::from_utf8(agent).ok()?;
    let (_, version) = agent.split_once(" Chrome/")?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests;

//! The guess, by what real clients send.

use super::*;

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";

fn guess(method: &Method, agent: &str, more: &[(&'static str, &str)], over_tls: bool) -> &'static str {
    let mut headers = HeaderMap::new();
    if !agent.is_empty() {
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
    }
    for (name, value) in more {
        headers.insert(*name, value.parse().unwrap());
    }
    ProbableClient::of(method, &headers, over_tls).name()
}

#[test]
fn known_clients_are_told_by_their_names() {
    for (agent, expected) in [
        // Mail scanners.
        ("Mozilla/5.0 (compatible; BarracudaCentral/1.0; +http://www.barracudacentral.org)", "scanner"),
        ("Barracuda Sentinel (EE)", "scanner"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36 SafeLinks",
            "scanner",
        ),
        ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", "scanner"),
        ("Mimecast URL Protect", "scanner"),
        ("Google-Safety", "scanner"),
        ("Mozilla/5.0 (compatible; Google-Safety; +http://www.google.com/bot.html)", "scanner"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "scanner",
        ),
        // Previews, image proxies of webmail, search engines.
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "preview"),
        ("Slackbot 1.0 (+https://api.slack.com/robots)", "preview"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "preview"),
        ("WhatsApp/2.23.20.0 A", "preview"),
        ("Twitterbot/1.0", "preview"),
        ("TelegramBot (like TwitterBot)", "preview"),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "preview"),
        ("LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", "preview"),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "preview"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
            "preview",
        ),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "preview"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "preview"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "preview"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", "preview"),
        ("Microsoft Office Word 2014", "preview"),
        // Programs.
        ("curl/8.5.0", "program"),
        ("Wget/1.21.3", "program"),
        ("aria2/1.36.0", "program"),
        ("python-requests/2.31.0", "program"),
        ("Go-http-client/1.1", "program"),
        ("okhttp/4.12.0", "program"),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1", "program"),
        ("AppleCoreMedia/1.0.0.21G93 (iPhone; U; CPU OS 17_6 like Mac OS X; en_us)", "program"),
        ("", "program"),
        // People.
        (CHROME, "browser"),
        (FIREFOX, "browser"),
        (SAFARI, "browser"),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S911B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36",
            "browser",
        ),
        ("Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18", "browser"),
    ] {
        assert_eq!(guess(&Method::GET, agent, &[], false), expected, "{agent}");
        if expected != "browser" {
            assert_eq!(guess(&Method::GET, &agent.to_uppercase(), &[], false), expected, "{agent} in capitals");
        }
    }
}

#[test]
fn a_browser_that_does_not_behave_as_one_is_a_scanner() {
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for (method, agent, more, over_tls, expected) in [
        (Method::GET, CHROME, &navigation[..], true, "browser"),
        (Method::GET, CHROME, &[][..], true, "scanner"),
        // Without TLS it sends none.
        (Method::GET, CHROME, &[][..], false, "browser"),
        // Others began later, or never did.
        (Method::GET, FIREFOX, &[][..], true, "browser"),
        (Method::GET, SAFARI, &[][..], true, "browser"),
        (
            Method::GET,
            "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 Chrome/49.0.2623.112 Safari/537.36",
            &[][..],
            true,
            "browser",
        ),
        (Method::HEAD, FIREFOX, &navigation[..], true, "scanner"),
        (Method::HEAD, "curl/8.5.0", &[][..], true, "program"),
        (Method::HEAD, "", &[][..], true, "program"),
    ] {
        assert_eq!(guess(&method, agent, more, over_tls), expected, "{method} {agent}");
    }
}

#[test]
fn what_browsers_fetch_ahead_is_no_click() {
    for purpose in [
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "prefetch"),
    ] {
        let more = [purpose, ("sec-fetch-mode", "navigate")];
        assert_eq!(guess(&Method::GET, CHROME, &more, true), "preview", "{purpose:?}");
    }
}

#[test]
fn every_name_is_known_and_numbers_follow_the_order() {
    assert!(KNOWN.is_some());
    for (client, names) in NAMES {
        for name in *names {
            assert_eq!(known(name.as_bytes()), Some(*client), "{name}");
        }
    }
    assert!(ProbableClient::ALL.iter().enumerate().all(|(number, client)| *client as usize == number));
}

#[test]
fn no_header_is_too_odd() {
    let mut headers = HeaderMap::new();
    for agent in [&b"Mozilla/5.0 \xff\xfe Chrome/"[..], b" Chrome/99999999999999.0", b"\xc3\x28", &[b'a'; 8000]] {
        headers.insert(header::USER_AGENT, http::HeaderValue::from_bytes(agent).unwrap());
        assert_ne!(ProbableClient::of(&Method::GET, &headers, true), ProbableClient::Preview);
    }
}

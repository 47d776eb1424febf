//! The two cookies: a login that goes on, and a customer who is logged in. Both are sealed.

use cookie::{Cookie, CookieBuilder, SameSite};
use http::{HeaderMap, HeaderValue, header};
use time::Duration;

use crate::app::AppSettings;
use crate::domain::ids::SiteId;
use crate::domain::portal::{Attempt, LOGIN_LIFETIME, SESSION_LIFETIME, Session};
use crate::login::{Kind, PortalKey, random};

/// A browser takes such a name only over TLS, from this very host, for all of its paths (RFC 6265bis section 4.1.3).
const HOST_PREFIX: &str = "__Host-";
const SESSION: &str = "attachlink-session";
const ATTEMPT: &str = "attachlink-login";
/// As many logins may go on in one browser at a time, in tabs side by side. With the longest ids, their cookies and a
/// session's leave room in the 8 kB that proxies take for a line of a request's head.
const SLOTS: &str = "0123";

/// Reads and makes cookies.
#[derive(Clone, Copy)]
pub(super) struct Cookies<'a> {
    pub(super) key: &'a PortalKey,
    pub(super) settings: &'a AppSettings,
}

impl Cookies<'_> {
    /// The session of a request, for whatever site and time it is.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<Session> {
        let sealed = value(headers, &self.name(SESSION))?;
        serde_json::from_str(&self.key.open(Kind::Session, "", sealed)?).ok()
    }

    /// The cookie that keeps a customer logged in.
    pub(super) fn keep_session(self, session: &Session) -> Option<HeaderValue> {
        let text = serde_json::to_string(session).ok()?;
        let sealed = self.key.seal(Kind::Session, "", &text);
        header_of(self.cookie(self.name(SESSION), sealed).max_age(SESSION_LIFETIME))
    }

    /// Takes the session away.
    pub(super) fn end_session(self) -> Option<HeaderValue> {
        header_of(self.cookie(self.name(SESSION), String::new()).max_age(Duration::ZERO))
    }

    /// A place for a login that begins: one that is free, or else any, and the newest of two in one place wins.
    pub(super) fn slot(self, headers: &HeaderMap) -> char {
        let [octet] = random();
        let any = usize::from(octet) % SLOTS.len();
        let from_any_on = || SLOTS.chars().cycle().skip(any).take(SLOTS.len());
        let is_free = |slot: &char| !has(headers, &self.name(&format!("{ATTEMPT}-{slot}")));
        from_any_on().find(is_free).or_else(|| from_any_on().next()).unwrap_or('0')
    }

    /// The login that came back with this state, if it was begun in this browser.
    pub(super) fn attempt(self, headers: &HeaderMap, site: &SiteId, state: &str) -> Option<Attempt> {
        let sealed = value(headers, &self.attempt_name(state)?)?;
        serde_json::from_str(&self.key.open(Kind::Attempt, site.as_str(), sealed)?).ok()
    }

    /// The cookie that remembers a login while it goes on.
    pub(super) fn keep_attempt(self, attempt: &Attempt, site: &SiteId) -> Option<HeaderValue> {
        let text = serde_json::to_string(attempt).ok()?;
        let sealed = self.key.seal(Kind::Attempt, site.as_str(), &text);
        header_of(self.cookie(self.attempt_name(&attempt.state)?, sealed).max_age(LOGIN_LIFETIME))
    }

    /// Forgets a login: each comes back once.
    pub(super) fn end_attempt(self, state: &str) -> Option<HeaderValue> {
        header_of(self.cookie(self.attempt_name(state)?, String::new()).max_age(Duration::ZERO))
    }

    fn attempt_name(self, state: &str) -> Option<String> {
        let slot = state.chars().next().filter(|slot| SLOTS.contains(*slot))?;
        Some(self.name(&format!("{ATTEMPT}-{slot}")))
    }

    fn name(self, name: &str) -> String {
        if self.settings.is_plain_loopback() { name.to_owned() } else { format!("{HOST_PREFIX}{name}") }
    }

    fn cookie(self, name: String, value: String) -> CookieBuilder<'static> {
        Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(!self.settings.is_plain_loopback())
    }
}

fn header_of(cookie: CookieBuilder<'_>) -> Option<HeaderValue> {
    HeaderValue::try_from(cookie.build().to_string()).ok()
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|all| all.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn has(headers: &HeaderMap, name: &str) -> bool {
    pairs(headers).any(|(given, _)| given == name)
}

/// A cookie of a request. Of two with one name neither counts: one of them is not ours.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = pairs(headers).filter(|(given, _)| *given == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::domain::ids::CommentPath;
    use crate::domain::portal::{AutomaticAddresses, SessionId, Target};
    use crate::login::random_text;

    fn settings(public_url: &str) -> AppSettings {
        AppSettings {
            public_url: public_url.to_owned(),
            api_url: String::new(),
            inline_limit: 0,
            automatic_addresses: AutomaticAddresses::default(),
            max_upload_octets: None,
        }
    }

    fn session() -> Session {
        let customer = "ana@a.example".parse().unwrap();
        Session { id: SessionId::named("s".to_owned()), site: "acme".to_owned(), provider: 7, customer, over_at: 0 }
    }

    #[test]
    fn a_session_comes_back_as_it_was_given_and_shows_nothing() {
        let (key, settings) = (PortalKey::of("k"), settings("https://files.example"));
        let cookies = Cookies { key: &key, settings: &settings };
        let cookie = cookies.keep_session(&session()).unwrap();
        let text = cookie.to_str().unwrap();
        let (pair, attributes) = text.split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
        let sealed = pair.strip_prefix("__Host-attachlink-session=").unwrap();
        let octets = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        // Of the octets, and long: three letters stand in the base64 of random ones now and then.
        assert!(!octets.windows(13).any(|window| window == b"ana@a.example"), "{octets:?}");
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&format!("x=1; {pair}")).unwrap())]);
        assert!(cookies.session(&headers) == Some(session()));
        let other = PortalKey::of("another");
        assert!(Cookies { key: &other, ..cookies }.session(&headers).is_none());
        let twice = format!("{pair}; {pair}");
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&twice).unwrap())]);
        assert!(cookies.session(&headers).is_none());
    }

    #[test]
    fn a_developers_machine_has_no_tls() {
        for (url, plain) in [
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://files.example", false),
            ("https://127.0.0.1", false),
        ] {
            let (key, settings) = (PortalKey::of("k"), settings(url));
            let cookie = Cookies { key: &key, settings: &settings }.end_session().unwrap();
            assert_eq!(cookie.to_str().unwrap().contains("Secure"), !plain, "{url}");
        }
    }

    #[test]
    fn a_state_names_its_slot() {
        let (key, settings) = (PortalKey::of("k"), settings("http://localhost"));
        let cookies = Cookies { key: &key, settings: &settings };
        assert_eq!(cookies.attempt_name("3abc").as_deref(), Some("attachlink-login-3"));
        for bad in ["", "4", "x", ";"] {
            assert_eq!(cookies.attempt_name(bad), None);
        }
    }

    fn sent(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookies).unwrap())])
    }

    #[test]
    fn logins_side_by_side_take_the_free_slots_first() {
        let (key, settings) = (PortalKey::of("k"), settings("http://localhost"));
        let cookies = Cookies { key: &key, settings: &settings };
        for _ in 0..50 {
            assert!(SLOTS.contains(cookies.slot(&HeaderMap::new())));
            let taken = sent("attachlink-login-0=a; attachlink-login-1=b; attachlink-login-3=c");
            assert_eq!(cookies.slot(&taken), '2');
            let all = sent("attachlink-login-0=a; attachlink-login-1=b; attachlink-login-2=c; attachlink-login-3=d");
            assert!(SLOTS.contains(cookies.slot(&all)));
        }
    }

    /// nginx takes 8 kB for one line of a request's head, and refuses longer ones: nobody could come back for as long as
    /// the cookies last.
    #[test]
    fn the_cookies_of_a_browser_fit_a_line_of_8_kb_with_room_for_others() {
        const LINE: usize = 8 * 1024;
        let (key, settings) = (PortalKey::of("k"), settings("https://files.example"));
        let cookies = Cookies { key: &key, settings: &settings };
        let id = "x".repeat(128);
        let site: SiteId = id.parse().unwrap();
        let comment = CommentPath { site: site.clone(), project: id.parse().unwrap(), comment: id.parse().unwrap() };
        let attempt = |slot: char| Attempt {
            target: Target::of(&comment.clone().attachment(id.parse().unwrap())),
            provider: i64::MAX,
            state: format!("{slot}{}", random_text()),
            nonce: random_text(),
            verifier: "v".repeat(43),
            over_at: i64::MAX,
        };
        let domain = format!("{0}.{0}.{1}", "d".repeat(63), "d".repeat(57));
        let session = Session {
            id: SessionId::named(random_text()),
            site: id.clone(),
            provider: i64::MAX,
            customer: format!("{}@{domain}", "l".repeat(64)).parse().unwrap(),
            over_at: i64::MAX,
        };
        let pair = |cookie: HeaderValue| cookie.to_str().unwrap().split_once(';').unwrap().0.len() + "; ".len();
        let attempts = SLOTS.chars().map(|slot| pair(cookies.keep_attempt(&attempt(slot), &site).unwrap()));
        let octets = attempts.sum::<usize>() + pair(cookies.keep_session(&session).unwrap());
        assert!(octets < LINE * 3 / 4, "{octets} octets");
    }
}

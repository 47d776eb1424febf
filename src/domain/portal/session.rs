//! Being logged in: what a login is about while it goes on, and what is known after it.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::EmailAddress;
use crate::domain::ids::{AttachmentPath, SiteId};

/// How long a login may take at the provider.
pub const LOGIN_LIFETIME: Duration = Duration::minutes(10);

/// How long a customer stays logged in. The provider is asked again after it, mostly without a word to the customer.
pub const SESSION_LIFETIME: Duration = Duration::HOUR;

/// How long it is remembered that a session was there, for downloads that were begun in it and still run.
pub const SESSION_KEPT: Duration = Duration::days(60);

/// One set of a provider's settings: replaced ones have another number, and what was begun under the old ones ends.
pub type ProviderNumber = i64;

/// A login that goes on. It lives in a sealed cookie of the browser that began it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// What the customer wanted.
    pub target: Target,
    /// The provider's settings that it was begun with.
    pub provider: ProviderNumber,
    /// What the provider gives back unchanged: it ties the way back to this browser.
    pub state: String,
    /// What the provider signs: it ties the proof to this login.
    pub nonce: String,
    /// What only whoever began knows (RFC 7636).
    pub verifier: String,
    /// From when on it is over, in Unix seconds.
    pub over_at: i64,
}

/// An attachment that somebody wants to download.
#[derive(Clone, Serialize, Deserialize)]
pub struct Target {
    site: String,
    project: String,
    comment: String,
    attachment: String,
}

impl Target {
    /// The place of an attachment.
    #[must_use]
    pub fn of(path: &AttachmentPath) -> Self {
        Self {
            site: path.comment.site.to_string(),
            project: path.comment.project.to_string(),
            comment: path.comment.comment.to_string(),
            attachment: path.attachment.to_string(),
        }
    }

    /// Where it is on the public listener. Identifiers hold only characters that stand for themselves in a path.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/p/{}/{}/{}/{}", self.site, self.project, self.comment, self.attachment)
    }
}

/// The name of a session: random, and the database holds it for as long as nobody logs out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// A session of that name, which must be random.
    #[must_use]
    pub const fn named(random: String) -> Self {
        Self(random)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A customer who is logged in to a site. It lives in a sealed cookie, and counts while the database knows its name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// The site: a login to one is none to another.
    pub site: String,
    /// The provider's settings that it was made with.
    pub provider: ProviderNumber,
    /// Whose it is: an address that the provider verified.
    pub customer: EmailAddress,
    /// From when on it is over, in Unix seconds.
    pub over_at: i64,
}

impl Session {
    /// Whether it lets anybody in to `site` at `now`.
    #[must_use]
    pub fn is_for(&self, site: &SiteId, now: OffsetDateTime) -> bool {
        self.site == site.as_str() && now.unix_timestamp() < self.over_at
    }
}

impl Attempt {
    /// Whether it can still be finished in `site` at `now`, with what came back from the provider.
    #[must_use]
    pub fn is_for(&self, site: &SiteId, state: &str, now: OffsetDateTime) -> bool {
        use subtle::ConstantTimeEq as _;
        let same_state: bool = self.state.as_bytes().ct_eq(state.as_bytes()).into();
        same_state && self.target.site == site.as_str() && now.unix_timestamp() < self.over_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CommentPath;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);

    fn attempt() -> Attempt {
        let [site, project, comment] = ["acme", "SUP", "c:1~"];
        let comment = CommentPath {
            site: site.parse().unwrap(),
            project: project.parse().unwrap(),
            comment: comment.parse().unwrap(),
        };
        Attempt {
            target: Target::of(&comment.attachment("a.1".parse().unwrap())),
            provider: 7,
            state: "0abc".to_owned(),
            nonce: String::new(),
            verifier: String::new(),
            over_at: (NOW + LOGIN_LIFETIME).unix_timestamp(),
        }
    }

    #[test]
    fn a_login_ends_where_and_when_it_was_begun() {
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let end = NOW + LOGIN_LIFETIME;
        assert!(attempt().is_for(&acme, "0abc", end - Duration::SECOND));
        assert!(!attempt().is_for(&acme, "0abc", end));
        assert!(!attempt().is_for(&acme, "0abd", NOW));
        assert!(!attempt().is_for(&acme, "", NOW));
        assert!(!attempt().is_for(&other, "0abc", NOW));
        assert_eq!(attempt().target.path(), "/p/acme/SUP/c:1~/a.1");
    }

    #[test]
    fn a_session_is_one_sites_and_ends() {
        let end = NOW + SESSION_LIFETIME;
        let customer = "ana@a.example".parse().unwrap();
        let (id, over_at) = (SessionId::named("s".to_owned()), end.unix_timestamp());
        let session = Session { id, site: "acme".to_owned(), provider: 7, customer, over_at };
        assert!(session.is_for(&"acme".parse().unwrap(), end - Duration::SECOND));
        assert!(!session.is_for(&"acme".parse().unwrap(), end));
        assert!(!session.is_for(&"acm".parse().unwrap(), NOW));
    }
}

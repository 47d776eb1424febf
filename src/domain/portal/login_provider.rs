//! The `OpenID Connect` provider that a site's customers log in with.

use std::fmt;

use super::address::{self, InvalidPortalUrl};

/// The longest issuer, client id or secret, in octets.
const MAX_OCTETS: usize = 2000;

/// Why a text is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// Not a URL that can be an issuer.
    #[error("must be a URL such as https://login.example.com, without a query, a fragment, a user name or a password")]
    Url,
    /// Not safe to send people to.
    #[error("must be https (http is allowed for a loopback host only)")]
    Scheme,
}

/// A provider's name for itself (`OpenID Connect Core` section 1.2). Kept as it was written: it is compared octet by octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// Checks an issuer.
    ///
    /// # Errors
    /// [`InvalidIssuer`], which says what to do.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = url::Url::parse(text).map_err(|_| InvalidIssuer::Url)?;
        let has_more = url.query().is_some() || url.fragment().is_some();
        if text.len() > MAX_OCTETS || has_more || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(InvalidIssuer::Url);
        }
        address::must_be_safe(&url).map_err(|why| match why {
            InvalidPortalUrl::Scheme => InvalidIssuer::Scheme,
            _ => InvalidIssuer::Url,
        })?;
        Ok(Self(text.to_owned()))
    }

    /// The issuer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached without TLS, which only a developer's machine does.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
    }
}

/// The service's name at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(String);

impl ClientId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The service's password at the provider. Silent in `Debug`, and shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// The secret, for the provider and for whoever seals it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// Printable ASCII (RFC 6749 appendix A.1 and A.2), and not empty.
fn is_printable(text: &str) -> bool {
    (1..=MAX_OCTETS).contains(&text.len()) && text.bytes().all(|octet| (0x20..=0x7e).contains(&octet))
}

macro_rules! printable {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                if is_printable(&text) { Ok(Self(text)) } else { Err("must be 1 to 2000 printable ASCII characters") }
            }
        }
    )+};
}
printable!(ClientId, ClientSecret);

/// A provider with what the service is known as there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginProvider {
    /// The provider.
    pub issuer: Issuer,
    /// The service's name there.
    pub client_id: ClientId,
    /// Its password there.
    pub client_secret: ClientSecret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_urls_that_people_can_be_sent_to() {
        for good in ["https://login.example.com", "https://a.example/realms/x/", "http://127.0.0.1:3000"] {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("login.example.com", InvalidIssuer::Url),
            ("https://a.example/?x=1", InvalidIssuer::Url),
            ("https://a.example/#x", InvalidIssuer::Url),
            ("https://u:p@a.example/", InvalidIssuer::Url),
            ("https://a.example/ ", InvalidIssuer::Url),
            ("http://a.example/", InvalidIssuer::Scheme),
            ("javascript:alert(1)", InvalidIssuer::Url),
            ("ftp://a.example/", InvalidIssuer::Scheme),
        ] {
            assert_eq!(Issuer::parse(bad), Err(why), "{bad}");
        }
        assert!(Issuer::parse("HTTP://localhost").unwrap().is_plain());
        assert!(!Issuer::parse("https://a.example").unwrap().is_plain());
    }

    #[test]
    fn the_secret_is_printable_and_never_shown() {
        let secret = ClientSecret::try_from("s3cr3t".to_owned()).unwrap();
        assert_eq!((secret.reveal(), &*format!("{secret:?}")), ("s3cr3t", "ClientSecret(…)"));
        for bad in ["", "a\nb", "é", &"x".repeat(2001)] {
            assert!(ClientSecret::try_from(bad.to_owned()).is_err(), "{bad:?}");
            assert!(ClientId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}

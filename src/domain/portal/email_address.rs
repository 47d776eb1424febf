//! Email addresses of customers, and the domains that they are on.

use std::fmt;
use std::str::FromStr;

/// The longest address in octets (RFC 5321 section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_OCTETS: usize = 254;
/// The longest part before the `@` in octets (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_OCTETS: usize = 64;
/// The longest domain in octets (RFC 1035 section 2.3.4, without the root's dot).
const MAX_DOMAIN_OCTETS: usize = 253;
/// The longest label of a domain in octets (RFC 1035 section 2.3.4).
const MAX_LABEL_OCTETS: usize = 63;
/// The ASCII characters besides letters and digits that need no quotes before the `@` (RFC 5322 section 3.2.3).
const ATEXT: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// Why a text is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a domain such as example.com")]
pub struct InvalidDomain;

/// Why a text is no email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// Not of the form `name@domain`.
    #[error("must be an email address such as ana@example.com")]
    Form,
    /// Longer than mail servers take.
    #[error("must be at most {MAX_ADDRESS_OCTETS} octets long, with at most {MAX_LOCAL_OCTETS} before the @")]
    Length,
}

/// A domain in lower case; an internationalized one in its ASCII form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 253, example = "acme.example")]
pub struct Domain(String);

impl Domain {
    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        // The parser would undo percent-encoding, which no domain has.
        if text.contains('%') {
            return Err(InvalidDomain);
        }
        match url::Host::parse(text) {
            Ok(url::Host::Domain(domain)) if is_host_name(&domain) => Ok(Self(domain)),
            _ => Err(InvalidDomain),
        }
    }
}

/// Letters, digits and hyphens, in labels (RFC 1123 section 2.1).
fn is_host_name(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL_OCTETS).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    domain.len() <= MAX_DOMAIN_OCTETS && domain.split('.').all(is_label)
}

/// An email address as it is compared: the domain in lower case, and the part before the `@` without case.
///
/// Case is that of ASCII only. Whatever else looks alike or has the same lower case (the Kelvin sign and `k`) is another
/// address: nobody gets at somebody's requests by such a name. Quoted names and address literals are refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "email", max_length = 254, example = "ana@customer.example")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text, in the form in which it is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// Whether it is on this very domain, not on one under it.
    #[must_use]
    pub fn is_on(&self, domain: &Domain) -> bool {
        self.0.split_once('@').is_some_and(|(_, own)| own == domain.as_str())
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress::Form)?;
        let domain: Domain = domain.parse().map_err(|_| InvalidEmailAddress::Form)?;
        if !is_dot_atom(local) {
            return Err(InvalidEmailAddress::Form);
        }
        let text = format!("{}@{}", local.to_ascii_lowercase(), domain.as_str());
        if local.len() > MAX_LOCAL_OCTETS || text.len() > MAX_ADDRESS_OCTETS {
            return Err(InvalidEmailAddress::Length);
        }
        Ok(Self(text))
    }
}

/// A name that needs no quotes (RFC 5322 section 3.2.3), also with letters and digits beyond ASCII (RFC 6531).
fn is_dot_atom(local: &str) -> bool {
    let is_atom_char = |c: char| match u8::try_from(c) {
        Ok(octet) if octet.is_ascii() => octet.is_ascii_alphanumeric() || ATEXT.contains(&octet),
        _ => c.is_alphanumeric(),
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

macro_rules! text_forms {
    ($($name:ident, $error:ident;)+) => {$(
        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

text_forms! {
    Domain, InvalidDomain;
    EmailAddress, InvalidEmailAddress;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    #[test]
    fn compares_without_case() {
        assert_eq!(address("Ana.B@Customer.EXAMPLE"), address("ana.b@customer.example"));
        assert_eq!(address("a@bücher.example"), address("A@xn--bcher-kva.example"));
        assert_ne!(address("ana@x.example"), address("ana@y.example"));
        // The Kelvin sign has `k` for its lower case, and is another character all the same.
        assert_ne!(address("\u{212a}ate@x.example"), address("kate@x.example"));
    }

    #[test]
    fn takes_what_mail_servers_take_without_quotes() {
        for good in ["a@b", "jürgen@example.org", "o'neil+tag/x=1@a-b.example", "1@1a.example", "x_y@sub.example.com"]
        {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a b@c.example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "\"a b\"@c.example",
            "a@b@c.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b..c",
            "a@b.c.",
            "a@-b.example",
            "a@b_c.example",
            "a@b%2ec",
            "a\n@b.example",
            "a\u{202e}@b.example",
            "a<b@c.example",
            "a@b/c",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(InvalidEmailAddress::Form), "{bad:?}");
        }
    }

    #[test]
    fn is_as_long_as_mail_servers_take() {
        let of = |local: usize, labels: usize| {
            format!("{}@{}example", "x".repeat(local), "d234567890.".repeat(labels)).parse::<EmailAddress>()
        };
        assert!(of(64, 10).is_ok());
        assert_eq!(of(65, 10), Err(InvalidEmailAddress::Length));
        assert_eq!(of(64, 17), Err(InvalidEmailAddress::Length), "259 octets");
    }

    #[test]
    fn is_on_its_own_domain_only() {
        let ana = address("ana@mail.acme.example");
        assert!(ana.is_on(&"MAIL.acme.example".parse().unwrap()));
        for other in ["acme.example", "ana.mail.acme.example", "xmail.acme.example"] {
            assert!(!ana.is_on(&other.parse().unwrap()), "{other}");
        }
        assert_eq!(ana.local_part(), "ana");
    }
}

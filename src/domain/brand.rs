//! How an operator presents itself on the pages that people meet.

use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::color::Rgb;
use super::portal::EmailAddress;

/// The longest name: a line on a phone holds about half of it.
const MAX_NAME_CHARS: usize = 60;
/// What stands for itself in the address of a `mailto:` (RFC 6068 section 2).
const MAILTO: &AsciiSet = &NON_ALPHANUMERIC.remove(b'@').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// What an operator shows of itself. Nothing of it is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brand {
    /// Its name.
    pub name: Option<BrandName>,
    /// The colour of its logo.
    pub color: Option<Rgb>,
    /// Where people get help.
    pub support: Option<SupportAddress>,
}

/// A name of a few words on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandName(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of 1 to {MAX_NAME_CHARS} characters on one line, such as Acme Support")]
pub struct InvalidName;

impl BrandName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first letter, where it begins with one, as a logo shows it.
    #[must_use]
    pub fn initial(&self) -> Option<String> {
        let first = self.0.chars().next().filter(|first| first.is_alphanumeric())?;
        Some(first.to_uppercase().collect())
    }
}

/// Whether a character is only there to turn or hide others (Unicode Standard Annex 9, *bidirectional formatting*).
const fn directs(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
}

impl FromStr for BrandName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let name = text.trim();
        let odd = |c: char| c.is_control() || directs(c);
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(odd) {
            return Err(InvalidName);
        }
        Ok(Self(name.to_owned()))
    }
}

/// Where people get help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupportAddress {
    /// By email.
    Mail(String),
    /// On a page.
    Page(url::Url),
}

/// Why a text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an email address such as support@acme.example, or a page such as https://acme.example/contact")]
pub struct InvalidSupportAddress;

impl SupportAddress {
    /// Where a link to it leads.
    #[must_use]
    pub fn href(&self) -> String {
        match self {
            Self::Mail(address) => format!("mailto:{}", utf8_percent_encode(address, MAILTO)),
            Self::Page(url) => url.to_string(),
        }
    }
}

impl FromStr for SupportAddress {
    type Err = InvalidSupportAddress;

    fn from_str(text: &str) -> Result<Self, InvalidSupportAddress> {
        let text = text.trim();
        if let Some(page) = url::Url::parse(text).ok().filter(|url| url.scheme() == "https") {
            let anonymous = page.username().is_empty() && page.password().is_none();
            return if anonymous { Ok(Self::Page(page)) } else { Err(InvalidSupportAddress) };
        }
        let address = text.strip_prefix("mailto:").unwrap_or(text);
        match address.parse::<EmailAddress>() {
            Ok(_) => Ok(Self::Mail(address.to_owned())),
            Err(_) => Err(InvalidSupportAddress),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_turns_nothing_around() {
        for (given, kept, initial) in [
            (" Acme Support ", "Acme Support", Some("A")),
            ("élan", "élan", Some("É")),
            ("株式会社アクメ", "株式会社アクメ", Some("株")),
            ("«Acme»", "«Acme»", None),
            ("<b>", "<b>", None),
        ] {
            let name: BrandName = given.parse().unwrap();
            assert_eq!((name.as_str(), name.initial().as_deref()), (kept, initial));
        }
        for bad in ["", " ", "Acme\nSupport", "Acme\u{202e}Support", "a\u{200b}", &"x".repeat(MAX_NAME_CHARS + 1)] {
            assert_eq!(bad.parse::<BrandName>(), Err(InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn help_is_given_by_email_or_on_a_page() {
        for (given, href) in [
            ("support@acme.example", "mailto:support@acme.example"),
            ("mailto:Support@acme.example", "mailto:Support@acme.example"),
            ("help+files?subject=x@acme.example", "mailto:help%2Bfiles%3Fsubject%3Dx@acme.example"),
            ("https://acme.example/contact?from=files", "https://acme.example/contact?from=files"),
            ("https://acme.example", "https://acme.example/"),
        ] {
            assert_eq!(given.parse::<SupportAddress>().unwrap().href(), href);
        }
        for bad in [
            "",
            "acme.example",
            "http://acme.example",
            "javascript:alert(1)",
            "https://u:p@acme.example/",
            "a b@c.example",
        ] {
            assert_eq!(bad.parse::<SupportAddress>(), Err(InvalidSupportAddress), "{bad}");
        }
    }
}

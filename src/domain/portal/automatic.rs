//! Addresses that programs write from: mail to them goes in circles.

use std::collections::BTreeSet;

use super::EmailAddress;

/// What stands between the words of such a name, in whatever way it is spelled.
const SEPARATORS: [char; 3] = ['-', '_', '.'];
/// Starts what a mail server ignores behind a name.
const TAG: char = '+';

/// The names before the `@` that are automatic, whatever the domain.
///
/// They match without case, without separators and without what follows a `+`: `No_Reply+x@` is `noreply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticAddresses(BTreeSet<String>);

impl AutomaticAddresses {
    /// The names that are automatic where an operator says nothing else.
    pub const DEFAULT_NAMES: &'static str = "no-reply,do-not-reply,not-reply,auto-reply,support,servicedesk,helpdesk,\
         mailer-daemon,postmaster,bounce,bounces,notifications,automailer";

    /// These names, in any spelling. Empty ones match nothing.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(spelled).filter(|name| !name.is_empty()).collect())
    }

    /// Whether a program writes from this address.
    #[must_use]
    pub fn contains(&self, address: &EmailAddress) -> bool {
        self.0.contains(&spelled(address.local_part()))
    }
}

impl Default for AutomaticAddresses {
    fn default() -> Self {
        Self::of(Self::DEFAULT_NAMES.split(','))
    }
}

fn spelled(name: &str) -> String {
    let name = name.split(TAG).next().unwrap_or_default();
    name.chars().filter(|c| !SEPARATORS.contains(c)).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(list: &AutomaticAddresses, address: &str) -> bool {
        list.contains(&address.parse().unwrap())
    }

    #[test]
    fn knows_the_usual_names_in_every_spelling() {
        let list = AutomaticAddresses::default();
        for automatic in [
            "no-reply@a.example",
            "noreply@a.example",
            "No_Reply@a.example",
            "no.reply@a.example",
            "no-reply+x@a.example",
            "NOREPLY+a+b@a.example",
            "support@a.example",
            "service-desk@a.example",
            "servicedesk@a.example",
            "MAILER-DAEMON@a.example",
            "postmaster@a.example",
        ] {
            assert!(matches(&list, automatic), "{automatic}");
        }
        for person in ["ana@a.example", "noreplyana@a.example", "x+noreply@a.example", "supporter@a.example"] {
            assert!(!matches(&list, person), "{person}");
        }
    }

    #[test]
    fn is_what_the_operator_says() {
        let list = AutomaticAddresses::of(["Build-Bot", " ", "-"]);
        assert!(matches(&list, "buildbot@a.example") && !matches(&list, "no-reply@a.example"));
        assert!(!matches(&list, "+x@a.example"), "nothing before the tag");
    }
}

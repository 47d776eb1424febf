//! The address of a request in the help desk's portal.

use crate::domain::ids::{ProjectId, RequestId};

/// A checked template of a portal address, such as `https://help.acme.example/portal/{project}/{request}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalUrl(String);

/// Why a text is not a portal template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPortalUrl {
    /// Not a URL.
    #[error("must be a URL such as https://help.example.com/portal/{{project}}/{{request}}")]
    Url,
    /// Not safe to send people to.
    #[error("must be https (http is allowed for a loopback host only)")]
    Scheme,
    /// A placeholder that means nothing, or one in the scheme, host or port.
    #[error("may contain the placeholders {{project}} and {{request}} only, and only after the host")]
    Placeholder,
    /// Longer than 2,000 octets.
    #[error("must be at most 2000 octets long")]
    Length,
    /// A user name or password.
    #[error("must not contain a user name or a password")]
    Credentials,
}

const MAX_OCTETS: usize = 2000;

impl PortalUrl {
    /// Checks a template.
    ///
    /// # Errors
    /// [`InvalidPortalUrl`], which says what to do.
    pub fn parse(template: &str) -> Result<Self, InvalidPortalUrl> {
        if template.len() > MAX_OCTETS {
            return Err(InvalidPortalUrl::Length);
        }
        if template.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidPortalUrl::Url);
        }
        let without = template.replace("{project}", "P").replace("{request}", "R");
        if without.contains(['{', '}']) {
            return Err(InvalidPortalUrl::Placeholder);
        }
        let url = url::Url::parse(&without).map_err(|_| InvalidPortalUrl::Url)?;
        must_be_safe(&url)?;
        if authority(template).ok_or(InvalidPortalUrl::Url)?.contains('{') {
            return Err(InvalidPortalUrl::Placeholder);
        }
        Ok(Self(template.to_owned()))
    }

    /// The template as it was given.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.0
    }

    /// The address of a request. Identifiers hold only characters that stand for themselves in a path; `:` and `~`
    /// are safe there too (RFC 3986 section 3.3).
    #[must_use]
    pub fn of(&self, project: &ProjectId, request: &RequestId) -> String {
        let filled = self.0.replace("{project}", project.as_str()).replace("{request}", request.as_str());
        // ASCII only in what is sent: the parser percent-encodes and turns host names into their ASCII form.
        url::Url::parse(&filled).map_or(filled, String::from)
    }
}

/// What names the host of a template. Browsers also read other numbers of slashes, and backslashes, before and after it;
/// with exactly two before it there is no doubt about where it is.
fn authority(template: &str) -> Option<&str> {
    let (_, after_scheme) = template.split_once(':')?;
    let authority = after_scheme.strip_prefix("//")?.split(['/', '\\', '?', '#']).next()?;
    (!authority.is_empty()).then_some(authority)
}

/// Whether people may be sent to it: `https`, or `http` on this machine, and without credentials.
pub(super) fn must_be_safe(url: &url::Url) -> Result<(), InvalidPortalUrl> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidPortalUrl::Credentials);
    }
    match (url.scheme(), url.host()) {
        (_, None) => Err(InvalidPortalUrl::Url),
        (_, Some(url::Host::Domain(name))) if !name.bytes().all(is_of_a_name) => Err(InvalidPortalUrl::Url),
        ("https", _) => Ok(()),
        ("http", Some(host)) if is_loopback(&host) => Ok(()),
        _ => Err(InvalidPortalUrl::Scheme),
    }
}

/// Letters, digits, hyphens and dots, and the underscore that some have. URLs allow more in a host, even quotes, which
/// somebody's page might not expect there.
const fn is_of_a_name(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')
}

fn is_loopback(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_the_request() {
        let url = PortalUrl::parse("https://help.acme.example/portal/{project}/{request}").unwrap();
        assert_eq!(
            url.of(&"SUP".parse().unwrap(), &"SUP-42".parse().unwrap()),
            "https://help.acme.example/portal/SUP/SUP-42"
        );
    }

    #[test]
    fn refuses_what_is_not_safe_to_send_people_to() {
        use InvalidPortalUrl::*;
        for (bad, why) in [
            ("help.acme.example/{request}", Url),
            ("http://help.acme.example/{request}", Scheme),
            ("javascript:alert(1)", Url),
            ("ftp://help.acme.example/", Scheme),
            ("https://{project}.acme.example/", Placeholder),
            ("https://acme.example/{comment}", Placeholder),
            ("https://acme.example/{", Placeholder),
            ("https://user:pw@acme.example/", Credentials),
            ("https://acme.example/a b", Url),
            ("https:/{project}.acme.example/", Url),
            ("https:{project}.acme.example/", Url),
            ("https:///{project}.acme.example/", Url),
            ("https:\\\\{project}.acme.example/", Url),
            ("https:/{project}.acme.example/x://y", Url),
            ("https://{project}.acme.example\\x/", Placeholder),
            ("https://a\"b.example/", Url),
        ] {
            assert_eq!(PortalUrl::parse(bad), Err(why), "{bad}");
        }
        for good in
            ["http://localhost:3000/{request}", "http://127.0.0.1/x", "http://[::1]/", "https://bücher.example/é"]
        {
            assert!(PortalUrl::parse(good).is_ok(), "{good}");
        }
        assert!(PortalUrl::parse(&format!("https://a.example/{}", "x".repeat(2000))).is_err());
    }
}

//! Which host a request is for.

use http::request::Parts;
use http::uri::Authority;
use http::{Version, header};

/// Whether a request has one `Host` that names a host, as every request since HTTP/1.1 must (RFC 9112 section 3.2). What
/// stands in it decides nothing here; but two readers of a request with two hosts could each take another one.
pub(super) fn is_named_once(head: &Parts) -> bool {
    let mut values = head.headers.get_all(header::HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => head.version < Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// Empty is right for a target that has no host.
pub(super) fn is_host(value: &[u8]) -> bool {
    value.is_empty() || is_usual(value) || Authority::try_from(value).is_ok_and(|host| !host.as_str().contains('@'))
}

/// Names and IPv4 addresses, with a port or without: what nearly all are, told in a fifth of the time (0.02 us for 0.11).
fn is_usual(value: &[u8]) -> bool {
    let (name, port) = match value.iter().position(|octet| *octet == b':') {
        Some(colon) => (&value[..colon], Some(&value[colon + 1..])),
        None => (value, None),
    };
    let of_name = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.');
    let is_port = |port: &[u8]| !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    !name.is_empty() && name.iter().all(of_name) && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_named(version: Version, hosts: &[&str]) -> bool {
        let mut request = http::Request::builder().version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        is_named_once(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn one_host_that_is_one() {
        for (host, named) in [
            ("files.acme.example", true),
            ("files.acme.example:8443", true),
            ("[::1]:8080", true),
            ("127.0.0.1", true),
            ("", true),
            ("a b", false),
            ("user@files.acme.example", false),
            ("files.acme.example/a", false),
        ] {
            assert_eq!(is_named(Version::HTTP_11, &[host]), named, "{host}");
        }
        assert!(!is_named(Version::HTTP_11, &[]));
        assert!(is_named(Version::HTTP_10, &[]));
        assert!(!is_named(Version::HTTP_10, &["x", "x"]));
    }

    /// The quick look takes nothing for a host that the whole one does not.
    #[test]
    fn what_is_usual_is_a_host() {
        for usual in ["a", "localhost", "localhost:80", "127.0.0.1:65535", "x-1.example", ".", "a..b", "-", "a:0"] {
            assert!(is_usual(usual.as_bytes()), "{usual}");
        }
        for other in
            ["", ":", ":80", "a:", "a:b", "a:80:80", "a:-1", "[::1]:80", "a@b", "a b", "a/b", "a%41", "ä", "a,b"]
        {
            assert!(!is_usual(other.as_bytes()), "{other}");
        }
        let octets = b"aZ09-.:@/[]% ,\0\xff";
        for (one, two, three) in octets
            .iter()
            .flat_map(|one| octets.iter().map(move |two| (one, two)))
            .flat_map(|(one, two)| octets.iter().map(move |three| (*one, *two, *three)))
        {
            let host = [one, two, three];
            let whole = Authority::try_from(&host[..]).is_ok_and(|host| !host.as_str().contains('@'));
            assert!(whole || !is_usual(&host), "{host:?}");
        }
    }
}

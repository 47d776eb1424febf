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
    value.is_empty() || Authority::try_from(value).is_ok_and(|host| !host.as_str().contains('@'))
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
}

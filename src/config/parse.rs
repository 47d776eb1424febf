//! How values are read. An error says what to write instead; the caller adds the setting's name.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;

use super::{LogFormat, PortalSecret};
use crate::domain::portal::AutomaticAddresses;
use crate::logging;
use crate::login::ProviderAddresses;

/// How long the name of a bucket may be (S3: *Bucket naming rules*).
const BUCKET_NAME_OCTETS: RangeInclusive<usize> = 3..=63;
/// Leaves most of S3's 1024 octets to the keys.
const MAX_PREFIX_OCTETS: usize = 256;

/// `address:port`, in numbers.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let advice = "use a numeric address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080";
        match text.rsplit_once(':').map(|(_, port)| port.parse::<u16>()) {
            Some(Ok(port)) if text.starts_with("localhost:") => {
                format!("'{text}' is a name, not an address; write 127.0.0.1:{port}")
            }
            Some(Ok(port)) if text.starts_with(':') => format!("'{text}' has no address; write 0.0.0.0:{port}"),
            _ => format!("'{text}' is not an address with a port; {advice}"),
        }
    })
}

/// The base of links. Ends with one slash, so that joining a relative path keeps the whole base.
pub(super) fn public_url(text: &str) -> Result<url::Url, String> {
    let advice = "write it as https://files.example.com, with a path if you need one";
    let mut url = url::Url::parse(text).map_err(|error| format!("'{text}' is not a URL ({error}); {advice}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("'{text}' is neither http nor https; {advice}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("must not hold a user name or password; {advice}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("'{text}' has a query or a fragment; {advice}"));
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Where bytes live, as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `file:DIR`.
    Directory(PathBuf),
    /// `s3://BUCKET[/PREFIX]`; the prefix without slashes around it.
    Bucket { bucket: String, prefix: String },
}

/// `file:DIR` or `s3://BUCKET[/PREFIX]`.
pub(super) fn objects(text: &str) -> Result<Place, String> {
    let advice = "write file:DIR, such as file:/var/lib/attachlink/objects, or s3://BUCKET/PREFIX";
    if let Some(bucket) = text.strip_prefix("s3://") {
        return self::bucket(bucket).map_err(|error| format!("'{text}' {error}"));
    }
    let Some(path) = text.strip_prefix("file:") else {
        return Err(format!("'{text}' does not say what kind of store it is; {advice}"));
    };
    let path = match path.strip_prefix("//") {
        None => path,
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err(format!("'{text}' names a host; {advice}")),
    };
    if path.is_empty() {
        return Err(format!("'{text}' names no directory; {advice}"));
    }
    Ok(Place::Directory(PathBuf::from(path)))
}

fn bucket(text: &str) -> Result<Place, String> {
    let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
    let of_buckets = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    if !BUCKET_NAME_OCTETS.contains(&bucket.len()) || !bucket.bytes().all(of_buckets) {
        return Err("names no bucket; a bucket's name has 3 to 63 of a-z 0-9 - . in it".to_owned());
    }
    let prefix = if prefix == "/" { prefix } else { prefix.strip_suffix('/').unwrap_or(prefix) };
    let odd = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains(['\\', '?', '#']);
    let segments_are_odd = prefix.split('/').any(odd) || prefix.chars().any(char::is_control);
    if !prefix.is_empty() && (segments_are_odd || prefix.len() > MAX_PREFIX_OCTETS) {
        return Err(format!(
            "has a prefix that does not do; write a folder such as s3://{bucket}/attachments, without empty, '.' or '..' \
             segments and at most {MAX_PREFIX_OCTETS} octets long"
        ));
    }
    Ok(Place::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// Whether a pooler in transaction mode stands before the database server.
pub(super) fn pooler(text: &str) -> Result<bool, String> {
    match text {
        "none" => Ok(false),
        "transaction" => Ok(true),
        _ => Err(format!("'{text}' is not a kind of pooler; write none, or transaction for one in transaction mode")),
    }
}

/// An S3 server's address.
pub(super) fn endpoint(text: &str) -> Result<url::Url, String> {
    // Not repeated, whatever stands before it.
    if text.contains('@') {
        let advice = "give the keys as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(format!("must not hold a user name or password; {advice}"));
    }
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!("'{text}' is not an http or https URL; write it as https://s3.example.com")),
    }
}

/// Addresses and networks, with commas between them. The empty text is none.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(network).collect()
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        format!("'{text}' is neither an address nor a network; write them as 10.0.0.5,192.168.0.0/16,fd00::/8")
    })
}

/// A directory's path.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must name a directory".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Any text but an empty one.
pub(super) fn word(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A whole number in a range; `unit` is named in the error.
pub(super) fn number(text: &str, range: RangeInclusive<u64>, unit: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "'{text}' does not do; write a whole number of {unit} from {} to {}, without the unit",
            range.start(),
            range.end()
        )),
    }
}

/// A `tracing` filter.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    logging::check_filter(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

/// `json` or `text`.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(format!("'{text}' is not a format; write json or text")),
    }
}

/// Names before the `@`, with commas between them. The empty text is none.
pub(super) fn automatic_addresses(text: &str) -> Result<AutomaticAddresses, String> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| name.contains(['@', ' '])) {
        Some(_) => Err("must be the parts before the @, with commas between them, such as no-reply,support".to_owned()),
        None => Ok(AutomaticAddresses::of(names)),
    }
}

/// Where login providers may be.
pub(super) fn provider_addresses(text: &str) -> Result<ProviderAddresses, String> {
    match text {
        "public" => Ok(ProviderAddresses::Public),
        "any" => Ok(ProviderAddresses::Any),
        _ => Err(format!("'{text}' is neither; write public, or any for providers in your own networks too")),
    }
}

/// Text that a type of the domain reads, and whose error says what to write.
pub(super) fn of_domain<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("'{text}' does not do; it {error}"))
}

/// Too short a secret can be found by trying.
pub(crate) const MIN_PORTAL_KEY_OCTETS: usize = 32;

/// What logins are sealed with. The error does not repeat it.
pub(super) fn portal_key(text: &str) -> Result<PortalSecret, String> {
    if text.len() < MIN_PORTAL_KEY_OCTETS {
        return Err(format!(
            "must be at least {MIN_PORTAL_KEY_OCTETS} characters long; make one with `openssl rand -base64 32`"
        ));
    }
    Ok(PortalSecret(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_store_holds_no_keys() {
        assert_eq!(endpoint("http://10.0.0.5:3900").unwrap().as_str(), "http://10.0.0.5:3900/");
        for keys in ["https://GK12:hush@s3.acme.example", "https://GK12@s3:x", "GK12:hush@s3.acme.example"] {
            let error = endpoint(keys).unwrap_err();
            assert!(
                error.contains("AWS_ACCESS_KEY_ID") && !error.contains("GK12") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn login_providers_are_at_public_addresses_or_at_any() {
        assert_eq!(provider_addresses("public"), Ok(ProviderAddresses::Public));
        assert_eq!(provider_addresses("any"), Ok(ProviderAddresses::Any));
        assert!(provider_addresses("private").unwrap_err().contains("write public"));
    }

    #[test]
    fn a_portal_key_is_long_and_shown_by_nothing() {
        let key = portal_key("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!((key.reveal().len(), &*format!("{key:?}")), (32, "PortalSecret(…)"));
        assert!(!portal_key("0123456789abcdef0123456789abcde").unwrap_err().contains("0123"));
    }

    #[test]
    fn addresses_are_numeric_and_the_error_says_what_to_write() {
        for good in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:65535"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for (bad, advice) in [
            ("localhost:8080", "write 127.0.0.1:8080"),
            (":8080", "write 0.0.0.0:8080"),
            ("8080", "such as 127.0.0.1:8080"),
            ("127.0.0.1", "such as 127.0.0.1:8080"),
            ("127.0.0.1:65536", "such as 127.0.0.1:8080"),
            ("files.example.com:80", "such as 127.0.0.1:8080"),
            ("", "such as 127.0.0.1:8080"),
        ] {
            let error = address(bad).unwrap_err();
            assert!(error.contains(advice), "{bad}: {error}");
        }
    }

    #[test]
    fn the_public_url_ends_with_one_slash() {
        for (given, kept) in [
            ("https://files.acme.example", "https://files.acme.example/"),
            ("https://files.acme.example/", "https://files.acme.example/"),
            ("https://acme.example/files", "https://acme.example/files/"),
            ("https://acme.example/files///", "https://acme.example/files/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ] {
            let url = public_url(given).unwrap();
            assert_eq!(url.as_str(), kept);
            assert_eq!(url.join("a/x").unwrap().as_str(), format!("{kept}a/x"));
        }
        for bad in [
            "files.acme.example",
            "localhost:8080",
            "ftp://a.example",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://u:p@a.example/",
            "",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn objects_are_in_a_directory_or_a_bucket() {
        for (given, dir) in [
            ("file:/srv/objects", "/srv/objects"),
            ("file:///srv/objects", "/srv/objects"),
            ("file:objects", "objects"),
        ] {
            assert_eq!(objects(given), Ok(Place::Directory(dir.into())), "{given}");
        }
        for (given, bucket, prefix) in [
            ("s3://attachments", "attachments", ""),
            ("s3://attachments/", "attachments", ""),
            ("s3://my-bucket.eu/desk/files", "my-bucket.eu", "desk/files"),
            ("s3://my-bucket.eu/desk/", "my-bucket.eu", "desk"),
        ] {
            let place = Place::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(objects(given), Ok(place), "{given}");
        }
        for bad in ["", "file:", "file://host/dir", "/srv/objects", "gs://bucket"] {
            assert!(objects(bad).unwrap_err().contains("write file:DIR"), "{bad}");
        }
        for bad in ["s3://", "s3:///x", "s3://ab", "s3://Bucket", "s3://user@bucket", "s3://bucket:80"] {
            assert!(objects(bad).unwrap_err().contains("names no bucket"), "{bad}");
        }
        for bad in [
            "s3://bucket//",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/a?b=c",
            "s3://bucket//a",
            "s3://bucket/..",
        ] {
            assert!(objects(bad).unwrap_err().contains("write a folder such as s3://bucket/attachments"), "{bad}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let read = |text| networks(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(
            read("10.0.0.5, 192.168.0.0/16,fd00::/8,"),
            Ok(vec!["10.0.0.5/32".to_owned(), "192.168.0.0/16".to_owned(), "fd00::/8".to_owned()])
        );
        assert_eq!(read(""), Ok(vec![]));
        for bad in ["proxy", "10.0.0.0/33", "10.0.0", "10.0.0.5 10.0.0.6", "10.0.0.5:80"] {
            assert!(networks(bad).unwrap_err().contains("write them as 10.0.0.5,"), "{bad}");
        }
    }

    #[test]
    fn a_pooler_is_none_or_works_by_transactions() {
        assert_eq!((pooler("none"), pooler("transaction")), (Ok(false), Ok(true)));
        for bad in ["", "session", "pgbouncer", "Transaction"] {
            assert!(pooler(bad).unwrap_err().contains("write none, or transaction"), "{bad}");
        }
    }

    #[test]
    fn numbers_have_a_range_and_no_unit() {
        assert_eq!(number("10", 1..=10, "seconds"), Ok(10));
        for bad in ["0", "11", "-1", "1.5", "6MB", "", "1_0"] {
            assert!(
                number(bad, 1..=10, "seconds").unwrap_err().contains("whole number of seconds from 1 to 10"),
                "{bad}"
            );
        }
    }
}

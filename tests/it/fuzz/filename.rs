//! Names of files, and how browsers are told them.

use attachlink::domain::filename::{MAX_SAFE_OCTETS, Reader, content_disposition, safe_name, url_segment};
use http::HeaderValue;
use percent_encoding::percent_decode_str;

/// A name that is safe, and headers and addresses that say no other.
pub fn check(input: &[u8]) {
    let given = String::from_utf8_lossy(input);
    let safe = safe_name(&given);
    is_safe(&safe);
    assert_eq!(safe_name(&safe), safe, "a safe name stays as it is");
    segment(&given, &safe);
    for (inline, kind) in [(true, "inline"), (false, "attachment")] {
        let to = |reader| content_disposition(inline, &given, reader);
        standard(&to(Reader::Standard), kind, &safe);
        for (reader, longest) in [(Reader::Browser, 244), (Reader::Curl, MAX_SAFE_OCTETS), (Reader::Wget, 236)] {
            let told = told(&to(reader), kind, reader);
            is_safe(&told);
            // curl reads no escapes: it is told of another character where it would need one.
            let whole = told == if reader == Reader::Curl { safe.replace('"', "_") } else { safe.clone() };
            assert!(told.len() <= longest && (whole || safe.len() > longest), "{told:?} for {safe:?}");
        }
    }
}

fn is_safe(name: &str) {
    assert!((1..=MAX_SAFE_OCTETS).contains(&name.len()), "{} octets", name.len());
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!name.contains(bad), "{name:?} deceives, or leaves its folder");
    let edges = [name.chars().next(), name.chars().next_back()];
    assert!(!edges.into_iter().flatten().any(|c| c == '.' || c.is_whitespace()), "{name:?} begins or ends badly");
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = |kind: &str| stem.strip_prefix(kind).is_some_and(|n| matches!(n, "1" | "9" | "²"));
    assert!(!matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL") && !port("COM") && !port("LPT"), "{name:?} is a device");
}

fn segment(given: &str, safe: &str) {
    let segment = url_segment(given);
    let unreserved = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~%".contains(&octet);
    assert!(segment.bytes().all(unreserved), "{segment}");
    assert_eq!(percent_decode_str(&segment).decode_utf8().as_deref(), Ok(safe));
    let url = url::Url::parse(&format!("https://files.example/a/T/{segment}")).expect("an address");
    assert_eq!(url.path(), format!("/a/T/{segment}"), "the address means another path");
}

/// The quoted name and, where there is one, the encoded name of a header.
fn names<'a>(header: &'a str, kind: &str) -> (&'a str, Option<&'a str>) {
    HeaderValue::from_bytes(header.as_bytes()).expect("a header");
    let rest = header.strip_prefix(kind).and_then(|rest| rest.strip_prefix("; filename=\"")).expect("a quoted name");
    let (plain, rest) = rest.split_once('"').expect("the quoted name's end");
    assert!(!plain.contains('\\'), "{plain}");
    let encoded = rest.strip_prefix("; filename*=UTF-8''");
    assert!(encoded.is_some() || rest.is_empty(), "{rest}");
    (plain, encoded)
}

/// For whoever reads it by the standard: two parameters, the first for old browsers.
fn standard(header: &str, kind: &str, safe: &str) {
    let (plain, encoded) = names(header, kind);
    let encoded = encoded.expect("an encoded name");
    assert!(header.is_ascii() && !plain.contains('%') && plain.chars().count() == safe.chars().count(), "{plain}");
    let attr = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&octet);
    assert!(encoded.bytes().all(attr), "{encoded}");
    assert_eq!(percent_decode_str(encoded).decode_utf8().as_deref(), Ok(safe));
}

/// What a program saves the file as.
fn told(header: &str, kind: &str, reader: Reader) -> String {
    let (plain, encoded) = names(header, kind);
    let read = match (reader, encoded) {
        (Reader::Curl, _) => return plain.to_owned(),
        (Reader::Browser, encoded) => encoded.expect("an encoded name"),
        _ => plain,
    };
    percent_decode_str(read).decode_utf8().expect("UTF-8").into_owned()
}

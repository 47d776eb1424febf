//! Bytes and what they are claimed to be: a first line with the claim, then the bytes.

use attachlink::domain::media::{Kind, SNIFF_OCTETS, effective_media_type, parse_media_type, served_as};
use http::HeaderValue;

/// Media types that a browser runs as something of the site that they come from, besides those that end with `+xml`.
const RUN_BY_BROWSERS: [&str; 9] = [
    "text/html",
    "text/xml",
    "text/xsl",
    "text/javascript",
    "text/ecmascript",
    "application/xml",
    "application/javascript",
    "application/ecmascript",
    "multipart/x-mixed-replace",
];

/// What is served is what the bytes are, and never what a browser would run.
pub fn check(input: &[u8]) {
    let end = input.iter().position(|octet| *octet == b'\n').unwrap_or(input.len());
    let (claim, octets) = (String::from_utf8_lossy(&input[..end]), input.get(end + 1..).unwrap_or_default());
    let kind = Kind::sniff(octets);
    assert_eq!(Kind::sniff(&octets[..octets.len().min(SNIFF_OCTETS)]), kind, "the first octets decide");
    let claimed = parse_media_type(&claim);
    if let Ok(spelled) = &claimed {
        assert_eq!(parse_media_type(spelled).as_ref(), Ok(spelled), "its one spelling");
        HeaderValue::from_str(spelled).expect("a header");
    }
    let kept = effective_media_type(kind, &claim);
    assert_eq!(kept.is_ok(), claimed.is_ok());
    for media_type in [&*claim, kept.as_deref().unwrap_or_default()] {
        serves(kind, media_type);
    }
}

fn serves(kind: Kind, media_type: &str) {
    let served = served_as(kind, media_type);
    HeaderValue::from_str(&served.content_type).expect("a header");
    assert_eq!(served.inline, kind.is_image(), "images are shown, files are saved");
    if let Some(proved) = kind.media_type() {
        return assert_eq!(served.content_type, proved);
    }
    let essence = served.content_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    assert!(!RUN_BY_BROWSERS.contains(&&*essence) && !essence.ends_with("+xml"), "{essence} is run by browsers");
}

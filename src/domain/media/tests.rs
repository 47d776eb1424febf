use proptest::prelude::*;

use super::*;

/// A bitmap's 14 octets of file header, then the size of its information header.
fn bitmap(information_header_octets: u32) -> Vec<u8> {
    let mut octets = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0".to_vec();
    octets.extend(information_header_octets.to_le_bytes());
    octets
}

#[test]
fn images_are_told_by_their_bytes() {
    for (octets, kind) in [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), Kind::Png),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), Kind::Jpeg),
        (b"\xff\xd8\xff\xe1\0\x10Exif\0".to_vec(), Kind::Jpeg),
        (b"GIF87a\x01\0\x01\0".to_vec(), Kind::Gif),
        (b"GIF89a\x01\0\x01\0".to_vec(), Kind::Gif),
        (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), Kind::Webp),
        (bitmap(12), Kind::Bmp),
        (bitmap(40), Kind::Bmp),
        (bitmap(124), Kind::Bmp),
    ] {
        assert_eq!(Kind::sniff(&octets), kind, "{octets:?}");
        let mut padded = octets.clone();
        padded.resize(SNIFF_OCTETS, 0);
        assert_eq!(Kind::sniff(&padded), kind, "{octets:?}, padded");
    }
}

#[test]
fn everything_else_is_a_file() {
    for octets in [
        &b""[..],
        b"BM",
        b"BMW is a car maker, and this is a text",
        b"GIF is a format",
        b"GIF88a",
        b"\x89PNG",
        b"\x89PNG\n\n\x1a\n",
        b"\xff\xd8",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"XXXX\x24\0\0\0WEBPVP8 ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"II*\0\x08\0\0\0\0\0",
        b"\0\0\x01\0\x01\0",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
        b"\xff\x0a",
    ] {
        assert_eq!(Kind::sniff(octets), Kind::File, "{octets:?}");
    }
    assert_eq!(Kind::sniff(&bitmap(41)), Kind::File);
}

#[test]
fn names_and_media_types() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(kind.is_image(), kind != Kind::File);
        assert_eq!(kind.media_type().is_some(), kind.is_image());
    }
    assert_eq!(Kind::from_name("PNG"), None);
    assert_eq!(Kind::from_name("svg"), None);
}

#[test]
fn media_types_get_one_spelling() {
    for (given, spelled) in [
        ("text/plain", "text/plain"),
        ("Text/PLAIN;charset=UTF-8", "text/plain; charset=utf-8"),
        ("text/plain ; charset=\"utf-8\"", "text/plain; charset=utf-8"),
        (" text/plain;\tcharset=utf-8\t", "text/plain; charset=utf-8"),
        ("text/plain;", "text/plain"),
        ("text/plain; format=flowed; delsp=yes", "text/plain; format=flowed; delsp=yes"),
        ("a/b; Name=\"Two Words\"", "a/b; name=\"Two Words\""),
        ("application/vnd.api+json", "application/vnd.api+json"),
    ] {
        assert_eq!(parse_media_type(given).as_deref(), Ok(spelled), "{given:?}");
    }
    let long = format!("a/{}", "b".repeat(MAX_MEDIA_TYPE_OCTETS - 2));
    assert_eq!(parse_media_type(&long), Ok(long.clone()));
    for bad in [
        "",
        " ",
        "text",
        "text/",
        "/plain",
        "*/*",
        "text/*",
        "*/plain",
        "text/pl ain",
        "text/plain; charset",
        "a/b; x=",
        "a/b; x=\"\"",
        "a/b\r\nX: y",
        "a/b; x=\"\r\n\"",
        "a/b; x=\"\u{e9}\"",
        "téxt/plain",
        "a/b, c/d",
        "a//b",
        "a/b/c",
        &format!("{long}b"),
    ] {
        assert_eq!(parse_media_type(bad), Err(InvalidMediaType), "{bad:?}");
    }
}

#[test]
fn a_claim_does_not_make_an_image() {
    for (kind, claimed, kept) in [
        (Kind::Png, "image/png", "image/png"),
        (Kind::Jpeg, "image/png", "image/jpeg"),
        (Kind::Gif, "text/html", "image/gif"),
        (Kind::Webp, "application/octet-stream", "image/webp"),
        (Kind::Bmp, "image/x-ms-bmp", "image/bmp"),
        (Kind::File, "image/png", OCTET_STREAM),
        (Kind::File, "IMAGE/JPG; q=1", OCTET_STREAM),
        (Kind::File, "image/svg+xml", "image/svg+xml"),
        (Kind::File, "image/tiff", "image/tiff"),
        (Kind::File, "Text/Plain", "text/plain"),
    ] {
        assert_eq!(effective_media_type(kind, claimed).as_deref(), Ok(kept), "{kind:?} {claimed}");
    }
    assert_eq!(effective_media_type(Kind::Png, "nonsense"), Err(InvalidMediaType));
    assert_eq!(effective_media_type(Kind::File, ""), Err(InvalidMediaType));
}

#[test]
fn images_are_served_inline_as_what_they_are() {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_image()) {
        let served = served_as(kind, "text/html");
        assert_eq!(Some(&*served.content_type), kind.media_type());
        assert!(served.inline);
    }
}

#[test]
fn what_a_browser_could_run_is_only_octets() {
    for runnable in [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "application/xml-dtd",
        "image/svg+xml",
        "image/svg",
        "application/atom+xml",
        "text/xsl",
        "application/xslt+xml",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "text/javascript1.5",
        "text/ecmascript",
        "text/jscript",
        "text/vbscript",
        "application/wasm",
        "application/x-shockwave-flash",
        "application/java-archive",
        "application/x-java-jnlp-file",
        "application/x-java-applet",
        "multipart/mixed",
        "multipart/related",
        "multipart/x-mixed-replace; boundary=x",
        "message/rfc822",
        "message/http",
        "application/hta",
        "application/x-xpinstall",
        "application/x-ms-application",
        "text/cache-manifest",
        "text/x-component",
        "image/png",
        "nonsense",
        "",
        "a/b\r\nSet-Cookie: x=y",
    ] {
        let served = served_as(Kind::File, runnable);
        assert_eq!(served, Served { content_type: OCTET_STREAM.to_owned(), inline: false }, "{runnable}");
    }
    for harmless in [
        "text/plain",
        "text/plain; charset=utf-8",
        "text/csv",
        "application/pdf",
        "application/json",
        "application/zip",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.text",
        "application/msword",
        "application/postscript",
        "video/mp4",
        "audio/mpeg",
        "image/tiff",
        "image/heic",
        "font/woff2",
    ] {
        let served = served_as(Kind::File, harmless);
        assert_eq!(served, Served { content_type: harmless.to_owned(), inline: false });
    }
}

proptest! {
    #[test]
    fn only_a_signature_makes_an_image(octets in proptest::collection::vec(any::<u8>(), 0..SNIFF_OCTETS)) {
        let signatures: [&[u8]; 5] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM"];
        let signed = signatures.iter().any(|signature| octets.starts_with(signature));
        prop_assert!(signed || Kind::sniff(&octets) == Kind::File);
    }

    #[test]
    fn what_is_served_fits_a_header_and_stays_as_it_is(text in "\\PC{0,40}|[a-z]{1,9}/[a-z.+-]{1,20}(; ?[a-z]{1,5}=(\"[ -~]{0,9}\"|[a-z0-9]{0,9})){0,3}") {
        let served = served_as(Kind::File, &text);
        prop_assert!(http::HeaderValue::from_str(&served.content_type).is_ok());
        prop_assert!(served.content_type.is_ascii() && !served.inline);
        if let Ok(spelled) = parse_media_type(&text) {
            prop_assert_eq!(parse_media_type(&spelled), Ok(spelled.clone()), "one spelling only");
        }
    }
}

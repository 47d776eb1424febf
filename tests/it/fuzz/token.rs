//! What strangers present as a right: links, API keys, sign-up tokens, ids, and what was sealed.

use attachlink::domain::token::{API_KEY_PREFIX, LINK_PREFIX, Presented, PublicId, SIGN_UP_PREFIX, parse, parse_link};
use attachlink::login::{Kind, PortalKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);
const PREFIXES: [&str; 3] = [LINK_PREFIX, SIGN_UP_PREFIX, API_KEY_PREFIX];
const ID_OCTETS: usize = 16;
const OCTETS: usize = 36;

/// What the input says, and a right of the input's own octets.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let kinds: Vec<&str> = PREFIXES.into_iter().filter(|prefix| reads(prefix, &text).is_some()).collect();
    assert!(kinds.len() <= 1, "one text is of the kinds {kinds:?}");
    link(&text);
    id(&text);
    sealed(&text);
    if let Some(octets) = input.first_chunk() {
        made_of(*octets);
    }
}

/// A right that is read is the one text that says what was read.
fn reads(prefix: &str, text: &str) -> Option<Presented> {
    let presented = parse(prefix, text).ok()?;
    let body = text.strip_prefix(prefix).expect("its prefix");
    let octets = URL_SAFE_NO_PAD.decode(body).expect("base64url");
    assert_eq!(octets.len(), OCTETS);
    assert_eq!(URL_SAFE_NO_PAD.encode(&octets), body, "there are two texts for one right");
    assert_eq!(presented.id.octets()[..], octets[..ID_OCTETS]);
    assert!(presented.hash.matches(&sha256(&octets[ID_OCTETS..])));
    assert!(!format!("{presented:?}").contains(&body[ID_OCTETS * 4 / 3 + 1..]), "Debug shows the secret");
    Some(presented)
}

fn sha256(octets: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, octets).as_ref().to_vec()
}

/// A link is read only while its row may be there.
fn link(text: &str) {
    let read = parse_link(text, NOW).is_ok();
    let issued = parse(LINK_PREFIX, text).ok().map(|presented| presented.id.issued_at());
    let can_be = |at: OffsetDateTime| at <= NOW + Duration::minutes(5) && NOW - at < Duration::days(28 + 60);
    assert_eq!(read, issued.is_some_and(can_be), "issued at {issued:?}");
}

fn id(text: &str) {
    let Ok(id) = text.parse::<PublicId>() else { return };
    assert_eq!(id.to_string(), text.to_ascii_lowercase());
    assert_eq!(PublicId::from_octets(id.octets()), Some(id));
    assert!(PublicId::first_of(id.issued_at()) <= *id.octets());
}

/// Whatever octets are put into the form of a right are read as what they are.
fn made_of(mut octets: [u8; OCTETS]) {
    octets[6] = 0x70 | (octets[6] & 0x0f);
    octets[8] = 0x80 | (octets[8] & 0x3f);
    for prefix in PREFIXES {
        let text = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(octets));
        assert!(reads(prefix, &text).is_some(), "a right of the right form is refused");
        link(&text);
    }
}

/// Nothing that was not sealed opens, and what was sealed does.
fn sealed(text: &str) {
    let key = PortalKey::of("a key of the tests");
    for kind in [Kind::Session, Kind::Attempt, Kind::ClientSecret] {
        assert_eq!(key.open(kind, "acme", text), None, "nobody has sealed this");
    }
    let sealed = key.seal(Kind::Session, "acme", text);
    assert!(key.open(Kind::Session, "acme", &sealed).is_some_and(|opened| opened == text));
    assert_eq!(key.open(Kind::Session, text, &sealed).is_some(), text == "acme");
}

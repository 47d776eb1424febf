//! Capabilities: what opens a download, what opens the API, and what proves an address.
//!
//! All have one form: a prefix that says what they are, then base64url of a public id of 16 octets and a secret of
//! 20 octets. The database holds the id and the SHA-256 of the secret, so a leaked database opens nothing.
//! Nothing here implements `Debug` or `Display` in a way that shows a secret.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What a download token starts with.
pub const LINK_PREFIX: &str = "al1_";
/// What a sign-up token starts with.
pub const SIGN_UP_PREFIX: &str = "als1_";
/// What an API key starts with.
pub const API_KEY_PREFIX: &str = "alk1_";

const ID_OCTETS: usize = 16;
const SECRET_OCTETS: usize = 20;
/// Characters after the prefix: 36 octets in base64url without padding.
const BODY_CHARS: usize = (ID_OCTETS + SECRET_OCTETS) / 3 * 4;

/// The public name of a capability: a `UUIDv7`, ordered by the time of issue (RFC 9562 section 5.7). Safe to log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(Uuid);

/// The public name of a link.
pub type LinkId = PublicId;
/// The public name of a sign-up token.
pub type SignUpId = PublicId;
/// The public name of an API key.
pub type ApiKeyId = PublicId;

impl PublicId {
    /// The 16 octets, as the database holds them.
    #[must_use]
    pub const fn octets(&self) -> &[u8; ID_OCTETS] {
        self.0.as_bytes()
    }

    /// Reads the 16 octets of a stored row. `None` when they are not a `UUIDv7` of the RFC variant.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let uuid = Uuid::from_slice(octets).ok()?;
        (uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122).then_some(Self(uuid))
    }

    /// The time of issue, in Unix milliseconds.
    #[must_use]
    pub fn unix_ms(&self) -> i64 {
        let octets = self.0.as_bytes();
        i64::from_be_bytes([0, 0, octets[0], octets[1], octets[2], octets[3], octets[4], octets[5]])
    }

    /// The time of issue: the whole second that the id was made in.
    #[must_use]
    pub fn issued_at(&self) -> OffsetDateTime {
        // 48 bits of milliseconds end in the year 10889, which `time` without `large-dates` cannot hold.
        OffsetDateTime::from_unix_timestamp(self.unix_ms().div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The smallest id of a time: every id issued before `time` is smaller. For ranges of rows.
    #[must_use]
    pub fn first_of(time: OffsetDateTime) -> [u8; ID_OCTETS] {
        let mut octets = [0; ID_OCTETS];
        octets[..6].copy_from_slice(&timestamp(time));
        octets
    }
}

impl std::str::FromStr for PublicId {
    type Err = NotACapability;
    /// Reads the hyphenated form, in either case.
    fn from_str(text: &str) -> Result<Self, NotACapability> {
        if text.len() != 36 {
            return Err(NotACapability);
        }
        let uuid = Uuid::try_parse(text).map_err(|_| NotACapability)?;
        Self::from_octets(uuid.as_bytes()).ok_or(NotACapability)
    }
}

impl std::fmt::Display for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl std::fmt::Debug for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl serde::Serialize for PublicId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the database keeps of a secret: its SHA-256.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The 32 octets, as the database holds them.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether a stored hash is this one, compared in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A capability as it was presented: the id to look up, and the hash to compare. The secret itself is already gone.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// The public id.
    pub id: PublicId,
    /// The SHA-256 of the secret that came with it.
    pub hash: SecretHash,
}

/// The text is no capability of this kind. Says nothing about why: a stranger is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a capability")]
pub struct NotACapability;

/// A fresh capability: its text is shown once, its id and hash are stored.
pub struct Minted {
    /// The public id.
    pub id: PublicId,
    /// The SHA-256 of the secret, to be stored.
    pub hash: SecretHash,
    text: String,
}

impl Minted {
    /// The text itself: to be handed to whom it is for, and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("id", &self.id).finish_non_exhaustive()
    }
}

fn timestamp(time: OffsetDateTime) -> [u8; 6] {
    let ms = i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0).max(0);
    let octets = ms.to_be_bytes();
    [octets[2], octets[3], octets[4], octets[5], octets[6], octets[7]]
}

fn hash(secret: &[u8]) -> SecretHash {
    let digest = ring::digest::digest(&ring::digest::SHA256, secret);
    let mut octets = [0; 32];
    octets.copy_from_slice(digest.as_ref());
    SecretHash(octets)
}

/// Makes a capability: 160 random bits of the operating system that nothing else reveals (product, rule 9).
///
/// # Panics
/// When the operating system gives no random numbers: nothing secret can be made then, and to go on would be worse.
#[must_use]
pub fn mint(prefix: &str, now: OffsetDateTime) -> Minted {
    let mut octets = [0_u8; ID_OCTETS + SECRET_OCTETS];
    #[expect(clippy::expect_used, reason = "without randomness no capability may be made")]
    SystemRandom::new().fill(&mut octets).expect("the operating system gives random numbers");
    octets[..6].copy_from_slice(&timestamp(now));
    octets[6] = 0x70 | (octets[6] & 0x0f);
    octets[8] = 0x80 | (octets[8] & 0x3f);
    let mut text = String::with_capacity(prefix.len() + BODY_CHARS);
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(octets, &mut text);
    let mut id = [0; ID_OCTETS];
    id.copy_from_slice(&octets[..ID_OCTETS]);
    Minted { id: PublicId(Uuid::from_bytes(id)), hash: hash(&octets[ID_OCTETS..]), text }
}

/// Reads a capability: form, version and variant, without any I/O.
///
/// # Errors
/// [`NotACapability`] for whatever is not exactly of this form.
pub fn parse(prefix: &str, text: &str) -> Result<Presented, NotACapability> {
    let body = text.strip_prefix(prefix).ok_or(NotACapability)?;
    if body.len() != BODY_CHARS {
        return Err(NotACapability);
    }
    let mut octets = [0_u8; ID_OCTETS + SECRET_OCTETS];
    match URL_SAFE_NO_PAD.decode_slice(body, &mut octets) {
        Ok(len) if len == octets.len() => {}
        _ => return Err(NotACapability),
    }
    let id = PublicId::from_octets(&octets[..ID_OCTETS]).ok_or(NotACapability)?;
    Ok(Presented { id, hash: hash(&octets[ID_OCTETS..]) })
}

/// How far a clock of ours may be behind the clock that issued a link.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Reads a download token. A time of issue in the future, or so long ago that its row is forgotten, is refused here:
/// such a token touches neither database nor store.
///
/// # Errors
/// [`NotACapability`] for whatever cannot be a link that we still know.
pub fn parse_link(text: &str, now: OffsetDateTime) -> Result<Presented, NotACapability> {
    let presented = parse(LINK_PREFIX, text)?;
    let issued = presented.id.issued_at();
    if issued > now + CLOCK_SKEW || issued + super::link::LINK_LIFETIME + super::link::KEPT_AFTER_EXPIRY <= now {
        return Err(NotACapability);
    }
    Ok(presented)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00.123 UTC);

    #[test]
    fn a_token_has_the_stated_form_and_reads_back() {
        let minted = mint(LINK_PREFIX, NOW);
        let text = minted.reveal();
        assert_eq!(text.len(), 52);
        assert!(text.starts_with("al1_"));
        assert!(text[4..].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let presented = parse_link(text, NOW).unwrap();
        assert_eq!(presented.id, minted.id);
        assert!(presented.hash.matches(minted.hash.octets()));
        assert_eq!(presented.id.issued_at(), datetime!(2026-11-21 10:00:00 UTC));
        assert_eq!(presented.id.unix_ms() % 1000, 123);
    }

    #[test]
    fn every_bit_flip_is_refused_or_names_another_capability() {
        let minted = mint(LINK_PREFIX, NOW);
        let text = minted.reveal().as_bytes().to_vec();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            if let Ok(presented) = parse_link(&flipped, NOW) {
                assert!(presented.id != minted.id || !presented.hash.matches(minted.hash.octets()), "bit {bit}");
            }
        }
    }

    #[test]
    fn kinds_do_not_mix_and_the_form_is_exact() {
        let link = mint(LINK_PREFIX, NOW);
        let key = mint(API_KEY_PREFIX, NOW);
        assert!(parse(API_KEY_PREFIX, link.reveal()).is_err());
        assert!(parse_link(key.reveal(), NOW).is_err());
        let sign_up = mint(SIGN_UP_PREFIX, NOW);
        assert!(parse_link(sign_up.reveal(), NOW).is_err() && parse(SIGN_UP_PREFIX, link.reveal()).is_err());
        let text = link.reveal();
        for bad in [
            String::new(),
            "al1_".to_owned(),
            format!("{text}="),
            format!(" {text}"),
            text[..51].to_owned(),
            text.replacen("al1_", "AL1_", 1),
            format!("al1_{}", "A".repeat(48)),
        ] {
            assert!(parse_link(&bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn impossible_times_are_refused_without_io() {
        let text = |at| mint(LINK_PREFIX, at).reveal().to_owned();
        assert!(parse_link(&text(NOW + Duration::minutes(4)), NOW).is_ok());
        assert!(parse_link(&text(NOW + Duration::minutes(6)), NOW).is_err());
        assert!(parse_link(&text(NOW - Duration::days(87)), NOW).is_ok());
        assert!(parse_link(&text(NOW - Duration::days(89)), NOW).is_err());
    }

    #[test]
    fn nothing_secret_is_shown_by_debug() {
        let minted = mint(LINK_PREFIX, NOW);
        let presented = parse_link(minted.reveal(), NOW).unwrap();
        let shown = format!("{minted:?} {presented:?} {:?}", minted.hash);
        assert!(!shown.contains(&minted.reveal()[26..]), "{shown}");
        let numbers = format!("{:?}", minted.hash.octets());
        assert!(!shown.contains(&numbers[1..20]), "{shown}");
    }
}

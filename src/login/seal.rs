//! Sealing: what is put into other hands (a browser's cookies, the database) and must come back unread and unchanged.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Sets our keys apart from whatever else is made from the same text.
const SALT: &[u8] = b"attachlink portal key 1";

/// What is sealed. Each kind has a key of its own, so that one can never be taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login that goes on.
    Attempt,
    /// A customer who is logged in.
    Session,
    /// The service's password at a provider.
    ClientSecret,
}

/// The key that everything is sealed with, the same for all replicas. Silent in `Debug`.
pub struct PortalKey {
    attempt: LessSafeKey,
    session: LessSafeKey,
    client_secret: LessSafeKey,
}

impl std::fmt::Debug for PortalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortalKey(…)")
    }
}

fn derived(from: &Prk, info: &'static [u8]) -> LessSafeKey {
    #[expect(clippy::expect_used, reason = "HKDF gives up to 255 blocks, and a key is one")]
    let key = from.expand(&[info], &AES_256_GCM).map(UnboundKey::from).expect("a key is shorter than HKDF gives");
    LessSafeKey::new(key)
}

impl PortalKey {
    /// The key that follows from a secret text.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let prk = Salt::new(HKDF_SHA256, SALT).extract(secret.as_bytes());
        Self {
            attempt: derived(&prk, b"attempt"),
            session: derived(&prk, b"session"),
            client_secret: derived(&prk, b"client secret"),
        }
    }

    const fn key(&self, kind: Kind) -> &LessSafeKey {
        match kind {
            Kind::Attempt => &self.attempt,
            Kind::Session => &self.session,
            Kind::ClientSecret => &self.client_secret,
        }
    }

    /// Seals a text. It opens only under the same kind and `context`.
    ///
    /// # Panics
    /// When the operating system gives no random numbers: nothing can be sealed then, and to go on would be worse.
    #[must_use]
    pub fn seal(&self, kind: Kind, context: &str, plain: &str) -> String {
        let nonce: [u8; NONCE_LEN] = random();
        let mut octets = plain.as_bytes().to_vec();
        let key = self.key(kind);
        #[expect(clippy::expect_used, reason = "only a text of 64 GB cannot be sealed")]
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut octets)
            .expect("the text is short");
        URL_SAFE_NO_PAD.encode([&nonce[..], &octets[..]].concat())
    }

    /// Opens what was sealed. `None` for whatever was not, by this key, as this kind and for this context.
    #[must_use]
    pub fn open(&self, kind: Kind, context: &str, sealed: &str) -> Option<String> {
        let mut octets = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = octets.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.key(kind).open_in_place(nonce, Aad::from(context.as_bytes()), sealed).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }
}

/// Random octets of the operating system.
///
/// # Panics
/// As [`PortalKey::seal`].
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    #[expect(clippy::expect_used, reason = "without randomness nothing secret may be made")]
    SystemRandom::new().fill(&mut octets).expect("the operating system gives random numbers");
    octets
}

/// A random text of 192 bits.
///
/// # Panics
/// As [`PortalKey::seal`].
#[must_use]
pub fn random_text() -> String {
    const OCTETS: usize = 24;
    URL_SAFE_NO_PAD.encode(random::<OCTETS>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = PortalKey::of("a secret of some length");
        let sealed = key.seal(Kind::Session, "acme", "ana");
        assert_eq!(key.open(Kind::Session, "acme", &sealed).as_deref(), Some("ana"));
        assert_eq!(
            PortalKey::of("a secret of some length").open(Kind::Session, "acme", &sealed).as_deref(),
            Some("ana")
        );
        assert_eq!(key.open(Kind::Attempt, "acme", &sealed), None);
        assert_eq!(key.open(Kind::Session, "other", &sealed), None);
        assert_eq!(PortalKey::of("another").open(Kind::Session, "acme", &sealed), None);
        assert_ne!(key.seal(Kind::Session, "acme", "ana"), sealed, "each has a nonce of its own");
        for bad in ["", "A", "AAAA", &sealed[1..], &sealed[..sealed.len() - 1]] {
            assert_eq!(key.open(Kind::Session, "acme", bad), None, "{bad}");
        }
    }

    #[test]
    fn every_changed_octet_is_found() {
        let key = PortalKey::of("k");
        let sealed = URL_SAFE_NO_PAD.decode(key.seal(Kind::ClientSecret, "", "text")).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(Kind::ClientSecret, "", &URL_SAFE_NO_PAD.encode(changed)), None, "octet {at}");
        }
    }

    #[test]
    fn shows_nothing() {
        assert_eq!(format!("{:?}", PortalKey::of("secret")), "PortalKey(…)");
        assert_ne!(random_text(), random_text());
    }
}

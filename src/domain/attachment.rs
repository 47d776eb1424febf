//! Attachments and the objects that hold their bytes.

use compact_str::{CompactString, format_compact};
use time::OffsetDateTime;

use super::ids::{AttachmentId, CommentId};
use super::media::Kind;

/// The longest object key, in octets (S3's limit).
pub const MAX_KEY_OCTETS: usize = 1024;
/// The longest filename that is accepted, in octets. Shorter ones are made from it where a header or a file system
/// needs them.
pub const MAX_FILENAME_OCTETS: usize = 1024;
/// The longest media type that is accepted, in octets.
pub const MAX_MEDIA_TYPE_OCTETS: usize = 255;

/// Where the service keeps uploaded bytes. Nothing can be registered under it by name.
pub const UPLOADS: &str = "attachlink-uploads";
/// Where the service keeps the newest mark of its revocations.
pub const HISTORY: &str = "attachlink-history";

/// Why a text cannot be an object key or a prefix of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Empty or too long.
    #[error("must be 1 to {MAX_KEY_OCTETS} octets long")]
    Length,
    /// A `.` or `..` segment, an empty segment, or a leading slash.
    #[error("must not start with '/' and must not contain empty, '.' or '..' segments")]
    Segment,
    /// A control character or a backslash.
    #[error("must not contain control characters or backslashes")]
    Character,
    /// Under a place of the service's own.
    #[error("must not lie under '{UPLOADS}' or '{HISTORY}', which are the service's own")]
    Reserved,
}

fn check_key(key: &str) -> Result<(), InvalidKey> {
    if key.is_empty() || key.len() > MAX_KEY_OCTETS {
        return Err(InvalidKey::Length);
    }
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return Err(InvalidKey::Character);
    }
    if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(InvalidKey::Segment);
    }
    if matches!(key.split('/').next(), Some(UPLOADS | HISTORY)) {
        return Err(InvalidKey::Reserved);
    }
    Ok(())
}

/// The key of an object in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A key that a caller names.
    ///
    /// # Errors
    /// [`InvalidKey`] for what could leave its place or mean two things.
    pub fn named(key: &str) -> Result<Self, InvalidKey> {
        check_key(key).map(|()| Self(key.to_owned()))
    }

    /// A fresh key for uploaded bytes, from 16 random octets: one key for each upload, so bytes under a key never change.
    ///
    /// The first octet is a folder of its own, `attachlink-uploads/ab/abcd…`: a folder of ext4 is full at some ten
    /// million names.
    #[must_use]
    pub fn for_upload(random: [u8; 16]) -> Self {
        Self(format!("{UPLOADS}/{:02x}/{:032x}", random[0], u128::from_be_bytes(random)))
    }

    /// A key as the database holds it.
    #[must_use]
    pub fn stored(key: String) -> Self {
        Self(key)
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a site's objects lie: a folder of the store, or all of it when empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// Reads a prefix. It stands for a folder, with or without a slash at its end: `acme` never covers `acme2/…`.
    ///
    /// # Errors
    /// [`InvalidKey`] as for keys.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let folder = text.strip_suffix('/').unwrap_or(text);
        if !text.is_empty() {
            check_key(folder)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The prefix as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `key` lies under this prefix.
    #[must_use]
    pub fn covers(&self, key: &ObjectKey) -> bool {
        let folder = self.0.strip_suffix('/').unwrap_or(&self.0);
        folder.is_empty() || key.0.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    }
}

/// One version of an object's bytes: what a download serves, and what a cache may keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Where it is.
    pub key: ObjectKey,
    /// What tells this version of the key's bytes from others, in the store's own words (an entity tag, a time and
    /// size).
    pub version: CompactString,
    /// Its length, in octets.
    pub size: u64,
    /// When these bytes came to be, in whole seconds.
    pub modified_at: OffsetDateTime,
}

impl ObjectVersion {
    /// The strong entity tag of these bytes, quotes included (RFC 9110 section 8.8.3). It tells nothing about the store.
    #[must_use]
    pub fn etag(&self) -> CompactString {
        use base64::Engine as _;
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(self.key.0.as_bytes());
        context.update(&[0]);
        context.update(self.version.as_bytes());
        let digest = context.finish();
        format_compact!("\"{}\"", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest.as_ref()[..15]))
    }
}

/// An attachment as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The row that links point at. A registration after a deletion gets a new one, so it revives nothing.
    pub row: i64,
    /// The comment it belongs to.
    pub comment: CommentId,
    /// The help desk's id.
    pub id: AttachmentId,
    /// The name a person knows it by, as it was given; may be empty.
    pub filename: String,
    /// The media type that was claimed, or read from the bytes where they are an image.
    pub media_type: String,
    /// What its bytes are.
    pub kind: Kind,
    /// Its bytes.
    pub object: ObjectVersion,
    /// Whether the bytes were uploaded to us; only such bytes are ever deleted (product, rule 8).
    pub uploaded: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cannot_leave_their_place() {
        for good in ["a", "acme/2026/a b.png", "ü/…"] {
            assert!(ObjectKey::named(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "a//b",
            "a/",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a\0b",
            "attachlink-uploads/x",
            "attachlink-history/x",
        ] {
            assert!(ObjectKey::named(bad).is_err(), "{bad:?}");
        }
        assert!(ObjectKey::named(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn uploads_are_spread_over_folders() {
        let mut random = [0x0f; 16];
        random[0] = 0x03;
        assert_eq!(ObjectKey::for_upload(random).as_str(), "attachlink-uploads/03/030f0f0f0f0f0f0f0f0f0f0f0f0f0f0f");
    }

    #[test]
    fn a_prefix_is_a_folder() {
        let key = |k: &str| ObjectKey::named(k).unwrap();
        for prefix in ["acme", "acme/"] {
            let prefix = ObjectPrefix::parse(prefix).unwrap();
            assert!(prefix.covers(&key("acme/x")));
            assert!(!prefix.covers(&key("acme2/x")));
            assert!(!prefix.covers(&key("acme")));
            assert!(!prefix.covers(&key("other/acme/x")));
        }
        assert!(ObjectPrefix::parse("").unwrap().covers(&key("anything")));
        for bad in ["/", "..", "a/../b", "attachlink-uploads", "attachlink-uploads/"] {
            assert!(ObjectPrefix::parse(bad).is_err(), "{bad}");
        }
    }
}

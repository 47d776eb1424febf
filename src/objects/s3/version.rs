//! How a version of an object in S3 is written down.
//!
//! `"ETAG"` with its quotes, or `VERSION-ID "ETAG"` where the bucket keeps versions. Neither holds a space; the entity
//! tag alone starts with a quote, a version id never does.

use compact_str::{CompactString, format_compact};

use crate::objects::ObjectError;

/// What S3 calls the version of an object in a bucket that keeps none.
const NO_VERSION_ID: &str = "null";

/// What tells one version of an object from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Version {
    /// The entity tag as the store sends it, quotes included.
    pub(super) etag: String,
    /// The version id, where the bucket keeps versions.
    pub(super) id: Option<String>,
}

impl S3Version {
    /// Reads what the store says of an object. Only a strong entity tag can be asked for again (RFC 9110, 13.1.1).
    pub(super) fn of(etag: Option<&str>, id: Option<&str>) -> Result<Self, ObjectError> {
        let etag = etag.map(str::trim).filter(|etag| !etag.is_empty());
        let etag = etag.ok_or_else(|| ObjectError::misuse("the S3 server gives objects no entity tag"))?;
        if etag.starts_with("W/") {
            return Err(ObjectError::misuse("the S3 server gives objects weak entity tags"));
        }
        let etag = if etag.starts_with('"') { etag.to_owned() } else { format!("\"{etag}\"") };
        let id = id.filter(|id| !id.is_empty() && *id != NO_VERSION_ID && !id.contains([' ', '"']));
        Ok(Self { etag, id: id.map(str::to_owned) })
    }

    /// Reads what the database holds.
    pub(super) fn parse(text: &str) -> Result<Self, ObjectError> {
        if text.starts_with('"') {
            return Ok(Self { etag: text.to_owned(), id: None });
        }
        match text.split_once(' ') {
            Some((id, etag)) if etag.starts_with('"') => Ok(Self { etag: etag.to_owned(), id: Some(id.to_owned()) }),
            // The version of another kind of store: these bytes are not here.
            _ => Err(ObjectError::Changed),
        }
    }

    pub(super) fn text(&self) -> CompactString {
        match &self.id {
            Some(id) => format_compact!("{id} {}", self.etag),
            None => self.etag.as_str().into(),
        }
    }

    /// Whether an answer with this entity tag and version id is of this version.
    pub(super) fn is(&self, etag: Option<&str>, id: Option<&str>) -> bool {
        let Ok(other) = Self::of(etag, id) else { return false };
        let same_id = match (&self.id, &other.id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        same_id && self.etag == other.etag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_back() {
        for (etag, id, text) in [
            (Some("\"abc-2\""), None, "\"abc-2\""),
            (Some("abc"), Some("null"), "\"abc\""),
            (Some("\"abc\""), Some("3/L4kqtJlcpXroDTDmJ+rmSpXd3"), "3/L4kqtJlcpXroDTDmJ+rmSpXd3 \"abc\""),
        ] {
            let version = S3Version::of(etag, id).unwrap();
            assert_eq!(version.text(), text);
            assert_eq!(S3Version::parse(text).unwrap(), version);
            assert!(version.is(etag, id));
        }
        for (etag, id) in [(None, None), (Some(""), None), (Some("W/\"a\""), None)] {
            assert!(S3Version::of(etag, id).is_err(), "{etag:?}");
        }
    }

    #[test]
    fn a_version_of_a_local_directory_is_another_one() {
        for text in ["upload-7", "1700000000.000000001-5-99", "", "id etag"] {
            assert!(matches!(S3Version::parse(text), Err(ObjectError::Changed)), "{text}");
        }
    }

    #[test]
    fn versions_differ_by_either() {
        let version = S3Version::of(Some("\"a\""), Some("1")).unwrap();
        assert!(version.is(Some("\"a\""), None), "a server that keeps silent about version ids was asked by one");
        assert!(!version.is(Some("\"a\""), Some("2")));
        assert!(!version.is(Some("\"b\""), Some("1")));
        assert!(!version.is(None, Some("1")));
    }
}

//! The help desk's own identifiers (product: *Words*).

use std::fmt;

use compact_str::CompactString;

/// The longest identifier, in characters (product: *Words*).
pub const MAX_ID_CHARS: usize = 128;

/// The longest recipient id, in characters. Recipients are opaque to us: any text without control characters.
pub const MAX_RECIPIENT_CHARS: usize = 256;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Empty, or longer than [`MAX_ID_CHARS`].
    #[error("must be 1 to {MAX_ID_CHARS} characters long")]
    Length,
    /// A character outside of `A-Z a-z 0-9 . _ : ~ -`.
    #[error("may contain only A-Z a-z 0-9 . _ : ~ -")]
    Character,
    /// `.` or `..`, which a URL cannot carry as a path segment.
    #[error("must not be '.' or '..'")]
    Dots,
}

fn check(text: &str) -> Result<(), InvalidId> {
    if text.is_empty() || text.len() > MAX_ID_CHARS {
        return Err(InvalidId::Length);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:~-".contains(&b)) {
        return Err(InvalidId::Character);
    }
    if text == "." || text == ".." {
        return Err(InvalidId::Dots);
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $example:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// 1 to 128 of `A-Z a-z 0-9 . _ : ~ -`, never `.` or `..`.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$", example = $example)]
        pub struct $name(CompactString);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                check(&text).map(|()| Self(text.into()))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    SiteId, "acme";
    /// A project of a site.
    ProjectId, "SUP";
    /// A customer's request.
    RequestId, "SUP-42";
    /// A comment on a request, or the opening text of one.
    CommentId, "10017";
    /// An attachment of one comment.
    AttachmentId, "a1";
    /// A group of customers.
    OrganizationId, "globex";
}

/// A comment in full: the help desk's three ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommentPath {
    /// The tenant.
    pub site: SiteId,
    /// The project.
    pub project: ProjectId,
    /// The comment.
    pub comment: CommentId,
}

impl CommentPath {
    /// An attachment of this comment.
    #[must_use]
    pub fn attachment(&self, attachment: AttachmentId) -> AttachmentPath {
        AttachmentPath { comment: self.clone(), attachment }
    }
}

/// An attachment in full: it is told apart by all four ids (product: *Words*).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttachmentPath {
    /// The comment it belongs to.
    pub comment: CommentPath,
    /// Its own id.
    pub attachment: AttachmentId,
}

/// An opaque recipient id: who an email goes to, as the notification service calls them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "r-17")]
pub struct Recipient(CompactString);

impl Recipient {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Recipient {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let chars = text.chars().count();
        if chars == 0 || chars > MAX_RECIPIENT_CHARS {
            return Err("must be 1 to 256 characters long");
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain control characters");
        }
        Ok(Self(text.into()))
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_product_allows_and_nothing_else() {
        for good in ["a", "SUP-42", "a.b_c:d~e-f", "...", &"x".repeat(128)] {
            assert!(good.parse::<SiteId>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidId::Length),
            (&*"x".repeat(129), InvalidId::Length),
            (".", InvalidId::Dots),
            ("..", InvalidId::Dots),
            ("a/b", InvalidId::Character),
            ("a b", InvalidId::Character),
            ("é", InvalidId::Character),
            ("a\0", InvalidId::Character),
        ] {
            assert_eq!(bad.parse::<SiteId>().unwrap_err(), why, "{bad:?}");
        }
    }

    #[test]
    fn recipients_are_opaque_but_bounded() {
        assert!(Recipient::try_from("jürgen@example.org".to_owned()).is_ok());
        assert!(Recipient::try_from(String::new()).is_err());
        assert!(Recipient::try_from("é".repeat(257)).is_err());
        assert!(Recipient::try_from("a\r\nb".to_owned()).is_err());
    }
}

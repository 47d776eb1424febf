//! The words of labels that are metrics' own.

/// Why links died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// Their comment was deleted.
    Comment,
    /// Their attachment was deleted.
    Attachment,
    /// They were revoked one by one.
    Link,
    /// Their project changed its mode.
    Mode,
    /// Their site's plan went down.
    Plan,
    /// Their project was deleted.
    Project,
    /// Their site was deleted.
    Site,
}

impl RevocationReason {
    pub(super) const ALL: [Self; 7] =
        [Self::Comment, Self::Attachment, Self::Link, Self::Mode, Self::Plan, Self::Project, Self::Site];

    /// Its name in metrics and audit events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Attachment => "attachment",
            Self::Link => "link",
            Self::Mode => "mode",
            Self::Plan => "plan",
            Self::Project => "project",
            Self::Site => "site",
        }
    }
}

/// What the purge removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purged {
    /// Rows of links.
    Links,
    /// Objects.
    Objects,
    /// Rows of comments.
    Comments,
}

impl Purged {
    pub(super) const ALL: [Self; 3] = [Self::Links, Self::Objects, Self::Comments];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Objects => "objects",
            Self::Comments => "comments",
        }
    }
}

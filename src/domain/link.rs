//! Links: how long they live, and what a stored link says at a given time.

use time::{Duration, OffsetDateTime};

use super::ids::{AttachmentPath, Recipient};
use super::token::LinkId;

/// How long a link lives (product, rule 6).
pub const LINK_LIFETIME: Duration = Duration::days(28);

/// How long a link lives that a portal asks for, after a login of its own.
pub const PORTAL_LINK_LIFETIME: Duration = Duration::minutes(5);

/// What a link is for. It decides how long the link lives, and what kills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// To be sent in an email. A change of the project's attachment security kills it.
    Email,
    /// To be followed at once by a customer who is logged in to the portal, whatever the attachment security is.
    Portal,
}

impl LinkKind {
    /// How long it lives.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Email => LINK_LIFETIME,
            Self::Portal => PORTAL_LINK_LIFETIME,
        }
    }
}

/// How long the row of an expired link is kept, so that people read "expired" and not "not found".
pub const KEPT_AFTER_EXPIRY: Duration = Duration::days(60);

/// Whether a link opens a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It opens a download.
    Live,
    /// Its 28 days are over.
    Expired,
    /// It was revoked, in whatever way.
    Withdrawn,
}

/// When a link for an email issued at `issued` dies: refused from this instant on.
#[must_use]
pub fn expires_at(issued: OffsetDateTime) -> OffsetDateTime {
    issued + LINK_LIFETIME
}

/// What a stored link was for, by how long it was to live.
#[must_use]
pub fn kind(issued: OffsetDateTime, expires_at: OffsetDateTime) -> LinkKind {
    if expires_at - issued <= PORTAL_LINK_LIFETIME { LinkKind::Portal } else { LinkKind::Email }
}

/// The state of a genuine link: time first, for what is past its time needs no other reason.
#[must_use]
pub fn state(expires_at: OffsetDateTime, withdrawn: bool, now: OffsetDateTime) -> LinkState {
    if now >= expires_at {
        LinkState::Expired
    } else if withdrawn {
        LinkState::Withdrawn
    } else {
        LinkState::Live
    }
}

/// A link as it is shown to the help desk: everything but the token.
#[derive(Debug, Clone)]
pub struct LinkRecord {
    /// Its public name; also its time of issue.
    pub id: LinkId,
    /// What it opens.
    pub attachment: AttachmentPath,
    /// Whom it was issued to; `None` for the unnamed recipient.
    pub recipient: Option<Recipient>,
    /// From when on it is refused.
    pub expires_at: OffsetDateTime,
    /// When it was revoked by itself, if it was.
    pub revoked_at: Option<OffsetDateTime>,
    /// Whether its attachment, comment or project withdrew it, or it was revoked by itself.
    pub withdrawn: bool,
}

impl LinkRecord {
    /// Whether it opens a download at `now`.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime) -> LinkState {
        state(self.expires_at, self.withdrawn, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn dies_exactly_28_days_after_issue() {
        let issued = datetime!(2026-11-21 10:00:00 UTC);
        let end = expires_at(issued);
        assert_eq!(end, datetime!(2026-12-19 10:00:00 UTC));
        assert_eq!(state(end, false, end - Duration::SECOND), LinkState::Live);
        assert_eq!(state(end, false, end - Duration::NANOSECOND), LinkState::Live);
        assert_eq!(state(end, false, end), LinkState::Expired);
        assert_eq!(state(end, true, end - Duration::SECOND), LinkState::Withdrawn);
        assert_eq!(state(end, true, end), LinkState::Expired);
    }
}

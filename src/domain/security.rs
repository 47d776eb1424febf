//! Attachment security: modes, plans, the compliance switch, link generations (product, rules 1 to 5).

use time::OffsetDateTime;

// Product, rule 1.
/// How emails of a project let customers at attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Emails link to the portal, where the customer logs in.
    #[default]
    PortalLogin,
    /// Emails carry links that download without a login.
    SecuredLink,
}

impl Mode {
    /// Its name in the API and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PortalLogin => "portal_login",
            Self::SecuredLink => "secured_link",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::PortalLogin, Self::SecuredLink].into_iter().find(|mode| mode.name() == name)
    }

    /// What the administrator should know about this setting.
    #[must_use]
    pub fn advisories(self) -> Vec<Advisory> {
        match self {
            Self::PortalLogin => Vec::new(),
            Self::SecuredLink => vec![Advisory::AnyoneWithLink],
        }
    }
}

/// A warning that comes with a setting that opens something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advisory {
    /// Anyone on the web who has a link can use it.
    AnyoneWithLink,
    /// People who are no customers yet can raise requests.
    AnyoneCanRaise,
    /// Requests are raised without a login, so nothing proves whose they are.
    LoginFreeActive,
    /// The incoming address is on an approved domain: whoever receives its mail could get an internal account. Use a
    /// separate domain for it.
    UseSeparateDomain,
}

// Product, rule 3.
/// What a site pays for: secured links need a plan other than `free`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Without secured links.
    #[default]
    Free,
    /// With secured links.
    Standard,
    /// With secured links.
    Premium,
    /// With secured links.
    Enterprise,
}

impl Plan {
    /// Its name in the API and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Standard => "standard",
            Self::Premium => "premium",
            Self::Enterprise => "enterprise",
        }
    }

    /// The plan of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Free, Self::Standard, Self::Premium, Self::Enterprise].into_iter().find(|plan| plan.name() == name)
    }

    /// Whether projects may be in `mode` under this plan.
    #[must_use]
    pub fn allows(self, mode: Mode) -> bool {
        mode == Mode::PortalLogin || self != Self::Free
    }
}

/// The link generation of a project: a link works only under the one it was issued under.
///
/// Random, not counted, so that toggling a mode away and back revives nothing (product, rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub i64);

/// The settings of a site.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteSettings {
    /// What it pays for.
    pub plan: Plan,
    /// The compliance switch: while on, new notifications show no attachments at all (product, rule 5).
    pub safe_notifications: bool,
    /// The template of the portal's address.
    pub portal_url: Option<super::portal::PortalUrl>,
    /// Where its objects that are registered in place lie.
    pub object_prefix: Option<super::attachment::ObjectPrefix>,
}

/// The attachment security of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectSecurity {
    /// The mode.
    pub mode: Mode,
    /// When it last changed, or the project's start; `None` for a project that was never heard of.
    pub changed_at: Option<OffsetDateTime>,
}

/// Why links cannot be issued without a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecuredLinksOff {
    /// The project's mode is `portal_login`.
    Mode,
    /// The site's compliance switch is on.
    ComplianceSwitch,
}

/// Whether new secured links may be issued (product, rules 1 and 5).
///
/// # Errors
/// Why not. The compliance switch is named first: changing the mode would not help.
pub fn may_issue(mode: Mode, safe_notifications: bool) -> Result<(), SecuredLinksOff> {
    if safe_notifications {
        Err(SecuredLinksOff::ComplianceSwitch)
    } else if mode == Mode::PortalLogin {
        Err(SecuredLinksOff::Mode)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_and_modes() {
        for plan in [Plan::Free, Plan::Standard, Plan::Premium, Plan::Enterprise] {
            assert!(plan.allows(Mode::PortalLogin));
            assert_eq!(plan.allows(Mode::SecuredLink), plan != Plan::Free, "{plan:?}");
            assert_eq!(Plan::from_name(plan.name()), Some(plan));
        }
        assert_eq!(Mode::from_name("secured_link"), Some(Mode::SecuredLink));
        assert_eq!(Mode::from_name("Secured_Link"), None);
    }

    #[test]
    fn links_need_the_mode_and_no_compliance_switch() {
        assert_eq!(may_issue(Mode::SecuredLink, false), Ok(()));
        assert_eq!(may_issue(Mode::SecuredLink, true), Err(SecuredLinksOff::ComplianceSwitch));
        assert_eq!(may_issue(Mode::PortalLogin, true), Err(SecuredLinksOff::ComplianceSwitch));
        assert_eq!(may_issue(Mode::PortalLogin, false), Err(SecuredLinksOff::Mode));
    }
}

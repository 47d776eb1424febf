//! Customer permissions of a project: who gets in, and with whom requests are shared (product: *Project: customer
//! permissions*).

use super::{CustomerAccess, Effective, choices};
use crate::domain::security::Advisory;

choices! {
    /// Who may raise requests in a project, within what the site allows.
    #[derive(Default)]
    ChannelAccess:
    #[default]
    Restricted = "restricted", "Customers who are added to the project";
    Accounts = "accounts", "Everyone with an account on the site";
    Open = "open", "Anyone, as far as the site allows";
}

choices! {
    /// With whom customers may share their requests.
    #[derive(Default)]
    Sharing:
    #[default]
    Organization = "organization", "Their organizations, and the people in them";
    AnyCustomerByEmail = "any_customer_by_email", "Their organizations, and anyone whose exact email address they type";
    AnyInProject = "any_in_project", "Any customer or organization, found by searching in the project";
}

choices! {
    /// Who may read the knowledge base of a project.
    #[derive(Default)]
    Viewing:
    #[default]
    Agents = "agents", "Agents only";
    All = "all", "All users and customers";
}

/// The knowledge base of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectKnowledgeBase {
    /// Who may read it. Left out: `agents`.
    #[schema(required = false)]
    pub viewing: Viewing,
    /// Whether the space that holds its articles lets anonymous readers in.
    pub space_anonymous_access: bool,
}

/// Who gets into a project's portal, and with whom its requests are shared. Everything that widens is off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerPermissions {
    /// Who may raise requests. Left out: `restricted`.
    #[schema(required = false)]
    pub channel_access: ChannelAccess,
    /// With whom customers may share them. Left out: `organization`.
    #[schema(required = false)]
    pub sharing: Sharing,
    /// The knowledge base.
    #[schema(required = false)]
    pub knowledge_base: ProjectKnowledgeBase,
    /// Whether a request raised without a login gets an agents' comment that says so.
    pub flag_anonymous_requests: bool,
}

impl CustomerPermissions {
    /// What an administrator should know about these permissions, under the site's settings.
    #[must_use]
    pub fn advisories(&self, site: &CustomerAccess) -> Vec<Advisory> {
        let effective = Effective::of(site, self);
        let anyone = effective.anyone_can_raise().then_some(Advisory::AnyoneCanRaise);
        let login_free = (effective == Effective::LoginFree).then_some(Advisory::LoginFreeActive);
        anyone.into_iter().chain(login_free).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_widens_is_off_by_default() {
        let off: CustomerPermissions = serde_json::from_str("{}").unwrap();
        assert_eq!(off, CustomerPermissions::default());
        assert_eq!((off.channel_access, off.sharing), (ChannelAccess::Restricted, Sharing::Organization));
        assert_eq!(off.knowledge_base.viewing, Viewing::Agents);
        assert!(off.advisories(&CustomerAccess::default()).is_empty());
    }

    #[test]
    fn names_read_back() {
        for access in ChannelAccess::ALL {
            assert_eq!(ChannelAccess::from_name(access.name()), Some(*access));
            assert_eq!(serde_json::to_value(access).unwrap(), access.name());
        }
        assert_eq!(ChannelAccess::from_name("Open"), None);
    }
}

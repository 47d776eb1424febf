//! What a site's and a project's settings mean together: the table of the product.

use super::{ChannelAccess, CustomerAccess, CustomerPermissions};

/// A row of the product's table (*What site and project give together*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effective {
    /// Accounts are created, the portal is without login, the channel open.
    LoginFree,
    /// Accounts are created, the channel is open.
    OpenToAll,
    /// Accounts are created, the channel takes every account.
    Accounts,
    /// Accounts are created, the channel is restricted.
    Added,
    /// No accounts are created, the channel takes all that there are.
    Existing,
    /// No accounts are created, and the channel is restricted.
    ExistingAdded,
}

impl Effective {
    /// The row that these settings are in.
    #[must_use]
    pub fn of(site: &CustomerAccess, project: &CustomerPermissions) -> Self {
        match (site.external_customers.create_accounts, project.channel_access) {
            (true, ChannelAccess::Open) if site.portal_without_login => Self::LoginFree,
            (true, ChannelAccess::Open) => Self::OpenToAll,
            (true, ChannelAccess::Accounts) => Self::Accounts,
            (true, ChannelAccess::Restricted) => Self::Added,
            (false, ChannelAccess::Restricted) => Self::ExistingAdded,
            (false, ChannelAccess::Accounts | ChannelAccess::Open) => Self::Existing,
        }
    }

    /// Who sees the help center, in words.
    #[must_use]
    pub const fn sees_the_help_center(self) -> &'static str {
        match self {
            Self::LoginFree => "anyone",
            Self::OpenToAll => "anyone; a portal after login",
            Self::Accounts => "anyone; the portal after login",
            Self::Added => "anyone; the portal only for customers added",
            Self::Existing | Self::ExistingAdded => "existing customers, after login",
        }
    }

    /// Who sends requests, in words.
    #[must_use]
    pub const fn sends_requests(self) -> &'static str {
        match self {
            Self::LoginFree => {
                "anyone, by portal or email; an address is asked for and an account made; seeing the request needs a \
                 password and a login"
            }
            Self::OpenToAll => "anyone who has or creates an account; an email from an unknown sender makes an account",
            Self::Accounts => "every customer with an account",
            Self::Added => "only customers added to the project",
            Self::Existing => "every existing customer",
            Self::ExistingAdded => "only existing customers added",
        }
    }

    /// Whether people who are no customers yet can raise requests.
    #[must_use]
    pub const fn anyone_can_raise(self) -> bool {
        matches!(self, Self::LoginFree | Self::OpenToAll)
    }
}

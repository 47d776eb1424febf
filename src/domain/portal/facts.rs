//! Who asks, and what is known about them.

use std::collections::BTreeSet;

use super::{EmailAddress, choices};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Somebody who is logged in.
    Customer(EmailAddress),
    /// Somebody who is not, and may have typed an address.
    Visitor(Option<EmailAddress>),
    /// Whom an email is from. Nothing proves it.
    Sender(EmailAddress),
    /// Somebody of the help desk.
    Agent,
}

impl Subject {
    /// The address that they go by.
    #[must_use]
    pub const fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Customer(address) | Self::Sender(address) => Some(address),
            Self::Visitor(address) => address.as_ref(),
            Self::Agent => None,
        }
    }
}

/// What somebody's address is in a site and a project. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Standing {
    /// No account.
    #[default]
    Unknown,
    /// An account on the site: an existing customer.
    Account,
    /// A customer who is added to the project.
    Added,
}

choices! {
    /// What somebody is to a request, or to a comment of it.
    Role:
    Reporter = "reporter", "Who raised the request, or whom it was raised for";
    Participant = "participant", "Somebody whom the request is shared with";
    Organization = "organization", "Somebody in an organization that the request is shared with";
    Tagged = "tagged", "Somebody who is tagged in the comment";
}

/// What is known about the subject. What is not known is not so: everything is refused by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// What their address is here.
    pub standing: Standing,
    /// Whether they are in any organization.
    pub in_organization: bool,
    /// What they are to the request or comment that is asked about.
    pub roles: BTreeSet<Role>,
    /// Whether that request is private.
    pub private: bool,
}

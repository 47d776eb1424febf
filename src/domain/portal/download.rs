//! A download by a customer who is logged in.

use super::{
    Action, AutomaticAddresses, Case, CustomerAccess, CustomerPermissions, Decision, EmailAddress, Facts,
    ProviderNumber, SessionId, Subject, decide,
};
use crate::domain::ids::AttachmentPath;
use crate::domain::token::LinkId;

/// What shows that it is them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A login at the site's provider.
    Session {
        /// The session that they logged in to.
        id: SessionId,
        /// The provider's settings that they logged in with.
        provider: ProviderNumber,
    },
    /// A link of five minutes, which a portal asked for that knows them.
    Link(LinkId),
}

/// Who wants what. The database is asked about it for each request, and again and again while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortalDownload {
    /// What.
    pub attachment: AttachmentPath,
    /// Who.
    pub customer: EmailAddress,
    /// What shows that it is them.
    pub proof: Proof,
}

impl PortalDownload {
    /// The link, where they have one.
    #[must_use]
    pub const fn link(&self) -> Option<LinkId> {
        match &self.proof {
            Proof::Session { .. } => None,
            Proof::Link(link) => Some(*link),
        }
    }

    /// What the rules say (product: *Who may download in the portal*), given the settings and what is known about the
    /// customer.
    ///
    /// # Errors
    /// Why not.
    pub fn decide(
        &self,
        (site, project): (&CustomerAccess, &CustomerPermissions),
        facts: &Facts,
        automatic: &AutomaticAddresses,
    ) -> Decision {
        let subject = Subject::Customer(self.customer.clone());
        decide(Case { site, project, automatic, subject: &subject, facts }, &Action::DownloadAttachment)
    }
}

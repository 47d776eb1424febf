//! A download by a customer who is logged in.

use super::{
    Action, AutomaticAddresses, Case, CustomerAccess, CustomerPermissions, Decision, EmailAddress, Facts,
    ProviderNumber, SessionId, Subject, decide,
};
use crate::domain::ids::AttachmentPath;

/// Who wants what. The database is asked about it for each request, and again and again while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortalDownload {
    /// What.
    pub attachment: AttachmentPath,
    /// Who.
    pub customer: EmailAddress,
    /// The provider's settings that they logged in with.
    pub provider: ProviderNumber,
    /// The session that they logged in to.
    pub session: SessionId,
}

impl PortalDownload {
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

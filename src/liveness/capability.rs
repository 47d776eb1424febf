//! What a download runs under.

use std::sync::Arc;

use crate::domain::portal::{AutomaticAddresses, Decision, PortalDownload};
use crate::domain::token::LinkId;
use crate::store::{DownloadFacts, Registration, ServedObject};

/// What a download runs under: while the database says that it holds, and no longer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Capability {
    /// A link, whoever has it.
    Link(LinkId),
    /// The rules, for a customer who is logged in or has a link of five minutes.
    Customer(Arc<PortalDownload>),
}

impl Capability {
    /// The link, for the log.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        match self {
            Self::Link(link) => Some(*link),
            Self::Customer(asked) => asked.link(),
        }
    }
}

impl From<LinkId> for Capability {
    fn from(link: LinkId) -> Self {
        Self::Link(link)
    }
}

/// What the database and the rules say about a customer and an attachment.
#[derive(Debug, Clone)]
pub struct PortalAnswer {
    /// Whether what shows that it is them counts: their login, or their link.
    pub proved: bool,
    /// What the rules say.
    pub decision: Decision,
    /// The attachment, if there is one.
    pub served: Option<Arc<ServedObject>>,
}

impl PortalAnswer {
    /// Applies the rules to what the database knows.
    #[must_use]
    pub fn of(asked: &PortalDownload, known: DownloadFacts, automatic: &AutomaticAddresses) -> Self {
        let case = &known.case;
        let decision = asked.decide((&case.site, &case.project), &case.facts, automatic);
        Self { proved: known.proved, decision, served: known.served }
    }

    /// The attachment, if they may have it.
    #[must_use]
    pub fn granted(&self) -> Option<&Arc<ServedObject>> {
        self.served.as_ref().filter(|_| self.proved && self.decision.is_ok())
    }

    /// Whether a download of this registration may go on: one that was deleted may not, whatever has its ids by now.
    /// Without one, whether any may.
    #[must_use]
    pub fn grants(&self, registration: Option<Registration>) -> bool {
        self.granted().is_some_and(|served| registration.is_none() || served.registration == registration)
    }
}

//! What a download runs under.

use std::sync::Arc;

use crate::domain::portal::{AutomaticAddresses, Decision, PortalDownload};
use crate::domain::token::LinkId;
use crate::store::{DownloadFacts, ServedObject};

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

    /// Whether a download that runs may go on.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.proved && self.decision.is_ok() && self.served.is_some()
    }
}

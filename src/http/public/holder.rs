//! Who has a file, or is refused it, and how that is put on record.

use std::sync::Arc;

use super::client::ProbableClient;
use crate::audit;
use crate::domain::link::{self, LinkKind};
use crate::domain::portal::PortalDownload;
use crate::domain::token::LinkId;
use crate::http::problem::Code;
use crate::liveness::{Capability, Ended};
use crate::store::LivenessRow;

/// Who may have a file, or might have had it.
#[derive(Clone)]
pub(super) enum Holder {
    /// Whoever has a genuine link.
    Link(Arc<LivenessRow>),
    /// A customer who has a link of five minutes.
    Brief(Arc<LivenessRow>, Arc<PortalDownload>),
    /// A customer who is logged in.
    Customer(Arc<PortalDownload>),
}

impl Holder {
    /// What a download by them runs under.
    pub(super) fn capability(&self) -> Capability {
        match self {
            Self::Link(row) => Capability::Link(row.id),
            Self::Brief(_, asked) | Self::Customer(asked) => Capability::Customer(Arc::clone(asked)),
        }
    }

    /// The link, for the log.
    pub(super) fn link(&self) -> Option<LinkId> {
        self.capability().link()
    }

    /// Whether it is a link of five minutes.
    pub(super) fn is_brief(&self) -> bool {
        match self {
            Self::Link(row) | Self::Brief(row, _) => link::kind(row.id.issued_at(), row.expires_at) == LinkKind::Portal,
            Self::Customer(_) => false,
        }
    }

    /// What it is called when it died between two questions.
    pub(super) const fn withdrawn(&self) -> Code {
        match self {
            Self::Link(_) | Self::Brief(..) => Code::LinkWithdrawn,
            Self::Customer(_) => Code::AttachmentNotFound,
        }
    }

    pub(super) fn record_refusal(&self, code: Code, client: ProbableClient) {
        match self {
            Self::Link(row) | Self::Brief(row, _) => {
                audit::refused(row.id, &row.site, row.recipient.as_ref(), code.name(), client);
            }
            Self::Customer(asked) => audit::refused_customer(asked, code.name(), client),
        }
    }

    pub(super) fn record_download(&self, ended: Ended, client: ProbableClient) {
        match self {
            Self::Link(row) | Self::Brief(row, _) => {
                audit::downloaded(row.id, &row.site, row.recipient.as_ref(), ended, client);
            }
            Self::Customer(asked) => audit::downloaded_by_customer(asked, ended, client),
        }
    }
}

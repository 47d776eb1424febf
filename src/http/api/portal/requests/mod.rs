//! Requests: whose they are, and with whom they are shared.

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::domain::ids::{OrganizationId, RequestId};
use crate::domain::portal::{EmailAddress, RequestChannel};
use crate::domain::security::Advisory;
use crate::store::RequestRecord;

/// What agents should read under a request whose reporter nothing has proved.
const UNPROVED_COMMENT: &str = "This request was raised without logging in. Its email address is not verified: nobody \
     has answered from it or signed up with it yet. Do not share anything confidential until then.";

/// A request as the API shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RequestRegistered {
    /// Its id.
    pub request: RequestId,
    /// Whose it is.
    pub reporter: EmailAddress,
    /// With whom it is shared, in the order of their addresses.
    pub participants: BTreeSet<EmailAddress>,
    /// With which organizations it is shared, in the order of their ids.
    pub organizations: BTreeSet<OrganizationId>,
    /// Whether it is shared with nobody.
    pub private: bool,
    /// How it came.
    pub channel: RequestChannel,
    /// Whether it was raised without a login and the address's owner has neither answered nor signed up yet.
    pub address_unproved: bool,
    /// The comment for agents to add while the address is unproved, where the project wants one; else `null`.
    #[schema(required = true, value_type = Option<String>)]
    pub agents_comment: Option<&'static str>,
    /// What agents should know about it.
    pub advisories: Vec<Advisory>,
}

impl RequestRegistered {
    fn of(record: RequestRecord) -> Self {
        let RequestRecord { id, request, proved, flagged } = record;
        let address_unproved = request.is_unproved(proved);
        Self {
            request: id,
            address_unproved,
            agents_comment: (address_unproved && flagged).then_some(UNPROVED_COMMENT),
            advisories: address_unproved.then_some(Advisory::LoginFreeActive).into_iter().collect(),
            reporter: request.reporter,
            participants: request.participants,
            organizations: request.organizations,
            private: request.private,
            channel: request.channel,
        }
    }
}

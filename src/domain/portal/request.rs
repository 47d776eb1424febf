//! Requests: whose they are, and with whom they are shared (product: *Sharing*, *Login-free requests*).

use std::collections::BTreeSet;

use super::{AutomaticAddresses, EmailAddress, choices};
use crate::domain::ids::OrganizationId;

choices! {
    /// How a request came.
    RequestChannel:
    Portal = "portal", "In the portal, by somebody who was logged in";
    PortalWithoutLogin = "portal_without_login", "In the portal, by somebody who was not";
    Email = "email", "By email";
    Agent = "agent", "By an agent, on behalf of the reporter";
}

impl RequestChannel {
    /// Whether the reporter's address is proved by it: they were logged in, or wrote from it.
    #[must_use]
    pub const fn proves_the_address(self) -> bool {
        matches!(self, Self::Portal | Self::Email)
    }
}

/// A request as the help desk registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whose it is.
    pub reporter: EmailAddress,
    /// With whom it is shared.
    pub participants: BTreeSet<EmailAddress>,
    /// With which organizations it is shared.
    pub organizations: BTreeSet<OrganizationId>,
    /// Whether it is shared with nobody.
    pub private: bool,
    /// How it came.
    pub channel: RequestChannel,
}

/// Why a request cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidRequest {
    /// A program writes from the reporter's address.
    AutomaticReporter,
    /// A program writes from a participant's address.
    AutomaticParticipant,
    /// It is private, and shared all the same.
    SharedThoughPrivate,
}

impl Request {
    /// Whether the rules allow it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, automatic: &AutomaticAddresses) -> Result<(), InvalidRequest> {
        let is_shared = !self.participants.is_empty() || !self.organizations.is_empty();
        if automatic.contains(&self.reporter) {
            Err(InvalidRequest::AutomaticReporter)
        } else if self.participants.iter().any(|address| automatic.contains(address)) {
            Err(InvalidRequest::AutomaticParticipant)
        } else if self.private && is_shared {
            Err(InvalidRequest::SharedThoughPrivate)
        } else {
            Ok(())
        }
    }

    /// Whether nothing has proved yet that it is the address's owner who asks.
    #[must_use]
    pub fn is_unproved(&self, address_is_proved: bool) -> bool {
        self.channel == RequestChannel::PortalWithoutLogin && !address_is_proved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(reporter: &str, participants: &[&str], private: bool) -> Request {
        Request {
            reporter: reporter.parse().unwrap(),
            participants: participants.iter().map(|text| text.parse().unwrap()).collect(),
            organizations: BTreeSet::new(),
            private,
            channel: RequestChannel::Portal,
        }
    }

    #[test]
    fn programs_are_not_on_requests_and_private_ones_are_not_shared() {
        let check = |request: Request| request.check(&AutomaticAddresses::default());
        let ana = "ana@a.example";
        assert_eq!(check(request(ana, &["ben@a.example"], false)), Ok(()));
        assert_eq!(check(request("support+1@a.example", &[], false)), Err(InvalidRequest::AutomaticReporter));
        let participants = ["ben@a.example", "NoReply@b.example"];
        assert_eq!(check(request(ana, &participants, false)), Err(InvalidRequest::AutomaticParticipant));
        assert_eq!(check(request(ana, &["ben@a.example"], true)), Err(InvalidRequest::SharedThoughPrivate));
        let organizations = [("o1".parse().unwrap())].into();
        let shared = Request { organizations, ..request(ana, &[], true) };
        assert_eq!(check(shared), Err(InvalidRequest::SharedThoughPrivate));
    }

    #[test]
    fn only_a_request_without_login_can_be_unproved() {
        for channel in RequestChannel::ALL {
            for proved in [false, true] {
                let request = Request { channel: *channel, ..request("ana@a.example", &[], false) };
                let expected = !proved && *channel == RequestChannel::PortalWithoutLogin;
                assert_eq!(request.is_unproved(proved), expected, "{channel:?}");
            }
        }
    }
}

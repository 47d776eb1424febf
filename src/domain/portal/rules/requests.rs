//! Requests: who may see them and comment on them.

use super::super::{Decision, Help, Permit, Refusal, Refused, Role, Subject};
use super::Case;

impl Case<'_> {
    /// A customer sees, and comments on, what is their own or is shared with them. Raising a request without a login
    /// does not show it: that needs a password and a login.
    pub(super) fn view_request(&self) -> Decision {
        match self.subject {
            Subject::Agent => Ok(Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            Subject::Visitor(_) => Err(Refused::new(Refusal::LoginRequired, &[Help::LogIn])),
            Subject::Customer(_) => {
                self.must_have_account()?;
                self.must_be_on_request()
            }
        }
    }

    /// By email, the same people may.
    pub(super) fn comment_by_email(&self) -> Decision {
        let Subject::Sender(address) = self.subject else { return Err(Self::wrong_subject()) };
        self.must_not_be_automatic(address)?;
        self.must_be_on_request()
    }

    /// A private request is shared with nobody, whatever was recorded before it became private.
    pub(super) fn must_be_on_request(&self) -> Decision {
        let roles = &self.facts.roles;
        if roles.contains(&Role::Reporter) {
            Ok(Permit::Reporter)
        } else if roles.contains(&Role::Participant) && !self.facts.private {
            Ok(Permit::Participant)
        } else if roles.contains(&Role::Organization) && !self.facts.private {
            Ok(Permit::Organization)
        } else {
            Err(Refused::new(Refusal::NotOnRequest, &[Help::AskAnAgent]))
        }
    }
}

//! Who may download in the portal.

use super::super::{Decision, Help, Permit, Refusal, Refused, Role, Subject};
use super::Case;

impl Case<'_> {
    /// A logged-in customer who is on the request, or tagged in the attachment's comment. Agents have the help desk.
    pub(super) fn download_attachment(&self) -> Decision {
        match self.subject {
            Subject::Agent | Subject::Sender(_) => Err(Self::wrong_subject()),
            Subject::Visitor(_) => Err(Refused::new(Refusal::LoginRequired, &[Help::LogIn])),
            Subject::Customer(_) => {
                self.must_have_account()?;
                let is_tagged = self.facts.roles.contains(&Role::Tagged);
                self.must_be_on_request().or_else(|no| if is_tagged { Ok(Permit::Tagged) } else { Err(no) })
            }
        }
    }
}

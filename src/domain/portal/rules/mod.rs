//! The rules, each a method on the [`Case`] that they are applied to.

mod downloading;
mod entering;
mod raising;
mod reading;
mod requests;
mod sharing;

#[cfg(test)]
mod tests;

use super::{
    Action, AutomaticAddresses, ChannelAccess, CustomerAccess, CustomerPermissions, Decision, Effective, EmailAddress,
    Facts, Help, Refusal, Refused, Standing, Subject,
};

/// All that a decision depends on, besides the action.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The site's settings.
    pub site: &'a CustomerAccess,
    /// The project's. For an action on a whole site they do not matter.
    pub project: &'a CustomerPermissions,
    /// Which addresses are automatic.
    pub automatic: &'a AutomaticAddresses,
    /// Who asks.
    pub subject: &'a Subject,
    /// What is known about them.
    pub facts: &'a Facts,
}

/// Whether the subject may do this.
///
/// # Errors
/// Why not, and what would help.
pub fn decide(case: Case<'_>, action: &Action) -> Decision {
    match action {
        Action::ViewHelpCenter => case.view_help_center(),
        Action::ViewPortal => case.view_portal(),
        Action::CreateAccount { honeypot } => case.create_account(honeypot),
        Action::RaiseRequest(form) => case.raise_request(form),
        Action::RaiseRequestByEmail => case.raise_request_by_email(),
        Action::CommentByEmail => case.comment_by_email(),
        Action::ViewRequest | Action::CommentOnRequest => case.view_request(),
        Action::ShareRequest(with) => case.share_request(with.as_ref()),
        Action::AddParticipant(person) => case.add_participant(person.as_ref()),
        Action::SearchCustomers(field) => case.search_customers(*field),
        Action::DownloadAttachment => case.download_attachment(),
        Action::ViewKnowledgeBase => case.view_knowledge_base(),
    }
}

// What several rules ask.
impl Case<'_> {
    fn effective(&self) -> Effective {
        Effective::of(self.site, self.project)
    }

    fn is_restricted(&self) -> bool {
        self.project.channel_access == ChannelAccess::Restricted
    }

    fn may_create_account(&self) -> bool {
        self.site.creates_account_for(self.subject.address())
    }

    /// What helps somebody who lacks an account: creating one, where they may and it is enough; else an agent.
    fn account_help(&self, is_enough: bool) -> Help {
        if is_enough && self.may_create_account() { Help::CreateAccount } else { Help::AskAnAgent }
    }

    fn wrong_subject() -> Refused {
        Refused::new(Refusal::WrongSubject, &[])
    }

    fn must_not_be_automatic(&self, address: &EmailAddress) -> Result<(), Refused> {
        if self.automatic.contains(address) { Err(Refused::new(Refusal::AutomaticAddress, &[])) } else { Ok(()) }
    }

    /// Refuses a logged-in customer whose account is not known here.
    fn must_have_account(&self) -> Result<(), Refused> {
        if self.facts.standing >= Standing::Account {
            return Ok(());
        }
        Err(Refused::new(Refusal::UnknownCustomer, &[self.account_help(true)]))
    }
}

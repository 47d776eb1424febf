//! Raising requests, in the portal and by email.

use super::super::{
    ChannelAccess, Decision, Effective, EmailAddress, Form, Help, Permit, Refusal, Refused, Standing, Subject,
};
use super::Case;
use super::sharing::Field;

impl Case<'_> {
    /// In the portal.
    pub(super) fn raise_request(&self, form: &Form) -> Decision {
        if !form.honeypot.is_empty() {
            return Err(Refused::new(Refusal::Bot, &[]));
        }
        match self.subject {
            Subject::Agent => self.raise_on_behalf(form).map(|()| Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            Subject::Customer(own) => {
                self.must_not_be_automatic(own)?;
                let permit = self.must_be_let_in()?;
                self.raise_on_behalf(form).map(|()| permit)
            }
            Subject::Visitor(address) => self.raise_without_login(address.as_ref(), form),
        }
    }

    /// Whoever it is raised for is somebody whom it could be shared with.
    fn raise_on_behalf(&self, form: &Form) -> Result<(), Refused> {
        form.on_behalf_of.as_ref().map_or(Ok(()), |person| self.name_person(person, Field::ShareOrOnBehalf).map(|_| ()))
    }

    fn raise_without_login(&self, address: Option<&EmailAddress>, form: &Form) -> Decision {
        if self.effective() != Effective::LoginFree || form.on_behalf_of.is_some() {
            return Err(self.login_to_be_let_in());
        }
        let fields = form.fields_that_need_a_login();
        if !fields.is_empty() {
            let create = self.may_create_account().then_some(Help::CreateAccount);
            let help: Vec<Help> = [Help::LogIn].into_iter().chain(create).collect();
            return Err(Refused::new(Refusal::FieldNeedsLogin, &help).because_of(fields));
        }
        let Some(address) = address else { return Ok(Permit::LoginFree) };
        self.must_not_be_automatic(address)?;
        if self.facts.standing == Standing::Unknown && !self.may_create_account() {
            return Err(Refused::new(Refusal::AccountsNotCreated, &[Help::AskAnAgent]));
        }
        Ok(Permit::LoginFree)
    }

    /// By email. An unknown sender is let in, and gets an account, only where the channel is open.
    pub(super) fn raise_request_by_email(&self) -> Decision {
        let Subject::Sender(address) = self.subject else { return Err(Self::wrong_subject()) };
        self.must_not_be_automatic(address)?;
        match (self.project.channel_access, self.facts.standing) {
            (_, Standing::Added) => Ok(Permit::Added),
            (ChannelAccess::Restricted, _) => Err(Refused::new(Refusal::NotAdded, &[Help::AskAnAgent])),
            (_, Standing::Account) => Ok(Permit::Customer),
            (ChannelAccess::Open, Standing::Unknown) if self.may_create_account() => Ok(Permit::AccountMade),
            (_, Standing::Unknown) => Err(Refused::new(Refusal::UnknownSender, &[self.account_help(true)])),
        }
    }
}

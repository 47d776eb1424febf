//! Getting in: the help center, a portal, an account.

use super::super::{Decision, Effective, Help, Permit, Refusal, Refused, Standing, Subject};
use super::Case;

impl Case<'_> {
    /// The help center is anyone's where external customers create accounts, else that of existing customers.
    pub(super) fn view_help_center(&self) -> Decision {
        match self.subject {
            Subject::Agent => Ok(Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            _ if self.site.external_customers.create_accounts => Ok(Permit::Anyone),
            Subject::Customer(_) => self.must_have_account().map(|()| Permit::Customer),
            Subject::Visitor(_) => Err(Refused::new(Refusal::LoginRequired, &[Help::LogIn, self.account_help(true)])),
        }
    }

    /// A portal is anyone's where requests are raised without a login, else that of those who may raise them.
    pub(super) fn view_portal(&self) -> Decision {
        match self.subject {
            Subject::Agent => Ok(Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            _ if self.effective() == Effective::LoginFree => Ok(Permit::Anyone),
            Subject::Customer(_) => self.must_be_let_in(),
            Subject::Visitor(_) => Err(self.login_to_be_let_in()),
        }
    }

    /// By the setting of the address's kind of customer. Where no address is known yet: whether anyone may.
    pub(super) fn create_account(&self, honeypot: &str) -> Decision {
        if !honeypot.is_empty() {
            return Err(Refused::new(Refusal::Bot, &[]));
        }
        match self.subject {
            Subject::Agent => Ok(Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            _ if self.facts.standing >= Standing::Account => Err(Refused::new(Refusal::HasAccount, &[Help::LogIn])),
            _ if self.may_create_account() => Ok(Permit::AccountMade),
            _ => Err(Refused::new(Refusal::AccountsNotCreated, &[Help::AskAnAgent])),
        }
    }

    /// Whether a logged-in customer is one of those that the project's channel is for.
    pub(super) fn must_be_let_in(&self) -> Decision {
        match self.facts.standing {
            Standing::Added => Ok(Permit::Added),
            Standing::Account if self.is_restricted() => Err(Refused::new(Refusal::NotAdded, &[Help::AskAnAgent])),
            Standing::Account => Ok(Permit::Customer),
            Standing::Unknown => {
                Err(Refused::new(Refusal::UnknownCustomer, &[self.account_help(!self.is_restricted())]))
            }
        }
    }

    /// What a visitor is told where only such customers get in.
    pub(super) fn login_to_be_let_in(&self) -> Refused {
        Refused::new(Refusal::LoginRequired, &[Help::LogIn, self.account_help(!self.is_restricted())])
    }
}

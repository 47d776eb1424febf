//! Sharing requests, and finding people to share them with.

use super::super::{
    Decision, FoundBy, Help, Permit, Person, Refusal, Refused, SearchField, ShareWith, Sharing, Standing, Subject,
};
use super::Case;

/// Where somebody is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The only ones where somebody may be named who is no customer yet.
    ShareOrOnBehalf,
    /// The request's field of participants.
    Participants,
}

impl Case<'_> {
    /// Whoever may see a request may share it, unless it is private.
    pub(super) fn share_request(&self, with: Option<&ShareWith>) -> Decision {
        self.must_be_shareable()?;
        match with {
            None => self.share_at_all(),
            Some(ShareWith::Organization { own }) => self.share_with_organization(*own),
            Some(ShareWith::Person(person)) => self.name_person(person, Field::ShareOrOnBehalf),
        }
    }

    /// As sharing with one person, who must be a customer already.
    pub(super) fn add_participant(&self, person: Option<&Person>) -> Decision {
        self.must_be_shareable()?;
        person.map_or_else(|| self.share_at_all(), |person| self.name_person(person, Field::Participants))
    }

    /// Customers search as far as they may share, among those whom the portal is for.
    pub(super) fn search_customers(&self, field: SearchField) -> Decision {
        match self.subject {
            Subject::Agent => return Ok(Permit::Agent),
            Subject::Sender(_) => return Err(Self::wrong_subject()),
            Subject::Visitor(_) => return Err(self.login_to_be_let_in()),
            Subject::Customer(_) => self.must_be_let_in()?,
        };
        match (self.project.sharing, field) {
            (Sharing::AnyInProject, _) => Ok(Permit::WithinProject),
            (_, SearchField::UserPicker) => Err(Refused::new(Refusal::NoUserPicker, &[Help::AskAnAgent])),
            (_, SearchField::Share) if self.facts.in_organization => Ok(Permit::WithinOrganization),
            (_, SearchField::Share) => Err(Self::no_organization()),
        }
    }

    /// Whether the subject may name this person in this field.
    pub(super) fn name_person(&self, person: &Person, field: Field) -> Decision {
        self.must_not_be_automatic(&person.address)?;
        if *self.subject == Subject::Agent {
            return Ok(Permit::Agent);
        }
        match (self.project.sharing, person.found_by) {
            _ if person.same_organization => Ok(Permit::WithinOrganization),
            (Sharing::AnyInProject, FoundBy::Search) if self.is_found_in_project(person) => Ok(Permit::WithinProject),
            (Sharing::AnyInProject, FoundBy::Search) => Err(Self::not_a_customer()),
            (Sharing::AnyInProject | Sharing::AnyCustomerByEmail, FoundBy::Address) => {
                self.name_by_address(person, field)
            }
            (Sharing::Organization, _) | (Sharing::AnyCustomerByEmail, FoundBy::Search) => {
                Err(self.outside_organization())
            }
        }
    }

    fn name_by_address(&self, person: &Person, field: Field) -> Decision {
        if person.standing >= Standing::Account {
            return Ok(Permit::ExactAddress);
        }
        let anyone_can_raise = self.effective().anyone_can_raise();
        let becomes_customer = anyone_can_raise && self.site.creates_account_for(Some(&person.address));
        if field == Field::ShareOrOnBehalf && becomes_customer {
            Ok(Permit::BecomesCustomer)
        } else {
            Err(Self::not_a_customer())
        }
    }

    /// A project's customers are those whom its channel is for.
    fn is_found_in_project(&self, person: &Person) -> bool {
        person.standing >= if self.is_restricted() { Standing::Added } else { Standing::Account }
    }

    fn must_be_shareable(&self) -> Result<(), Refused> {
        self.view_request()?;
        if self.facts.private { Err(Refused::new(Refusal::PrivateRequest, &[])) } else { Ok(()) }
    }

    fn share_at_all(&self) -> Decision {
        match self.project.sharing {
            _ if *self.subject == Subject::Agent => Ok(Permit::Agent),
            Sharing::AnyInProject => Ok(Permit::WithinProject),
            Sharing::AnyCustomerByEmail => Ok(Permit::ExactAddress),
            Sharing::Organization if self.facts.in_organization => Ok(Permit::WithinOrganization),
            Sharing::Organization => Err(Self::no_organization()),
        }
    }

    fn share_with_organization(&self, own: bool) -> Decision {
        match self.project.sharing {
            _ if *self.subject == Subject::Agent => Ok(Permit::Agent),
            _ if own => Ok(Permit::WithinOrganization),
            Sharing::AnyInProject => Ok(Permit::WithinProject),
            _ => Err(self.outside_organization()),
        }
    }

    fn outside_organization(&self) -> Refused {
        if self.facts.in_organization {
            Refused::new(Refusal::OutsideOrganization, &[Help::AskAnAgent])
        } else {
            Self::no_organization()
        }
    }

    fn no_organization() -> Refused {
        Refused::new(Refusal::NoOrganization, &[Help::AskAnAgent])
    }

    fn not_a_customer() -> Refused {
        Refused::new(Refusal::NotACustomer, &[Help::AskAnAgent])
    }
}

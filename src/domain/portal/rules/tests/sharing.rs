//! With whom a request is shared, and who is found.

use super::*;
use crate::domain::portal::{FoundBy, Person, SearchField, ShareWith};

/// What the product says of each setting: whether customers who are in an organization, and who are in none, may name
/// somebody of their organizations; a customer found by searching; a customer by exact address; and by exact address
/// somebody who is no customer yet, where anyone can raise requests.
const TABLE: [(Sharing, [bool; 4]); 3] = [
    (Sharing::Organization, [true, false, false, false]),
    (Sharing::AnyCustomerByEmail, [true, false, true, true]),
    (Sharing::AnyInProject, [true, true, true, true]),
];

fn person(found_by: FoundBy, standing: Standing, same_organization: bool) -> Person {
    Person { address: address("cleo@other.example"), found_by, standing, same_organization }
}

fn share(person: &Person) -> Action {
    Action::ShareRequest(Some(ShareWith::Person(person.clone())))
}

fn raise_for(person: &Person) -> Action {
    Action::RaiseRequest(Form { on_behalf_of: Some(person.clone()), ..Form::default() })
}

fn add(person: &Person) -> Action {
    Action::AddParticipant(Some(person.clone()))
}

/// A customer who may do everything that a customer may.
fn reporter(in_organization: bool) -> (Subject, Facts) {
    let roles = roles(&[Role::Reporter]);
    let facts = Facts { standing: Standing::Added, in_organization, roles, private: false };
    (Subject::Customer(address(EXTERNAL)), facts)
}

#[test]
fn people_are_named_as_far_as_the_setting_goes() {
    for (site, project) in all_settings() {
        let (_, may) = TABLE.iter().find(|(sharing, _)| *sharing == project.sharing).unwrap();
        let (subject, facts) = reporter(true);
        let asked = |action: &Action| ask((&site, &project), (&subject, &facts), action).is_ok();
        let open = project.channel_access == ChannelAccess::Open && site.external_customers.create_accounts;
        let own = person(FoundBy::Search, Standing::Account, true);
        let found = person(FoundBy::Search, Standing::Added, false);
        let typed = person(FoundBy::Address, Standing::Account, false);
        let new = person(FoundBy::Address, Standing::Unknown, false);
        for action in [share, raise_for, add] {
            assert_eq!(asked(&action(&own)), may[0], "{:?}", project.sharing);
            assert_eq!(asked(&action(&found)), may[1], "{:?}", project.sharing);
            assert_eq!(asked(&action(&typed)), may[2], "{:?}", project.sharing);
        }
        for action in [share, raise_for] {
            assert_eq!(asked(&action(&new)), may[3] && open, "{project:?}");
        }
        assert!(!asked(&add(&new)), "nobody becomes a customer in the field of participants");
        // A search finds customers of the project: those added where it is restricted, else all.
        let elsewhere = person(FoundBy::Search, Standing::Account, false);
        let is_customer = project.channel_access != ChannelAccess::Restricted;
        assert_eq!(asked(&share(&elsewhere)), may[1] && is_customer, "{project:?}");
        assert!(!asked(&share(&person(FoundBy::Search, Standing::Unknown, false))), "a search finds no strangers");
    }
}

#[test]
fn organizations_are_shared_with_as_far_as_the_setting_goes() {
    for (site, project) in all_settings() {
        for (in_organization, own) in [(true, true), (true, false), (false, false)] {
            let (subject, facts) = reporter(in_organization);
            let action = Action::ShareRequest(Some(ShareWith::Organization { own }));
            let decision = ask((&site, &project), (&subject, &facts), &action);
            let expected = match (own, project.sharing) {
                (true, _) => "within_organization",
                (false, Sharing::AnyInProject) => "within_project",
                (false, _) if in_organization => "outside_organization: ask_an_agent",
                (false, _) => "no_organization: ask_an_agent",
            };
            assert_eq!(words(&decision), expected);
        }
    }
}

#[test]
fn who_is_in_no_organization_cannot_share_within_one() {
    for (site, project) in all_settings() {
        let (subject, facts) = reporter(false);
        let asked = |action: &Action| words(&ask((&site, &project), (&subject, &facts), action));
        let expected = match project.sharing {
            Sharing::Organization => "no_organization: ask_an_agent",
            Sharing::AnyCustomerByEmail => "exact_address",
            Sharing::AnyInProject => "within_project",
        };
        for action in [Action::ShareRequest(None), Action::AddParticipant(None)] {
            assert_eq!(asked(&action), expected);
        }
        let searched = asked(&Action::SearchCustomers(SearchField::Share));
        let finds =
            if project.sharing == Sharing::AnyInProject { "within_project" } else { "no_organization: ask_an_agent" };
        assert_eq!(searched, finds);
    }
}

#[test]
fn user_pickers_offer_people_only_where_anyone_in_the_project_is_found() {
    for (site, project) in all_settings() {
        let (subject, facts) = reporter(true);
        let asked = |field| words(&ask((&site, &project), (&subject, &facts), &Action::SearchCustomers(field)));
        let in_project = project.sharing == Sharing::AnyInProject;
        let expected = if in_project { "within_project" } else { "no_user_picker: ask_an_agent" };
        assert_eq!(asked(SearchField::UserPicker), expected);
        let expected = if in_project { "within_project" } else { "within_organization" };
        assert_eq!(asked(SearchField::Share), expected);
    }
}

#[test]
fn only_those_whom_the_portal_is_for_search_in_it() {
    for (site, project) in all_settings() {
        let facts = Facts { standing: Standing::Account, in_organization: true, ..Facts::default() };
        let customer = Subject::Customer(address(EXTERNAL));
        let searched = ask((&site, &project), (&customer, &facts), &Action::SearchCustomers(SearchField::Share));
        assert_eq!(searched.is_ok(), project.channel_access != ChannelAccess::Restricted);
        let visitor =
            ask((&site, &project), (&Subject::Visitor(None), &facts), &Action::SearchCustomers(SearchField::Share));
        assert_eq!(visitor.unwrap_err().reason, Refusal::LoginRequired);
    }
}

#[test]
fn a_private_request_is_shared_with_nobody() {
    let somebody = person(FoundBy::Address, Standing::Account, true);
    for (site, project) in all_settings() {
        for (subject, facts) in [reporter(true), (Subject::Agent, Facts::default())] {
            let facts = Facts { private: true, ..facts };
            for action in [Action::ShareRequest(None), share(&somebody), add(&somebody), Action::AddParticipant(None)] {
                assert_eq!(words(&ask((&site, &project), (&subject, &facts), &action)), "private_request: ");
            }
        }
    }
}

#[test]
fn nobody_names_a_program() {
    let program = Person { address: address(AUTOMATIC), ..person(FoundBy::Address, Standing::Added, true) };
    for (site, project) in all_settings() {
        for (subject, facts) in [reporter(true), (Subject::Agent, Facts::default())] {
            for action in [share, add, raise_for] {
                let decision = ask((&site, &project), (&subject, &facts), &action(&program));
                assert_eq!(words(&decision), "automatic_address: ");
            }
        }
    }
}

#[test]
fn agents_name_whom_they_like_also_strangers() {
    let stranger = person(FoundBy::Address, Standing::Unknown, false);
    for (site, project) in all_settings() {
        for action in [share(&stranger), add(&stranger), raise_for(&stranger), Action::ShareRequest(None)] {
            let decision = ask((&site, &project), (&Subject::Agent, &Facts::default()), &action);
            assert_eq!(words(&decision), "agent");
        }
    }
}

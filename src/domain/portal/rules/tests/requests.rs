//! Who may see a request, comment on it and download from it.

use super::*;

/// The sixteen sets of roles that somebody can have.
fn all_roles() -> Vec<Vec<Role>> {
    (0..16_usize)
        .map(|bits| Role::ALL.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, role)| *role).collect())
        .collect()
}

/// Whether the product's sentence lets these roles see a request of this kind.
fn is_on_request(roles: &[Role], private: bool) -> bool {
    roles.contains(&Role::Reporter)
        || !private && (roles.contains(&Role::Participant) || roles.contains(&Role::Organization))
}

#[test]
fn those_who_are_on_the_request_and_nobody_else() {
    for (site, project) in all_settings() {
        for (set, private) in all_roles().into_iter().flat_map(|set| BOTH.map(|private| (set.clone(), private))) {
            let on_request = is_on_request(&set, private);
            let facts = Facts { standing: Standing::Account, roles: roles(&set), private, ..Facts::default() };
            let asked = |subject: &Subject, action| words(&ask((&site, &project), (subject, &facts), &action));
            let customer = Subject::Customer(address(EXTERNAL));
            let refused = "not_on_request: ask_an_agent";
            for action in [Action::ViewRequest, Action::CommentOnRequest] {
                assert_eq!(asked(&customer, action.clone()) != refused, on_request, "{set:?} {private}");
                assert_eq!(asked(&Subject::Visitor(None), action.clone()), "login_required: log_in");
                assert_eq!(asked(&Subject::Agent, action), "agent");
            }
            let sender = Subject::Sender(address(EXTERNAL));
            assert_eq!(asked(&sender, Action::CommentByEmail) != refused, on_request, "{set:?} {private}");
            let tagged = set.contains(&Role::Tagged);
            let downloads = asked(&customer, Action::DownloadAttachment);
            assert_eq!(downloads != refused, on_request || tagged, "{set:?} {private}");
            for nobody in [&Subject::Agent, &sender] {
                assert_eq!(asked(nobody, Action::DownloadAttachment), "wrong_subject: ");
            }
            assert_eq!(asked(&Subject::Visitor(None), Action::DownloadAttachment), "login_required: log_in");
        }
    }
}

#[test]
fn the_nearest_role_is_named() {
    let (site, project) = (site(false, false, false), CustomerPermissions::default());
    let customer = Subject::Customer(address(EXTERNAL));
    let ask = |set: &[Role], action: Action| {
        let facts = Facts { standing: Standing::Account, roles: roles(set), ..Facts::default() };
        words(&ask((&site, &project), (&customer, &facts), &action))
    };
    for (set, expected) in [
        (Role::ALL, "reporter"),
        (&Role::ALL[1..], "participant"),
        (&Role::ALL[2..], "organization"),
        (&Role::ALL[3..], "tagged"),
    ] {
        assert_eq!(ask(set, Action::DownloadAttachment), expected);
    }
    assert_eq!(ask(&[Role::Tagged], Action::ViewRequest), "not_on_request: ask_an_agent");
}

#[test]
fn a_role_without_an_account_opens_nothing() {
    let project = CustomerPermissions::default();
    let facts = Facts { roles: roles(Role::ALL), ..Facts::default() };
    for (creates, expected) in [(true, "unknown_customer: create_account"), (false, "unknown_customer: ask_an_agent")] {
        for action in [Action::ViewRequest, Action::CommentOnRequest, Action::DownloadAttachment] {
            let asked =
                ask((&site(creates, false, false), &project), (&Subject::Customer(address(EXTERNAL)), &facts), &action);
            assert_eq!(words(&asked), expected);
        }
    }
}

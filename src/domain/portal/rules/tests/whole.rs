//! What holds for every subject, every action and all settings.

use super::*;
use crate::domain::portal::SearchField;

fn all_actions() -> Vec<Action> {
    vec![
        Action::ViewHelpCenter,
        Action::ViewPortal,
        Action::CreateAccount { honeypot: String::new() },
        Action::RaiseRequest(Form::default()),
        Action::RaiseRequestByEmail,
        Action::CommentByEmail,
        Action::ViewRequest,
        Action::CommentOnRequest,
        Action::ShareRequest(None),
        Action::AddParticipant(None),
        Action::SearchCustomers(SearchField::Share),
        Action::DownloadAttachment,
        Action::ViewKnowledgeBase,
    ]
}

/// What each kind of subject can do at all: everybody else is the wrong subject, whatever the settings.
fn can(subject: &Subject, action: &Action) -> bool {
    let by_email = matches!(action, Action::RaiseRequestByEmail | Action::CommentByEmail);
    match subject {
        Subject::Sender(_) => by_email,
        Subject::Agent => !by_email && *action != Action::DownloadAttachment,
        Subject::Customer(_) | Subject::Visitor(_) => !by_email,
    }
}

#[test]
fn each_kind_of_subject_has_its_actions() {
    let mut asked = 0;
    for (site, project) in all_settings() {
        for (subject, facts) in all_subjects() {
            for action in all_actions() {
                let decision = ask((&site, &project), (&subject, &facts), &action);
                let wrong = decision.as_ref().is_err_and(|refused| refused.reason == Refusal::WrongSubject);
                assert_eq!(wrong, !can(&subject, &action), "{subject:?} {action:?}");
                assert!(subject != Subject::Agent || wrong || decision == Ok(crate::domain::portal::Permit::Agent));
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 54 * 29 * 13);
}

#[test]
fn without_a_login_nothing_of_a_request_is_shown() {
    let actions = [
        Action::ViewRequest,
        Action::CommentOnRequest,
        Action::ShareRequest(None),
        Action::AddParticipant(None),
        Action::DownloadAttachment,
    ];
    for (site, project) in all_settings() {
        for (subject, facts) in all_subjects() {
            let facts = Facts { roles: roles(Role::ALL), ..facts };
            for action in &actions {
                if matches!(subject, Subject::Visitor(_)) {
                    let decision = ask((&site, &project), (&subject, &facts), action);
                    assert_eq!(words(&decision), "login_required: log_in");
                }
            }
        }
    }
}

#[test]
fn a_program_neither_raises_nor_comments_by_email() {
    for (site, project) in all_settings() {
        for (subject, facts) in all_subjects() {
            let facts = Facts { roles: roles(Role::ALL), ..facts };
            if subject.address() == Some(&address(AUTOMATIC)) {
                for action in
                    [Action::RaiseRequest(Form::default()), Action::RaiseRequestByEmail, Action::CommentByEmail]
                {
                    assert!(ask((&site, &project), (&subject, &facts), &action).is_err(), "{subject:?} {action:?}");
                }
            }
        }
    }
}

#[test]
fn by_default_a_stranger_may_do_nothing() {
    let (site, project) = (CustomerAccess::default(), CustomerPermissions::default());
    for (subject, facts) in all_subjects() {
        if subject != Subject::Agent && facts.standing == Standing::Unknown {
            for action in all_actions() {
                let decision = ask((&site, &project), (&subject, &facts), &action);
                assert!(decision.is_err(), "{subject:?} {action:?}");
            }
        }
    }
}

//! The product's table: who sees the help center and a portal, and who sends requests.

use super::*;
use crate::domain::portal::FieldKind;

/// A row of the product's table, and what it says of each kind of person. `account`: after a login, and creating an
/// account is enough. `agent`: after a login, and only an agent can help who is not a customer of that kind yet.
struct Row {
    accounts: &'static str,
    without_login: &'static str,
    channels: &'static [&'static str],
    sees: &'static str,
    sends: &'static str,
    /// The help center, the portal, and raising a request there, for somebody who is not logged in.
    visitor: [&'static str; 3],
    /// The same for a customer with an account.
    customer: [&'static str; 3],
    /// The same for one who is added to the project.
    added: [&'static str; 3],
    /// Raising by email: an unknown sender, one with an account, one who is added.
    senders: [&'static str; 3],
}

const YES: [&str; 3] = ["yes"; 3];

const TABLE: &[Row] = &[
    Row {
        accounts: "yes",
        without_login: "yes",
        channels: &["open"],
        sees: "anyone",
        sends: "anyone, by portal or email; an address is asked for and an account made; seeing the request needs a password and a login",
        visitor: YES,
        customer: YES,
        added: YES,
        senders: YES,
    },
    Row {
        accounts: "yes",
        without_login: "no",
        channels: &["open"],
        sees: "anyone; a portal after login",
        sends: "anyone who has or creates an account; an email from an unknown sender makes an account",
        visitor: ["yes", "account", "account"],
        customer: YES,
        added: YES,
        senders: YES,
    },
    Row {
        accounts: "yes",
        without_login: "any",
        channels: &["accounts"],
        sees: "anyone; the portal after login",
        sends: "every customer with an account",
        visitor: ["yes", "account", "account"],
        customer: YES,
        added: YES,
        senders: ["account", "yes", "yes"],
    },
    Row {
        accounts: "yes",
        without_login: "any",
        channels: &["restricted"],
        sees: "anyone; the portal only for customers added",
        sends: "only customers added to the project",
        visitor: ["yes", "agent", "agent"],
        customer: ["yes", "no", "no"],
        added: YES,
        senders: ["no", "no", "yes"],
    },
    Row {
        accounts: "no",
        without_login: "no",
        channels: &["open", "accounts"],
        sees: "existing customers, after login",
        sends: "every existing customer",
        visitor: ["account", "account", "account"],
        customer: YES,
        added: YES,
        // An account is made for an unknown one only where the internal setting says so, and the channel is open.
        senders: ["account", "yes", "yes"],
    },
    Row {
        accounts: "no",
        without_login: "no",
        channels: &["restricted"],
        sees: "existing customers, after login",
        sends: "only existing customers added",
        visitor: ["account", "agent", "agent"],
        customer: ["yes", "no", "no"],
        added: YES,
        senders: ["no", "no", "yes"],
    },
];

fn row_of(site: &CustomerAccess, project: CustomerPermissions) -> &'static Row {
    let word = |on: bool| if on { "yes" } else { "no" };
    let accounts = word(site.external_customers.create_accounts);
    let without_login = word(site.portal_without_login);
    let fits = |row: &&Row| {
        row.accounts == accounts
            && [without_login, "any"].contains(&row.without_login)
            && row.channels.contains(&project.channel_access.name())
    };
    let mut rows = TABLE.iter().filter(fits);
    let row = rows.next().expect("a row for these settings");
    assert!(rows.next().is_none(), "one row for each settings");
    row
}

/// Whether the decision is what a cell says; `creates`: accounts are created for this person.
fn check(decision: &Decision, cell: &str, creates: bool, what: &str) {
    use Help::{AskAnAgent, CreateAccount, LogIn};
    let help = match (cell, decision) {
        ("yes", Ok(_)) => return,
        (_, Err(refused)) => &*refused.help,
        _ => panic!("{what}: {decision:?}, but the table says {cell}"),
    };
    let wanted: &[Help] = match cell {
        "account" if creates => &[LogIn, CreateAccount],
        "account" | "agent" => &[LogIn, AskAnAgent],
        "no" => &[AskAnAgent],
        _ => panic!("{what}: {decision:?}, but the table says {cell}"),
    };
    assert_eq!(help, wanted, "{what}");
}

#[test]
fn the_words_are_the_tables() {
    for (site, project) in all_settings() {
        let (row, effective) = (row_of(&site, project), Effective::of(&site, &project));
        assert_eq!(effective.sees_the_help_center(), row.sees);
        assert_eq!(effective.sends_requests(), row.sends);
        assert_eq!(effective.anyone_can_raise(), row.sends.starts_with("anyone"));
    }
}

#[test]
fn everyone_in_the_portal_may_do_what_the_table_says() {
    let actions = [Action::ViewHelpCenter, Action::ViewPortal, Action::RaiseRequest(Form::default())];
    for (site, project) in all_settings() {
        let row = row_of(&site, project);
        let settings = (&site, &project);
        for (who, creates) in
            [(EXTERNAL, site.external_customers.create_accounts), (INTERNAL, site.internal_customers.create_accounts)]
        {
            let customer = Subject::Customer(address(who));
            for (standing, cells) in [(Standing::Account, row.customer), (Standing::Added, row.added)] {
                let facts = Facts { standing, ..Facts::default() };
                for (action, cell) in actions.iter().zip(cells) {
                    let what = format!("{} {standing:?} {action:?}", row.sees);
                    check(&ask(settings, (&customer, &facts), action), cell, creates, &what);
                }
            }
            let visitor = Subject::Visitor(Some(address(who)));
            for (action, cell) in actions.iter().zip(row.visitor) {
                let decision = ask(settings, (&visitor, &Facts::default()), action);
                if matches!(action, Action::RaiseRequest(_)) && cell == "yes" && !creates {
                    assert_eq!(words(&decision), "accounts_not_created: ask_an_agent");
                } else {
                    check(&decision, cell, creates, &format!("{} {visitor:?} {action:?}", row.sees));
                }
            }
        }
        let somebody = (&Subject::Visitor(None), &Facts::default());
        let creates = site.external_customers.create_accounts || site.internal_customers.create_accounts;
        for (action, cell) in actions.iter().zip(row.visitor) {
            check(&ask(settings, somebody, action), cell, creates, &format!("{} {action:?}", row.sees));
        }
    }
}

#[test]
fn senders_may_do_what_the_table_says() {
    for (site, project) in all_settings() {
        let row = row_of(&site, project);
        for (who, creates) in
            [(EXTERNAL, site.external_customers.create_accounts), (INTERNAL, site.internal_customers.create_accounts)]
        {
            for (standing, cell) in STANDINGS.into_iter().zip(row.senders) {
                let facts = Facts { standing, ..Facts::default() };
                let sender = Subject::Sender(address(who));
                let decision = ask((&site, &project), (&sender, &facts), &Action::RaiseRequestByEmail);
                let unknown = standing == Standing::Unknown && project.channel_access != ChannelAccess::Restricted;
                let expected = match cell {
                    // Whether an account is made is up to the setting of this kind of customer.
                    _ if unknown && project.channel_access == ChannelAccess::Open && creates => "account_made",
                    _ if unknown && creates => "unknown_sender: create_account",
                    _ if unknown => "unknown_sender: ask_an_agent",
                    "yes" if standing == Standing::Added => "added",
                    "yes" => "customer",
                    _ => "not_added: ask_an_agent",
                };
                assert_eq!(words(&decision), expected, "{} {who} {standing:?}", row.sends);
            }
        }
    }
}

#[test]
fn accounts_are_created_by_the_setting_of_each_kind() {
    let create = |honeypot: &str| Action::CreateAccount { honeypot: honeypot.to_owned() };
    for (site, project) in all_settings() {
        let (external, internal) = (site.external_customers.create_accounts, site.internal_customers.create_accounts);
        for (who, creates) in [(Some(EXTERNAL), external), (Some(INTERNAL), internal), (None, external || internal)] {
            let visitor = Subject::Visitor(who.map(address));
            let asked = |facts: Facts, honeypot| words(&ask((&site, &project), (&visitor, &facts), &create(honeypot)));
            let expected = if creates { "account_made" } else { "accounts_not_created: ask_an_agent" };
            assert_eq!(asked(Facts::default(), ""), expected, "{who:?}");
            assert_eq!(asked(Facts::default(), " "), "bot: ");
            let known = Facts { standing: Standing::Account, ..Facts::default() };
            assert_eq!(asked(known, ""), "has_account: log_in");
        }
    }
}

#[test]
fn a_form_without_login_requires_no_field_that_needs_one() {
    const NEED_A_LOGIN: [&str; 9] = [
        "security_level",
        "approvers",
        "labels",
        "request_participants",
        "components",
        "fix_versions",
        "affects_versions",
        "environment",
        "asset_objects",
    ];
    let site = site(true, false, true);
    let project = CustomerPermissions { channel_access: ChannelAccess::Open, ..Default::default() };
    let raise = |who: &Subject, required: &[FieldKind], honeypot: &str| {
        let form = Form { required: required.to_vec(), honeypot: honeypot.to_owned(), on_behalf_of: None };
        let facts = Facts { standing: Standing::Account, ..Facts::default() };
        ask((&site, &project), (who, &facts), &Action::RaiseRequest(form))
    };
    let (customer, visitor) = (Subject::Customer(address(EXTERNAL)), Subject::Visitor(Some(address(EXTERNAL))));
    for field in FieldKind::ALL {
        assert_eq!(words(&raise(&customer, &[*field], "")), "customer");
        let decision = raise(&visitor, &[FieldKind::Custom, *field], "");
        if NEED_A_LOGIN.contains(&field.name()) {
            assert_eq!(words(&decision), "field_needs_login: log_in, create_account", "{field:?}");
            assert_eq!(decision.unwrap_err().because_of, [field.name()]);
        } else {
            assert_eq!(words(&decision), "login_free", "{field:?}");
        }
        for who in [&customer, &visitor, &Subject::Agent] {
            assert_eq!(words(&raise(who, &[*field], "http://")), "bot: ");
        }
    }
    // Where the address's kind gets no account, creating one is no help.
    let internal = Subject::Visitor(Some(address(INTERNAL)));
    assert_eq!(words(&raise(&internal, &[FieldKind::Labels], "")), "field_needs_login: log_in");
}

//! The rules as tables: settings × subject × action. What is expected is read from the product's text, not from the
//! rules.

mod entering;
mod knowledge_base;
mod requests;
mod sharing;
mod whole;

use super::*;
use crate::domain::portal::{Form, Role, Sharing};

/// On no approved domain.
const EXTERNAL: &str = "ana@customer.example";
/// On the approved domain.
const INTERNAL: &str = "ben@acme.example";
const AUTOMATIC: &str = "No_Reply+x@customer.example";

const BOTH: [bool; 2] = [false, true];
const STANDINGS: [Standing; 3] = [Standing::Unknown, Standing::Account, Standing::Added];

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

/// A site where accounts are created for external and internal customers as said.
fn site(external: bool, internal: bool, without_login: bool) -> CustomerAccess {
    let mut site = CustomerAccess { portal_without_login: without_login, outgoing_mail: true, ..Default::default() };
    site.internal_customers.approved_domains.insert("acme.example".parse().unwrap());
    site.internal_customers.create_accounts = internal;
    site.external_customers.create_accounts = external;
    site
}

/// Every site and project that there can be, as far as getting in depends on them.
fn all_settings() -> Vec<(CustomerAccess, CustomerPermissions)> {
    let mut all = Vec::new();
    for bits in 0..8 {
        let site = site(bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        if site.check().is_ok() {
            for channel_access in ChannelAccess::ALL {
                for sharing in Sharing::ALL {
                    let project = CustomerPermissions {
                        channel_access: *channel_access,
                        sharing: *sharing,
                        ..Default::default()
                    };
                    all.push((site.clone(), project));
                }
            }
        }
    }
    assert_eq!(all.len(), 6 * 3 * 3, "four sites with a login, two without");
    all
}

/// Every kind of subject, with what its address can be.
fn all_subjects() -> Vec<(Subject, Facts)> {
    let mut all = vec![(Subject::Agent, Facts::default()), (Subject::Visitor(None), Facts::default())];
    for (text, standing) in [EXTERNAL, INTERNAL, AUTOMATIC].into_iter().flat_map(|a| STANDINGS.map(|s| (a, s))) {
        let facts = Facts { standing, ..Facts::default() };
        for subject in
            [Subject::Customer(address(text)), Subject::Visitor(Some(address(text))), Subject::Sender(address(text))]
        {
            all.push((subject, facts.clone()));
        }
    }
    all
}

fn ask(
    (site, project): (&CustomerAccess, &CustomerPermissions),
    (subject, facts): (&Subject, &Facts),
    action: &Action,
) -> Decision {
    decide(Case { site, project, automatic: &AutomaticAddresses::default(), subject, facts }, action)
}

/// A decision in a few words: the permit, or the refusal and what would help.
fn words(decision: &Decision) -> String {
    match decision {
        Ok(permit) => permit.name().to_owned(),
        Err(refused) => {
            let help: Vec<&str> = refused.help.iter().map(|help| help.name()).collect();
            format!("{}: {}", refused.reason.name(), help.join(", "))
        }
    }
}

fn roles(names: &[Role]) -> std::collections::BTreeSet<Role> {
    names.iter().copied().collect()
}

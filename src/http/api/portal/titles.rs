//! What a person knows the options as: the same words in every answer, so that a page can be made of them.

use std::collections::BTreeMap;

use crate::domain::portal::{ChannelAccess, Sharing, Viewing};

/// Titles by the option's path in the body; a choice's follows after its option's.
pub type Titles = BTreeMap<String, &'static str>;

const ACCESS: &[(&str, &str)] = &[
    ("internal_customers", "Internal customers: people on an approved domain"),
    ("internal_customers.approved_domains", "Approved domains"),
    ("internal_customers.create_accounts", "Create accounts for internal customers"),
    ("external_customers", "External customers: everyone else, in the portal only"),
    ("external_customers.create_accounts", "External customers may create their own accounts"),
    ("portal_without_login", "Raise requests without logging in"),
    ("outgoing_mail", "The help desk sends mail"),
    ("incoming_address", "The address at which the help desk receives mail"),
    ("knowledge_base.global_anonymous_access", "Anonymous access to the knowledge base, site-wide"),
];

const PERMISSIONS: &[(&str, &str)] = &[
    ("channel_access", "Who can raise requests"),
    ("sharing", "Whom customers can share requests with"),
    ("knowledge_base.viewing", "Who can view the knowledge base"),
    ("knowledge_base.space_anonymous_access", "Anonymous access to the knowledge base's space"),
    ("flag_anonymous_requests", "Comment on requests that were raised without logging in"),
];

fn of(options: &[(&str, &'static str)]) -> Titles {
    options.iter().map(|(option, title)| ((*option).to_owned(), *title)).collect()
}

/// Those of a site's customer access.
#[must_use]
pub fn of_access() -> Titles {
    of(ACCESS)
}

/// Those of a project's customer permissions.
#[must_use]
pub fn of_permissions() -> Titles {
    let mut titles = of(PERMISSIONS);
    titles.extend(ChannelAccess::ALL.iter().map(|it| (format!("channel_access.{}", it.name()), it.title())));
    titles.extend(Sharing::ALL.iter().map(|it| (format!("sharing.{}", it.name()), it.title())));
    titles.extend(Viewing::ALL.iter().map(|it| (format!("knowledge_base.viewing.{}", it.name()), it.title())));
    titles
}

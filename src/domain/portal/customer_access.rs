//! Customer access of a site: who gets an account (product: *Site: customer access*).

use std::collections::BTreeSet;

use super::{Domain, EmailAddress};
use crate::domain::security::Advisory;

/// Customers with an email address on an approved domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InternalCustomers {
    /// The domains, each by itself: a domain under one of them is another. At most 1,000.
    #[schema(value_type = Vec<Domain>, max_items = 1000)]
    pub approved_domains: BTreeSet<Domain>,
    /// Whether accounts are created for them.
    pub create_accounts: bool,
}

/// All other customers: portal-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExternalCustomers {
    /// Whether they may create their own accounts.
    pub create_accounts: bool,
}

/// The site's part in showing its knowledge base to people without a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SiteKnowledgeBase {
    /// Whether anonymous access is on for the site as a whole.
    pub global_anonymous_access: bool,
}

/// Who becomes a customer of a site, and what it takes. Everything that widens is off by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerAccess {
    /// Customers on an approved domain.
    pub internal_customers: InternalCustomers,
    /// All other customers.
    pub external_customers: ExternalCustomers,
    /// Whether requests may be raised without a login, in every project whose channel is open. Needs
    /// `external_customers.create_accounts` and `outgoing_mail`.
    pub portal_without_login: bool,
    /// Whether the help desk sends mail: confirmations and sign-up mails need it.
    pub outgoing_mail: bool,
    /// The address at which the help desk receives mail.
    pub incoming_address: Option<EmailAddress>,
    /// The knowledge base.
    pub knowledge_base: SiteKnowledgeBase,
}

/// Why these settings cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impossible {
    /// A portal without login makes accounts, and external customers get none.
    AccountsRequired,
    /// A portal without login sends mail, and none goes out.
    OutgoingMailRequired,
}

impl CustomerAccess {
    /// Whether these settings go together.
    ///
    /// # Errors
    /// What must be turned on first. Accounts are named before mail.
    pub fn check(&self) -> Result<(), Impossible> {
        if !self.portal_without_login {
            Ok(())
        } else if !self.external_customers.create_accounts {
            Err(Impossible::AccountsRequired)
        } else if !self.outgoing_mail {
            Err(Impossible::OutgoingMailRequired)
        } else {
            Ok(())
        }
    }

    /// Whether somebody with this address is an internal customer.
    #[must_use]
    pub fn is_internal(&self, address: &EmailAddress) -> bool {
        self.internal_customers.approved_domains.iter().any(|domain| address.is_on(domain))
    }

    /// Whether an account is created for this address where one is asked for: by the setting of its kind of customer.
    /// Of somebody whose address is not known, whether it is for anyone at all.
    #[must_use]
    pub fn creates_account_for(&self, address: Option<&EmailAddress>) -> bool {
        let (internal, external) = (self.internal_customers.create_accounts, self.external_customers.create_accounts);
        match address {
            Some(address) if self.is_internal(address) => internal,
            Some(_) => external,
            None => internal || external,
        }
    }

    /// What an administrator should know about these settings.
    #[must_use]
    pub fn advisories(&self) -> Vec<Advisory> {
        let login_free = self.portal_without_login.then_some(Advisory::LoginFreeActive);
        let on_approved = self.incoming_address.as_ref().is_some_and(|address| self.is_internal(address));
        login_free.into_iter().chain(on_approved.then_some(Advisory::UseSeparateDomain)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(json: serde_json::Value) -> CustomerAccess {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn everything_that_widens_is_off_by_default() {
        let off = access(serde_json::json!({}));
        assert_eq!(off, CustomerAccess::default());
        assert!(!off.creates_account_for(None) && !off.portal_without_login && off.advisories().is_empty());
        assert_eq!(off.check(), Ok(()));
    }

    #[test]
    fn a_portal_without_login_needs_accounts_and_mail() {
        for (accounts, mail, expected) in [
            (false, false, Err(Impossible::AccountsRequired)),
            (false, true, Err(Impossible::AccountsRequired)),
            (true, false, Err(Impossible::OutgoingMailRequired)),
            (true, true, Ok(())),
        ] {
            let settings = |on: bool| {
                access(serde_json::json!({"external_customers": {"create_accounts": accounts}, "outgoing_mail": mail,
                    "portal_without_login": on, "internal_customers": {"create_accounts": true}}))
            };
            assert_eq!(settings(true).check(), expected, "accounts {accounts}, mail {mail}");
            assert_eq!(settings(false).check(), Ok(()));
        }
    }

    #[test]
    fn each_kind_of_customer_follows_its_setting() {
        for (internal, external) in [(false, false), (false, true), (true, false), (true, true)] {
            let access = access(serde_json::json!({
                "internal_customers": {"approved_domains": ["Acme.example"], "create_accounts": internal},
                "external_customers": {"create_accounts": external}}));
            let creates = |text: &str| access.creates_account_for(Some(&text.parse().unwrap()));
            assert_eq!(creates("ana@ACME.example"), internal);
            assert_eq!(creates("ana@sub.acme.example"), external);
            assert_eq!(creates("ana@elsewhere.example"), external);
            assert_eq!(access.creates_account_for(None), internal || external);
        }
    }

    #[test]
    fn opening_up_is_advised_on() {
        let of = |address: &str, login_free: bool| {
            access(serde_json::json!({"internal_customers": {"approved_domains": ["acme.example"]},
                "incoming_address": address, "portal_without_login": login_free}))
            .advisories()
        };
        assert_eq!(of("help@desk.acme.example", false), []);
        assert_eq!(of("help@acme.example", true), [Advisory::LoginFreeActive, Advisory::UseSeparateDomain]);
    }
}

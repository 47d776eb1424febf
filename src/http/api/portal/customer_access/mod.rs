//! Customer access of a site.

pub mod get;
pub mod put;

use serde::Serialize;

use super::titles::{self, Titles};
use crate::app::App;
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::portal::{CustomerAccess, EmailAddress, ExternalCustomers, InternalCustomers, SiteKnowledgeBase};
use crate::domain::security::Advisory;
use crate::http::problem::Problem;

/// Up to how many projects are named.
const NAMED_PROJECTS: u64 = 1000;

/// A site's customer access, and what it means.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CustomerAccessInForce {
    /// Customers on an approved domain.
    pub internal_customers: InternalCustomers,
    /// All other customers.
    pub external_customers: ExternalCustomers,
    /// Whether requests may be raised without a login.
    pub portal_without_login: bool,
    /// Whether the help desk sends mail.
    pub outgoing_mail: bool,
    /// The address at which the help desk receives mail.
    #[schema(required = true)]
    pub incoming_address: Option<EmailAddress>,
    /// The knowledge base.
    pub knowledge_base: SiteKnowledgeBase,
    /// The projects that `portal_without_login` concerns: those whose channel is open. At most 1,000 of them.
    pub open_projects: Vec<ProjectId>,
    /// Whether there are more than were named.
    pub open_projects_capped: bool,
    /// What a person knows each option as, by its path in the body.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub titles: Titles,
    /// What an administrator should know about these settings.
    pub advisories: Vec<Advisory>,
}

impl CustomerAccessInForce {
    async fn of(app: &App, site: &SiteId, access: CustomerAccess) -> Result<Self, Problem> {
        let open = app.store.open_projects(site, NAMED_PROJECTS).await?;
        let anyone = access.external_customers.create_accounts && !open.projects.is_empty();
        let anyone = anyone.then_some(Advisory::AnyoneCanRaise);
        Ok(Self {
            advisories: anyone.into_iter().chain(access.advisories()).collect(),
            internal_customers: access.internal_customers,
            external_customers: access.external_customers,
            portal_without_login: access.portal_without_login,
            outgoing_mail: access.outgoing_mail,
            incoming_address: access.incoming_address,
            knowledge_base: access.knowledge_base,
            open_projects: open.projects,
            open_projects_capped: open.capped,
            titles: titles::of_access(),
        })
    }
}

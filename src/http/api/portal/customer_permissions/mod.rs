//! Customer permissions of a project.

pub mod get;
pub mod put;

use serde::Serialize;

use super::titles::{self, Titles};
use crate::domain::portal::{
    ChannelAccess, CustomerAccess, CustomerPermissions, Effective, ProjectKnowledgeBase, Sharing,
};
use crate::domain::security::Advisory;

/// What the site's and the project's settings mean together, in words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InEffect {
    /// Who sees the help center and the portal.
    #[schema(value_type = String)]
    pub sees_the_help_center: &'static str,
    /// Who sends requests.
    #[schema(value_type = String)]
    pub sends_requests: &'static str,
}

/// A project's customer permissions, and what they mean within what the site allows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CustomerPermissionsInForce {
    /// Who may raise requests.
    pub channel_access: ChannelAccess,
    /// With whom customers may share them.
    pub sharing: Sharing,
    /// The knowledge base.
    pub knowledge_base: ProjectKnowledgeBase,
    /// Whether a request raised without a login gets an agents' comment that says so.
    pub flag_anonymous_requests: bool,
    /// What site and project give together.
    pub effective: InEffect,
    /// What a person knows each option as, by its path in the body; those of its choices follow after it.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub titles: Titles,
    /// What an administrator should know about these permissions.
    pub advisories: Vec<Advisory>,
}

impl CustomerPermissionsInForce {
    fn of(site: &CustomerAccess, permissions: CustomerPermissions) -> Self {
        let effective = Effective::of(site, &permissions);
        Self {
            channel_access: permissions.channel_access,
            sharing: permissions.sharing,
            knowledge_base: permissions.knowledge_base,
            flag_anonymous_requests: permissions.flag_anonymous_requests,
            effective: InEffect {
                sees_the_help_center: effective.sees_the_help_center(),
                sends_requests: effective.sends_requests(),
            },
            titles: titles::of_permissions(),
            advisories: permissions.advisories(site),
        }
    }
}

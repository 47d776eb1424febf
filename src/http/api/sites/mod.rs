//! Sites: tenants, with their plan, compliance switch, portal and object prefix.

pub mod delete;
pub mod get;
pub mod put;

use serde::Serialize;

use crate::domain::ids::SiteId;
use crate::domain::security::{Plan, SiteSettings};

/// A site as the API shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Site {
    /// Its id.
    pub site: SiteId,
    /// What it pays for. Secured links need any plan but `free`.
    pub plan: Plan,
    /// The compliance switch: while on, new notifications show no attachments at all. Links already sent keep working.
    pub safe_notifications: bool,
    /// The template of the portal's address, with `{project}` and `{request}`.
    #[schema(required = true, example = "https://help.acme.example/portal/{project}/{request}")]
    pub portal_url: Option<String>,
    /// The folder of the object store that objects may be registered from. Without one, none may.
    #[schema(required = true, example = "acme/")]
    pub object_prefix: Option<String>,
}

impl Site {
    fn of(site: SiteId, settings: &SiteSettings) -> Self {
        Self {
            site,
            plan: settings.plan,
            safe_notifications: settings.safe_notifications,
            portal_url: settings.portal_url.as_ref().map(|url| url.template().to_owned()),
            object_prefix: settings.object_prefix.as_ref().map(|prefix| prefix.as_str().to_owned()),
        }
    }
}

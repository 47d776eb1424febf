//! `GET /v1/sites/{site}/projects/{project}/attachment-security`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::domain::security::{Advisory, Mode};
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

/// Up to how many live links are counted.
const COUNTED_LINKS: u64 = 10_000;

/// The attachment security of a project, and what changing it would do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AttachmentSecurity {
    /// How emails of the project let customers at attachments.
    pub mode: Mode,
    /// When the mode last changed, or the project's start; `null` for a project that was never heard of.
    #[schema(required = true)]
    pub changed_at: Option<Timestamp>,
    /// How many live links a change of the mode would kill, counted up to 10,000.
    #[schema(maximum = 10_000, example = 42)]
    pub live_links: u64,
    /// Whether there are more than were counted.
    pub live_links_capped: bool,
    /// What an administrator should know about the mode.
    pub advisories: Vec<Advisory>,
}

refusals!(SiteNotFound, ProjectNotFound);

/// Read a project's attachment security.
///
/// Says how many live links a change of the mode would kill.
#[utoipa::path(
    get, path = "/v1/sites/{site}/projects/{project}/attachment-security",
    operation_id = "get_attachment_security", tag = "projects",
    params(ProjectParams),
    responses((status = 200, description = "The project's attachment security.", body = AttachmentSecurity), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, ProjectPath>,
) -> Result<Json<AttachmentSecurity>, Problem> {
    let ProjectPath { site, project } = &caller.place;
    let security = app.store.project_security(site, project).await?.ok_or_else(Problem::site_not_found)?;
    let counted = app.store.live_links(site, project, app.clock.now(), COUNTED_LINKS).await?;
    Ok(Json(AttachmentSecurity {
        mode: security.mode,
        changed_at: security.changed_at.map(Timestamp),
        live_links: counted.links,
        live_links_capped: counted.capped,
        advisories: security.mode.advisories(),
    }))
}

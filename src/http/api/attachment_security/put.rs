//! `PUT /v1/sites/{site}/projects/{project}/attachment-security`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::audit;
use crate::domain::security::{Advisory, Mode, ProjectSecurity};
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::api::revoked::{self, Under};
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::metrics::RevocationReason;
use crate::store::SetMode;

/// The mode that a project is to be in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentSecurityPut {
    /// `secured_link` needs a plan other than `free`.
    mode: Mode,
}

impl Accepted for AttachmentSecurityPut {}

/// The mode that a project is in now, and whether this call changed it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AttachmentSecuritySet {
    /// The mode.
    pub mode: Mode,
    /// Whether it was another one before: then every link issued so far is dead.
    pub changed: bool,
    /// When it last changed, or the project's start.
    #[schema(required = true)]
    pub changed_at: Option<Timestamp>,
    /// What an administrator should know about the mode.
    pub advisories: Vec<Advisory>,
}

refusals!(SiteNotFound, ProjectNotFound, PlanRequired; json);

/// Set a project's attachment security.
///
/// A change kills every link issued in the project so far, and toggling back revives none. Setting the mode that it has
/// already changes nothing. Makes the project if it is new; a new project is in `portal_login`.
#[utoipa::path(
    put, path = "/v1/sites/{site}/projects/{project}/attachment-security",
    operation_id = "put_attachment_security", tag = "projects",
    params(ProjectParams),
    request_body(content = AttachmentSecurityPut, example = json!({"mode": "secured_link"})),
    responses((status = 200, description = "The mode as it is now.", body = AttachmentSecuritySet), Refusals),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, ProjectPath>,
    JsonBody(body): JsonBody<AttachmentSecurityPut>,
) -> Result<Json<AttachmentSecuritySet>, Problem> {
    let ProjectPath { site, project } = &caller.place;
    let (security, changed) = match app.store.set_mode(site, project, body.mode, app.clock.now()).await? {
        SetMode::Done { security, changed } => (security, changed),
        SetMode::SiteNotFound => return Err(Problem::site_not_found()),
        SetMode::PlanRequired => return Err(plan_required()),
    };
    if changed {
        revoked::record(&app, &caller.key, RevocationReason::Mode, Under::project(site, project));
        audit::setting_changed(caller.key.id, site, Some(project), "mode", security.mode.name());
    }
    Ok(Json(answer(security, changed)))
}

fn plan_required() -> Problem {
    Problem::new(Code::PlanRequired, "`secured_link` needs the plan `standard`, `premium` or `enterprise`.")
}

fn answer(security: ProjectSecurity, changed: bool) -> AttachmentSecuritySet {
    AttachmentSecuritySet {
        mode: security.mode,
        changed,
        changed_at: security.changed_at.map(Timestamp),
        advisories: security.mode.advisories(),
    }
}

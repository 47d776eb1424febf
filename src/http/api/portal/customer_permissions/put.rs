//! `PUT /v1/sites/{site}/projects/{project}/customer-permissions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::CustomerPermissionsInForce;
use crate::app::App;
use crate::audit;
use crate::domain::access::ApiKey;
use crate::domain::portal::CustomerPermissions;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::store::SetPermissions;

impl Accepted for CustomerPermissions {}

refusals!(SiteNotFound, ProjectNotFound; json);

/// Replace a project's customer permissions. What is left out is as in a new project.
///
/// Makes the project if it is new.
#[utoipa::path(
    put, path = "/v1/sites/{site}/projects/{project}/customer-permissions",
    operation_id = "put_customer_permissions", tag = "portal",
    params(ProjectParams),
    request_body(content = CustomerPermissions, example = json!({
        "channel_access": "open", "sharing": "any_customer_by_email",
        "knowledge_base": {"viewing": "all", "space_anonymous_access": true}, "flag_anonymous_requests": true,
    })),
    responses((status = 200, description = "The permissions as they are now.", body = CustomerPermissionsInForce), Refusals),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, ProjectPath>,
    JsonBody(permissions): JsonBody<CustomerPermissions>,
) -> Result<Json<CustomerPermissionsInForce>, Problem> {
    let ProjectPath { site, project } = &caller.place;
    match app.store.set_customer_permissions(site, project, permissions, app.clock.now()).await? {
        SetPermissions::SiteNotFound => Err(Problem::site_not_found()),
        SetPermissions::Done { before, site: access } => {
            audit_changes(&caller.key, &caller.place, before, permissions);
            Ok(Json(CustomerPermissionsInForce::of(&access, permissions)))
        }
    }
}

fn audit_changes(key: &ApiKey, path: &ProjectPath, before: CustomerPermissions, after: CustomerPermissions) {
    for ((setting, before), (_, after)) in values(before).into_iter().zip(values(after)) {
        if before != after {
            audit::setting_changed(key.id, &path.site, Some(&path.project), setting, after);
        }
    }
}

fn values(permissions: CustomerPermissions) -> [(&'static str, &'static str); 5] {
    let word = |on: bool| if on { "true" } else { "false" };
    [
        ("channel_access", permissions.channel_access.name()),
        ("sharing", permissions.sharing.name()),
        ("knowledge_base.viewing", permissions.knowledge_base.viewing.name()),
        ("knowledge_base.space_anonymous_access", word(permissions.knowledge_base.space_anonymous_access)),
        ("flag_anonymous_requests", word(permissions.flag_anonymous_requests)),
    ]
}

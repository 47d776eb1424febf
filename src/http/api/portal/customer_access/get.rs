//! `GET /v1/sites/{site}/customer-access`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::CustomerAccessInForce;
use crate::app::App;
use crate::domain::ids::SiteId;
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;

refusals!(SiteNotFound);

/// Read a site's customer access.
#[utoipa::path(
    get, path = "/v1/sites/{site}/customer-access", operation_id = "get_customer_access", tag = "portal",
    params(SiteParams),
    responses((status = 200, description = "The site's customer access.", body = CustomerAccessInForce), Refusals),
)]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, SiteId>,
) -> Result<Json<CustomerAccessInForce>, Problem> {
    let access = app.store.customer_access(&caller.place).await?.ok_or_else(Problem::site_not_found)?;
    CustomerAccessInForce::of(&app, &caller.place, access).await.map(Json)
}

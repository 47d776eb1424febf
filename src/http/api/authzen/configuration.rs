//! `GET /.well-known/authzen-configuration`: where decisions are asked for. Needs no key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;

/// Where decisions are asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuthzenConfiguration {
    /// The name of this decision point: the base of its addresses.
    #[schema(format = "uri", example = "https://attachlink-api.acme.example")]
    pub policy_decision_point: String,
    /// Where one question is asked.
    #[schema(format = "uri")]
    pub access_evaluation_endpoint: String,
    /// Where many are asked.
    #[schema(format = "uri")]
    pub access_evaluations_endpoint: String,
}

/// Where decisions are asked for, under `ATTACHLINK_API_URL`.
#[utoipa::path(
    get, path = "/.well-known/authzen-configuration", operation_id = "get_authzen_configuration", tag = "description",
    security(()),
    responses((status = 200, description = "The `AuthZEN` metadata.", body = AuthzenConfiguration)),
)]
pub async fn get(State(app): State<Arc<App>>) -> Json<AuthzenConfiguration> {
    let base = &app.settings.api_url;
    Json(AuthzenConfiguration {
        policy_decision_point: base.clone(),
        access_evaluation_endpoint: format!("{base}/access/v1/evaluation"),
        access_evaluations_endpoint: format!("{base}/access/v1/evaluations"),
    })
}

//! `GET /openapi.yaml` and `GET /openapi.json`: the description of the whole service. Needs no key.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header;

use crate::http::openapi;

static YAML: LazyLock<String> = LazyLock::new(openapi::yaml);
static JSON: LazyLock<String> = LazyLock::new(openapi::json);

/// This description, as YAML.
#[utoipa::path(
    get, path = "/openapi.yaml", operation_id = "openapi_yaml", tag = "description", security(()),
    // No content is declared: generators of clients know no YAML, and would warn.
    responses((status = 200, description = "OpenAPI 3.1, as `application/yaml`.")),
)]
pub async fn yaml() -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], YAML.as_str()).into_response()
}

/// This description, as JSON.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi_json", tag = "description", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object)),
)]
pub async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str()).into_response()
}

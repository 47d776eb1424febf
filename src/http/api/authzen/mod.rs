//! Decisions, by the `OpenID` `AuthZEN` Authorization API 1.0: may this subject do this action with this resource?
//!
//! Unlike the rest of the API, these calls follow the standard: fields that are not known are ignored, what is not a
//! question is `400`, and `X-Request-ID` comes back.

mod answer;
mod body;
pub mod configuration;
pub mod evaluation;
pub mod evaluations;
mod question;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::HeaderName;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use super::Call;
use crate::http::problem::Code;

/// The name that a caller gives a request (section 10.1.8).
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What these calls may refuse with.
const REFUSALS: &[Code] = &[
    Code::MalformedJson,
    Code::IncompleteBody,
    Code::BadEvaluation,
    Code::Unauthorized,
    Code::MissingScope,
    Code::BodyTooLarge,
    Code::Internal,
    Code::Unavailable,
    Code::RecoveryRequired,
];

/// [`REFUSALS`], for the description.
struct Refusals;

impl utoipa::IntoResponses for Refusals {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        crate::http::openapi::refusals::responses(REFUSALS.iter().copied())
    }
}

/// Every call of this part, with its description.
pub const CALLS: &[Call] = &[
    || routes!(evaluation::post).layer(from_fn(echo_request_id)),
    || routes!(evaluations::post).layer(from_fn(echo_request_id)),
    || routes!(configuration::get).layer(from_fn(echo_request_id)),
];

async fn echo_request_id(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

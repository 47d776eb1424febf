//! The API listener: `/v1/…` with API keys, and the API's own description.
//!
//! A handler reads as four steps: extract, one use case, record, respond. Extraction is where most refusals are made,
//! and its order is fixed: key, scope, path, binding, body.

#![expect(
    clippy::missing_errors_doc,
    reason = "a handler declares its refusals by `refusals!`, and its doc comment is the description's own text"
)]

pub mod attachment_security;
pub mod attachments;
pub mod authzen;
pub mod caller;
pub mod comments;
pub mod content;
pub mod description;
pub mod json;
pub mod links;
mod log;
pub mod notifications;
pub mod place;
pub mod portal;
pub mod projects;
mod receive;
mod revoked;
pub mod sites;
pub mod timestamp;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::problem::{Code, Problem};

/// Every call of the listener, with its description.
#[must_use]
pub fn calls() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(sites::get::get, sites::put::put, sites::delete::delete))
        .routes(routes!(projects::delete::delete))
        .routes(routes!(attachment_security::get::get, attachment_security::put::put))
        .routes(routes!(attachments::list::list))
        .routes(routes!(attachments::get::get, attachments::put::put, attachments::delete::delete))
        .routes(routes!(content::get::get, content::put::put))
        .routes(routes!(links::post::post))
        .routes(routes!(comments::delete::delete))
        .routes(routes!(notifications::post::post))
        .routes(routes!(links::get::get, links::delete::delete))
        .merge(portal::calls())
        .merge(authzen::calls())
        .routes(routes!(description::yaml))
        .routes(routes!(description::json))
}

/// The listener's router for [`calls`]. What it does not know is a problem too: `404`, or `405` with `Allow`.
pub fn router(calls: Router<Arc<App>>, app: Arc<App>) -> Router {
    calls
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(app.clone(), log::requests))
        .with_state(app)
}

async fn unknown_path() -> Problem {
    Problem::new(Code::NotFound, "There is no such call. /openapi.yaml lists those that there are.")
}

async fn unknown_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path has other methods. The header `Allow` names them.")
}

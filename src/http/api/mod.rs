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
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::openapi;
use crate::http::problem::{Code, Problem};

/// The calls of one path, with their description. They are made when they are wanted, one path after the other: the
/// descriptions of all take four megabytes to put together, and the router needs none of them.
pub type Call = fn() -> UtoipaMethodRouter<Arc<App>>;

const CALLS: &[Call] = &[
    || routes!(sites::get::get, sites::put::put, sites::delete::delete),
    || routes!(projects::delete::delete),
    || routes!(attachment_security::get::get, attachment_security::put::put),
    || routes!(attachments::list::list),
    || routes!(attachments::get::get, attachments::put::put, attachments::delete::delete),
    || routes!(content::get::get, content::put::put),
    || routes!(links::post::post),
    || routes!(comments::delete::delete),
    || routes!(notifications::post::post),
    || routes!(links::get::get, links::delete::delete),
];

const OF_DESCRIPTION: &[Call] = &[|| routes!(description::yaml), || routes!(description::json)];

/// Every call of the listener, with its description.
pub fn calls() -> impl Iterator<Item = UtoipaMethodRouter<Arc<App>>> {
    [CALLS, portal::CALLS, authzen::CALLS, OF_DESCRIPTION].into_iter().flatten().map(|call| call())
}

/// Every call of the listener, and what they declare to answer.
pub fn answering() -> (Router<Arc<App>>, Vec<openapi::Declared>) {
    calls().fold((Router::new(), Vec::new()), |(router, mut declared), (_, paths, methods)| {
        let router = paths.paths.keys().fold(router, |router, path| router.route(path, methods.clone()));
        declared.extend(openapi::declared(paths));
        (router, declared)
    })
}

/// The listener's router, for what [`answering`] gave. What it does not know is a problem too: `404`, or `405` with `Allow`.
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

pub(super) async fn unknown_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path has other methods. The header `Allow` names them.")
}

//! The operators' listener: `/metrics`, `/livez`, `/readyz`. It tells nothing about any site.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::problem::{Code, Problem};
use crate::logging::causes;
use crate::objects::ObjectError;
use crate::store::StoreError;

/// A part that has not answered after this is not ready.
const PART_DEADLINE: Duration = Duration::from_secs(2);

/// The routes of the ops listener.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(unknown_path)
        .method_not_allowed_fallback(super::api::unknown_method)
        .layer(from_fn(log))
        .with_state(app)
}

/// One line for each request, at `debug`: these are asked every few seconds, and say nothing new.
async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = super::method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(super::UNMATCHED, MatchedPath::as_str);
    let (status, duration_ms) = (response.status().as_u16(), super::millis(started.elapsed()));
    tracing::debug!(target: super::REQUEST_LOG, listener = "ops", method, route, status, duration_ms, "request");
    response
}

async fn unknown_path() -> Problem {
    Problem::new(Code::NotFound, "This listener has /metrics, /livez and /readyz.")
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

/// The process runs. It says nothing about its parts: restarting would not mend those.
async fn livez() -> &'static str {
    "alive\n"
}

/// Whether database and store answer; else which does not.
async fn readyz(State(app): State<Arc<App>>) -> impl IntoResponse {
    let (database, objects) = tokio::join!(
        tokio::time::timeout(PART_DEADLINE, app.store.ping()),
        tokio::time::timeout(PART_DEADLINE, app.objects.ping()),
    );
    let restored = app.store.is_restored().then_some("it was restored from a backup: run `attachlink recover`");
    let database = reason("database", database, why_not).or(restored);
    let objects = reason("objects", objects, ObjectError::in_short);
    let ready = database.is_none() && objects.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "ready": ready,
        "database": database.unwrap_or("ok"),
        "objects": objects.unwrap_or("ok"),
    });
    (status, axum::Json(body))
}

const FAILS: &str = "it answers with an error; the log says which";

fn why_not(error: &StoreError) -> &'static str {
    match error {
        StoreError::ReadOnly => "its server is a standby, or read-only",
        StoreError::Full => "its disk is full",
        StoreError::Replaced => "its file was moved or replaced: put it back, or stop the service and restore it",
        other => other.advice().unwrap_or(FAILS),
    }
}

fn reason<E: std::error::Error>(
    part: &'static str,
    answer: Result<Result<(), E>, tokio::time::error::Elapsed>,
    why: impl Fn(&E) -> &'static str,
) -> Option<&'static str> {
    match answer {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(part, error = %causes(&error), "not ready");
            Some(why(&error))
        }
        Err(_) => {
            tracing::warn!(part, "not ready: silent past the deadline");
            Some("it does not answer")
        }
    }
}

//! Who may ask, and how it is answered.

pub mod api;
pub mod openapi;
pub mod ops;
pub mod problem;
pub mod public;

use std::time::{Duration, Instant};

use http::Method;

use crate::metrics::Metrics;
use crate::objects::ObjectError;

/// The target of the one log line that each request leaves.
pub const REQUEST_LOG: &str = "attachlink::request";

/// What a request without a route is called.
pub const UNMATCHED: &str = "unmatched";

/// A method for logs and labels. Whatever a stranger makes up is one word: it could be a token as well.
#[must_use]
pub const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

/// A duration as the log shows it: milliseconds, to the microsecond.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// Awaits a call of the object store, and counts it.
///
/// # Errors
/// The call's own.
pub async fn timed<T>(
    metrics: &Metrics,
    operation: &'static str,
    call: impl Future<Output = Result<T, ObjectError>>,
) -> Result<T, ObjectError> {
    let started = Instant::now();
    let result = call.await;
    let outcome = result.as_ref().map_or_else(ObjectError::name, |_| "ok");
    metrics.object_call(operation, outcome, started.elapsed());
    result
}

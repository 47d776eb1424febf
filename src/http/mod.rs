//! Who may ask, and how it is answered.

pub mod api;
pub mod openapi;
pub mod ops;
pub mod problem;
pub mod public;

use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::objects::ObjectError;

/// The target of the one log line that each request leaves.
pub const REQUEST_LOG: &str = "attachlink::request";

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

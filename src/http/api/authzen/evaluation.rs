//! `POST /access/v1/evaluation`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Refusals;
use super::answer::{EvaluationAnswer, answer};
use super::body::{Asked, Evaluation};
use crate::app::App;
use crate::http::api::caller::{Keyed, Notify};
use crate::http::problem::{Code, Problem};

/// May this subject do this action with this resource?
///
/// By the `OpenID` `AuthZEN` Authorization API 1.0. `context` of the answer says why in a stable `reason`, and what would
/// `help`. What is not known, or not the key's, is `false` with an `error`.
#[utoipa::path(
    post, path = "/access/v1/evaluation", operation_id = "evaluate", tag = "portal",
    request_body(content = Evaluation, example = json!({
        "subject": {"type": "customer", "id": "ana@customer.example"}, "action": {"name": "download_attachment"},
        "resource": {"type": "attachment", "id": "acme/SUP/10017/a1"},
    })),
    responses((status = 200, description = "The decision.", body = EvaluationAnswer), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Keyed<Notify>,
    Asked(asked): Asked<Evaluation>,
) -> Result<Json<EvaluationAnswer>, Problem> {
    must_be_whole(&asked)?;
    answer(&app, &caller.key, asked).await.map(Json)
}

/// A question without one of its parts is none.
pub(super) fn must_be_whole(asked: &Evaluation) -> Result<(), Problem> {
    let (subject, resource) = (asked.subject.as_ref(), asked.resource.as_ref());
    for (field, is_there) in [
        ("subject", subject.is_some()),
        ("subject.type", subject.is_some_and(|it| it.kind.is_some())),
        ("subject.id", subject.is_some_and(|it| it.id.is_some())),
        ("action.name", asked.action.as_ref().is_some_and(|it| it.name.is_some())),
        ("resource", resource.is_some()),
        ("resource.type", resource.is_some_and(|it| it.kind.is_some())),
        ("resource.id", resource.is_some_and(|it| it.id.is_some())),
    ] {
        if !is_there {
            return Err(Problem { code: Code::BadEvaluation, ..Problem::invalid(field, "is missing") });
        }
    }
    Ok(())
}

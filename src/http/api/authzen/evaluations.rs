//! `POST /access/v1/evaluations`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Refusals;
use super::answer::{EvaluationAnswer, answer};
use super::body::{Asked, Evaluation};
use super::evaluation::must_be_whole;
use crate::app::App;
use crate::http::api::caller::{Keyed, Notify};
use crate::http::api::json::{Accepted, Strict};
use crate::http::problem::{Code, Problem};

/// How many questions one call may ask.
const MAX_EVALUATIONS: usize = 100;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Semantic {
    /// At the end.
    #[default]
    ExecuteAll,
    /// After the first no.
    DenyOnFirstDeny,
    /// After the first yes.
    PermitOnFirstPermit,
}

/// How questions are answered.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Options {
    /// When to stop. Left out: at the end.
    #[serde(default)]
    #[schema(required = false)]
    evaluations_semantic: Semantic,
}

/// Questions, and what they have in common.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = Evaluations)]
pub struct Batch {
    /// What a question lacks; or the one question, where there are no others.
    #[serde(flatten, deserialize_with = "strictly")]
    defaults: Evaluation,
    /// The questions, at most 100.
    #[serde(default)]
    #[schema(value_type = Vec<Evaluation>, max_items = 100)]
    evaluations: Vec<Value>,
    /// How they are answered.
    #[serde(default)]
    #[schema(required = false)]
    options: Options,
}

impl Accepted for Batch {}

/// What has been set aside meanwhile, read as the rest of the body is.
fn strictly<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(Strict(from))
}

/// The answers, in the order of the questions; or the one answer, where one question was asked by itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum EvaluationsAnswer {
    /// Of many questions. Fewer than were asked where the semantic stopped early.
    Many {
        /// The answers.
        evaluations: Vec<EvaluationAnswer>,
    },
    /// Of one.
    One(EvaluationAnswer),
}

/// Many questions at once.
///
/// By the `OpenID` `AuthZEN` Authorization API 1.0: what stands beside `evaluations` is the default of each.
#[utoipa::path(
    post, path = "/access/v1/evaluations", operation_id = "evaluate_many", tag = "portal",
    request_body(content = Batch, example = json!({
        "subject": {"type": "customer", "id": "ana@customer.example"},
        "resource": {"type": "request", "id": "acme/SUP/SUP-42"},
        "evaluations": [{"action": {"name": "view_request"}}, {"action": {"name": "share_request"}}],
    })),
    responses((status = 200, description = "The decisions.", body = EvaluationsAnswer), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Keyed<Notify>,
    Asked(asked): Asked<Batch>,
) -> Result<Json<EvaluationsAnswer>, Problem> {
    if asked.evaluations.is_empty() {
        must_be_whole(&asked.defaults)?;
        return answer(&app, &caller.key, asked.defaults).await.map(EvaluationsAnswer::One).map(Json);
    }
    if asked.evaluations.len() > MAX_EVALUATIONS {
        let many = Problem::invalid("evaluations", format_args!("must be at most {MAX_EVALUATIONS}: split the call"));
        return Err(Problem { code: Code::BadEvaluation, ..many });
    }
    let mut evaluations = Vec::with_capacity(asked.evaluations.len());
    for question in asked.evaluations {
        let answered = match strictly::<Evaluation, _>(question) {
            Ok(question) => answer(&app, &caller.key, question.or(&asked.defaults)).await?,
            // One that is none does not keep the others from being answered.
            Err(error) => EvaluationAnswer::error(400, error.to_string()),
        };
        let decision = answered.decision;
        evaluations.push(answered);
        match asked.options.evaluations_semantic {
            Semantic::DenyOnFirstDeny if !decision => break,
            Semantic::PermitOnFirstPermit if decision => break,
            _ => {}
        }
    }
    Ok(Json(EvaluationsAnswer::Many { evaluations }))
}

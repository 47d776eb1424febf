//! Answering a question: facts, rules, answer.

use serde::Serialize;
use std::collections::BTreeMap;

use super::body::{Context, Evaluation, Named, SharedWith};
use super::question::{Question, field_kind};
use crate::app::App;
use crate::domain::access::{ApiKey, Scope, Target};
use crate::domain::portal::{Action, Case, Decision, Form, Help, Permit, Person, SearchField, ShareWith, decide};
use crate::http::problem::Problem;
use crate::store::AskedAbout;

/// Why a question could not be asked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EvaluationError {
    /// As an HTTP status: 400 for what is no question, 404 for what is not the key's.
    pub status: u16,
    /// What is wrong.
    pub message: String,
}

/// Why, and what would help.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Reasons {
    /// The stable name of why it is allowed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "login_required")]
    pub reason: Option<&'static str>,
    /// The same in words, by language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub reason_user: BTreeMap<&'static str, &'static str>,
    /// What would help, the best first.
    pub help: Vec<Help>,
    /// The settings or form fields that stand in the way, where it is these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub because_of: Vec<&'static str>,
    /// Of the form's `optional_fields`, those to leave out for somebody who is not logged in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub hidden_fields: Vec<String>,
    /// Why the question could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<EvaluationError>,
}

/// The answer to one question.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EvaluationAnswer {
    /// Whether the subject may.
    pub decision: bool,
    /// Why.
    pub context: Reasons,
}

impl EvaluationAnswer {
    /// No, because it could not be asked.
    pub(super) fn error(status: u16, message: impl Into<String>) -> Self {
        let error = EvaluationError { status, message: message.into() };
        let context = Reasons {
            reason: None,
            reason_user: BTreeMap::new(),
            help: Vec::new(),
            because_of: Vec::new(),
            hidden_fields: Vec::new(),
            error: Some(error),
        };
        Self { decision: false, context }
    }

    fn nowhere() -> Self {
        Self::error(404, "There is no such site or project, or the API key is bound elsewhere.")
    }
}

impl From<Decision> for EvaluationAnswer {
    fn from(decision: Decision) -> Self {
        let (allowed, reason, title, help, because_of) = match decision {
            Ok(permit) => (true, permit.name(), permit.title(), Vec::new(), Vec::new()),
            Err(refused) => (false, refused.reason.name(), refused.reason.title(), refused.help, refused.because_of),
        };
        let reason_user = BTreeMap::from([("en", title)]);
        let hidden_fields = Vec::new();
        let context = Reasons { reason: Some(reason), reason_user, help, because_of, hidden_fields, error: None };
        Self { decision: allowed, context }
    }
}

/// Answers one question, if the key may ask it.
pub(super) async fn answer(app: &App, key: &ApiKey, asked: Evaluation) -> Result<EvaluationAnswer, Problem> {
    let question = match Question::read(asked) {
        Ok(question) => question,
        Err(why) => return Ok(EvaluationAnswer::error(400, why)),
    };
    let resource = &question.resource;
    let target = resource
        .project
        .as_ref()
        .map_or(Target::Site(&resource.site), |project| Target::Project(&resource.site, project));
    if key.may(Scope::Notify, target).is_err() {
        return Ok(EvaluationAnswer::nowhere());
    }
    let about = match (&resource.request, &resource.attachment) {
        (Some(request), _) => AskedAbout::Request(request),
        (None, Some((comment, attachment))) => AskedAbout::Attachment(comment, attachment),
        (None, None) => AskedAbout::Nothing,
    };
    let at = (&resource.site, resource.project.as_ref());
    let Some(known) = app.store.case_facts(at, question.subject.address(), about).await? else {
        return Ok(EvaluationAnswer::nowhere());
    };
    let action = action(app, &question).await?;
    let case = Case {
        site: &known.site,
        project: &known.project,
        automatic: &app.settings.automatic_addresses,
        subject: &question.subject,
        facts: &known.facts,
    };
    let decision = decide(case, &action);
    let is_login_free = decision == Ok(Permit::LoginFree);
    let mut answered = EvaluationAnswer::from(decision);
    if is_login_free {
        answered.context.hidden_fields = hidden_fields(question.context.optional_fields);
    }
    Ok(answered)
}

/// The fields that a form shows only to those who are logged in (product: *Login-free requests*), named as they came.
fn hidden_fields(mut offered: Vec<String>) -> Vec<String> {
    offered.retain(|name| field_kind(name).needs_login());
    offered
}

/// The action with what is known about whom it names.
async fn action(app: &App, question: &Question) -> Result<Action, Problem> {
    let Context { required_fields, honeypot, on_behalf_of, share_with, participant, field, .. } =
        question.context.clone();
    Ok(match &*question.action {
        "view_help_center" => Action::ViewHelpCenter,
        "create_account" => Action::CreateAccount { honeypot },
        "view_portal" => Action::ViewPortal,
        "raise_request" => {
            let required = required_fields.iter().map(|name| field_kind(name)).collect();
            Action::RaiseRequest(Form { required, honeypot, on_behalf_of: person(app, question, on_behalf_of).await? })
        }
        "raise_request_by_email" => Action::RaiseRequestByEmail,
        "comment_by_email" => Action::CommentByEmail,
        "view_request" => Action::ViewRequest,
        "comment_on_request" => Action::CommentOnRequest,
        "share_request" => Action::ShareRequest(shared_with(app, question, share_with).await?),
        "add_participant" => Action::AddParticipant(person(app, question, participant).await?),
        "search_customers" => Action::SearchCustomers(field.unwrap_or(SearchField::Share)),
        "download_attachment" => Action::DownloadAttachment,
        _ => Action::ViewKnowledgeBase,
    })
}

async fn person(app: &App, question: &Question, named: Option<Named>) -> Result<Option<Person>, Problem> {
    let Some(Named { email, found_by }) = named else { return Ok(None) };
    let at = (&question.resource.site, question.resource.project.as_ref());
    let (standing, same_organization) = app.store.person_facts(at, &email, question.subject.address()).await?;
    Ok(Some(Person { address: email, found_by, standing, same_organization }))
}

async fn shared_with(app: &App, question: &Question, with: Option<SharedWith>) -> Result<Option<ShareWith>, Problem> {
    match with {
        None => Ok(None),
        Some(SharedWith::Person(named)) => Ok(person(app, question, Some(named)).await?.map(ShareWith::Person)),
        Some(SharedWith::Organization { organization }) => {
            let own = match question.subject.address() {
                Some(address) => app.store.is_member(&question.resource.site, &organization, address).await?,
                None => false,
            };
            Ok(Some(ShareWith::Organization { own }))
        }
    }
}

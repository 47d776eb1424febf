//! Questions as they are sent.

use axum::extract::{FromRequest, Request};
use serde::Deserialize;

use crate::domain::ids::OrganizationId;
use crate::domain::portal::{EmailAddress, FoundBy, SearchField};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::problem::{Code, Problem};

/// A subject or a resource. Its properties are not needed: what matters is known here.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
pub struct Entity {
    /// Of a subject `customer`, `visitor`, `sender` or `agent`; of a resource `site`, `project`, `portal`,
    /// `knowledge_base`, `request` or `attachment`.
    #[serde(rename = "type")]
    #[schema(required = true, value_type = String)]
    pub kind: Option<String>,
    /// An email address, or ids with slashes between them.
    #[schema(required = true, value_type = String)]
    pub id: Option<String>,
}

/// An action.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
pub struct ActionNamed {
    /// Which.
    #[schema(required = true, value_type = String, example = "download_attachment")]
    pub name: Option<String>,
}

/// Somebody whom the subject names.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
pub struct Named {
    /// Their address.
    pub email: EmailAddress,
    /// How they were named. Left out: by their exact address.
    #[serde(default = "by_address")]
    #[schema(required = false)]
    pub found_by: FoundBy,
}

const fn by_address() -> FoundBy {
    FoundBy::Address
}

/// Whom a request is to be shared with: a person or an organization.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(untagged, try_from = "Whom")]
pub enum SharedWith {
    /// Everyone in an organization.
    Organization {
        /// Which.
        organization: OrganizationId,
    },
    /// One person.
    Person(Named),
}

/// [`SharedWith`], as it is read.
#[derive(Deserialize)]
struct Whom {
    organization: Option<OrganizationId>,
    email: Option<EmailAddress>,
    #[serde(default = "by_address")]
    found_by: FoundBy,
}

impl TryFrom<Whom> for SharedWith {
    type Error = &'static str;

    fn try_from(Whom { organization, email, found_by }: Whom) -> Result<Self, &'static str> {
        match (organization, email) {
            (Some(organization), None) => Ok(Self::Organization { organization }),
            (None, Some(email)) => Ok(Self::Person(Named { email, found_by })),
            _ => Err("must have either an `organization` or an `email`"),
        }
    }
}

/// What else an action depends on.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct Context {
    /// `raise_request`: the kinds of the fields that the form requires.
    #[serde(default)]
    pub required_fields: Vec<String>,
    /// `raise_request`: the kinds of the fields that it offers besides.
    #[serde(default)]
    pub optional_fields: Vec<String>,
    /// `raise_request`, `create_account`: what stands in the field that people do not see.
    #[serde(default)]
    pub honeypot: String,
    /// `raise_request`: whom it is raised for, if not for oneself.
    pub on_behalf_of: Option<Named>,
    /// `share_request`: whom with. Left out: whether the subject may share at all.
    pub share_with: Option<SharedWith>,
    /// `add_participant`: whom. Left out: whether the subject may add anybody.
    pub participant: Option<Named>,
    /// `search_customers`: what for. Left out: sharing.
    pub field: Option<SearchField>,
}

/// One question.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = Evaluation)]
pub struct Evaluation {
    /// Who.
    #[schema(required = true, value_type = Entity)]
    pub subject: Option<Entity>,
    /// What.
    #[schema(required = true, value_type = ActionNamed)]
    pub action: Option<ActionNamed>,
    /// With what.
    #[schema(required = true, value_type = Entity)]
    pub resource: Option<Entity>,
    /// What else matters.
    pub context: Option<Context>,
}

impl Evaluation {
    /// This one, with what it lacks from the defaults: each key as a whole, never mixed (section 7.1.1).
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            subject: self.subject.or_else(|| defaults.subject.clone()),
            action: self.action.or_else(|| defaults.action.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
            context: self.context.or_else(|| defaults.context.clone()),
        }
    }
}

impl Accepted for Evaluation {}

/// A body of these calls: as [`JsonBody`], but whatever is wrong with it is `400` (section 10.1.7).
pub struct Asked<T>(pub T);

impl<S: Sync, T: Accepted> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match JsonBody::from_request(request, state).await {
            Ok(JsonBody(body)) => Ok(Self(body)),
            Err(problem) if matches!(problem.code, Code::InvalidRequest | Code::UnsupportedMediaType) => {
                Err(Problem { code: Code::BadEvaluation, ..problem })
            }
            Err(problem) => Err(problem),
        }
    }
}

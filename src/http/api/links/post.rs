//! `POST …/attachments/{attachment}/links`: issues links without an email.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Fresh, must_name_someone, must_not_be_too_many, secured_links_off};
use crate::app::App;
use crate::audit;
use crate::domain::attachment::Attachment;
use crate::domain::ids::{AttachmentPath, Recipient};
use crate::domain::link::expires_at;
use crate::domain::security::may_issue;
use crate::domain::token::LinkId;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody, LIST_BODY_OCTETS};
use crate::http::api::place::AttachmentParams;
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::store::{IssueContext, Issued, NewLink, Wanted};

/// Whom links are issued to.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinksPost {
    /// One link each, 1 to 10,000.
    #[schema(min_items = 1, max_items = 10_000)]
    recipients: Vec<Recipient>,
}

impl Accepted for LinksPost {
    const MAX_OCTETS: usize = LIST_BODY_OCTETS;
}

/// A link that was issued. Its URL is the secret, and is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedLink {
    /// Whose it is.
    pub recipient: Recipient,
    /// The address: anyone who has it can download until it dies.
    #[schema(format = "uri", example = "https://files.acme.example/a/al1_…/log.txt")]
    pub url: String,
    /// Its public id.
    #[schema(schema_with = super::link_id_schema)]
    pub link_id: LinkId,
    /// From when on it is refused: 28 days later.
    pub expires_at: Timestamp,
}

/// The links that were issued.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedLinks {
    /// In the order asked for.
    pub links: Vec<IssuedLink>,
}

refusals!(SiteNotFound, ProjectNotFound, AttachmentNotFound, CommentDeleted, SecuredLinksOff, RecoveryRequired; json);

/// Issue links to an attachment without an email, one for each recipient.
#[utoipa::path(
    post, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/attachments/{attachment}/links",
    operation_id = "issue_links", tag = "links",
    params(AttachmentParams),
    request_body(content = LinksPost, example = json!({"recipients": ["r-17", "r-18"]})),
    responses((status = 201, description = "The links.", body = IssuedLinks), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, AttachmentPath>,
    JsonBody(body): JsonBody<LinksPost>,
) -> Result<(StatusCode, Json<IssuedLinks>), Problem> {
    must_name_someone(&body.recipients)?;
    must_not_be_too_many(body.recipients.len(), 1)?;
    let AttachmentPath { comment, attachment } = &caller.place;
    let now = app.clock.now();
    let wanted = Wanted { request: None, attachments: Some(std::slice::from_ref(attachment)) };
    let build = |context: &IssueContext| issue(&app, context, body.recipients, now);
    let links = match app.store.issue(comment, wanted, now, build).await? {
        Issued::Done(links) => links,
        Issued::Refused(problem) => return Err(problem),
        Issued::SiteNotFound => return Err(Problem::site_not_found()),
        Issued::CommentDeleted => return Err(Problem::comment_deleted()),
        Issued::AttachmentNotFound(_) => return Err(Problem::attachment_not_found()),
    };
    app.metrics.links_issued(links.len() as u64);
    for link in &links {
        audit::issued(caller.key.id, link.link_id, &caller.place, Some(&link.recipient));
    }
    Ok((StatusCode::CREATED, Json(IssuedLinks { links })))
}

type Built = (Vec<IssuedLink>, Vec<NewLink>);

fn issue(app: &App, context: &IssueContext, to: Vec<Recipient>, now: OffsetDateTime) -> Result<Built, Problem> {
    may_issue(context.mode, context.settings.safe_notifications).map_err(secured_links_off)?;
    let attachment = context.attachments.first().ok_or_else(Problem::attachment_not_found)?;
    Ok(to.into_iter().map(|recipient| one(app, attachment, recipient, now)).unzip())
}

fn one(app: &App, attachment: &Attachment, recipient: Recipient, now: OffsetDateTime) -> (IssuedLink, NewLink) {
    let fresh = Fresh::to(app, attachment, now);
    let row = fresh.row(0, Some(recipient.clone()));
    let expires_at = Timestamp(expires_at(fresh.id().issued_at()));
    (IssuedLink { recipient, link_id: fresh.id(), expires_at, url: fresh.url }, row)
}

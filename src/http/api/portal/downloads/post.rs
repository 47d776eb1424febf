//! `POST /v1/sites/{site}/portal-downloads`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::place::SiteOfBody;
use crate::app::App;
use crate::audit;
use crate::domain::ids::{AttachmentId, AttachmentPath, CommentId, CommentPath, ProjectId, Recipient};
use crate::domain::link::{LinkKind, PORTAL_LINK_LIFETIME};
use crate::domain::portal::{Action, Case, EmailAddress, Refused, Subject, decide};
use crate::domain::token::LinkId;
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::links::Fresh;
use crate::http::api::place::SiteParams;
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::store::{AskedAbout, IssueContext, Issued, NewLink, Wanted};

/// Who wants what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PortalDownloadPost {
    /// The customer who is logged in to the portal.
    customer: EmailAddress,
    /// The attachment's project.
    project: ProjectId,
    /// Its comment.
    comment: CommentId,
    /// The attachment.
    attachment: AttachmentId,
}

impl Accepted for PortalDownloadPost {}

/// A link that lives five minutes. Its URL is the secret, and is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PortalLink {
    /// The address to send the customer's browser to.
    #[schema(format = "uri", example = "https://files.acme.example/a/al1_…/log.txt")]
    pub url: String,
    /// Its public id.
    #[schema(schema_with = crate::http::api::links::link_id_schema)]
    pub link_id: LinkId,
    /// From when on it is refused: five minutes later.
    pub expires_at: Timestamp,
}

refusals!(
    SiteNotFound, ProjectNotFound, DownloadNotAllowed, AttachmentNotFound, CommentDeleted, RecoveryRequired; json
);

/// Give a customer who is logged in to a portal of its own a link to an attachment, if the rules allow it.
///
/// The link lives five minutes, whatever the project's attachment security and the compliance switch say, and only while
/// the rules still give the customer the attachment. Deleting the comment, the attachment, the project, the site or the
/// link kills it at once. Whoever has it can use it.
#[utoipa::path(
    post, path = "/v1/sites/{site}/portal-downloads", operation_id = "portal_download_link", tag = "portal",
    params(SiteParams),
    request_body(content = PortalDownloadPost, example = json!({
        "customer": "ana@customer.example", "project": "SUP", "comment": "10017", "attachment": "a1",
    })),
    responses((status = 201, description = "The link.", body = PortalLink), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, SiteOfBody>,
    JsonBody(body): JsonBody<PortalDownloadPost>,
) -> Result<(StatusCode, Json<PortalLink>), Problem> {
    let SiteOfBody(site) = caller.place;
    if !caller.key.covers_project(&site, &body.project) {
        return Err(Problem::project_not_found());
    }
    let PortalDownloadPost { customer, project, comment, attachment } = body;
    let path = CommentPath { site, project, comment }.attachment(attachment);
    must_be_allowed(&app, &customer, &path).await?;
    let (now, recipient) = (app.clock.now(), recipient(&customer)?);
    let wanted = Wanted { request: None, attachments: Some(std::slice::from_ref(&path.attachment)) };
    let build = |context: &IssueContext| link(&app, context, recipient.clone(), now);
    let link = match app.store.issue_for(LinkKind::Portal, &path.comment, wanted, now, build).await? {
        Issued::Done(link) => link,
        Issued::Refused(problem) => return Err(problem),
        Issued::SiteNotFound => return Err(Problem::site_not_found()),
        Issued::CommentDeleted => return Err(Problem::comment_deleted()),
        Issued::AttachmentNotFound(_) => return Err(Problem::attachment_not_found()),
    };
    app.metrics.links_issued(1);
    audit::issued(caller.key.id, link.link_id, &path, Some(&recipient));
    Ok((StatusCode::CREATED, Json(link)))
}

/// Asks the same rules as everywhere (product: *Who may download in the portal*).
async fn must_be_allowed(app: &App, customer: &EmailAddress, path: &AttachmentPath) -> Result<(), Problem> {
    let CommentPath { site, project, comment } = &path.comment;
    let about = AskedAbout::Attachment(comment, &path.attachment);
    let known = app.store.case_facts((site, Some(project)), Some(customer), about).await?;
    let known = known.ok_or_else(Problem::site_not_found)?;
    let subject = Subject::Customer(customer.clone());
    let case = Case {
        site: &known.site,
        project: &known.project,
        automatic: &app.settings.automatic_addresses,
        subject: &subject,
        facts: &known.facts,
    };
    decide(case, &Action::DownloadAttachment).map(drop).map_err(|refused| not_allowed(&refused))
}

fn not_allowed(refused: &Refused) -> Problem {
    Problem::new(Code::DownloadNotAllowed, format!("{}: {}.", refused.reason.name(), refused.reason.title()))
}

/// Whom the record of the link names. An address is shorter than a recipient may be.
fn recipient(customer: &EmailAddress) -> Result<Recipient, Problem> {
    customer.to_string().try_into().map_err(|why| Problem::invalid("customer", why))
}

fn link(
    app: &App,
    context: &IssueContext,
    recipient: Recipient,
    now: OffsetDateTime,
) -> Result<(PortalLink, Vec<NewLink>), Problem> {
    let attachment = context.attachments.first().ok_or_else(Problem::attachment_not_found)?;
    let fresh = Fresh::to(app, attachment, now);
    let row = fresh.row(0, Some(recipient));
    let expires_at = Timestamp(fresh.id().issued_at() + PORTAL_LINK_LIFETIME);
    Ok((PortalLink { link_id: fresh.id(), expires_at, url: fresh.url }, vec![row]))
}

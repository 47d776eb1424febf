//! `POST …/comments/{comment}/notifications`: one call for each comment.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::answer::Notification;
use super::build::{Asked, notification};
use crate::app::App;
use crate::audit;
use crate::domain::access::ApiKey;
use crate::domain::ids::{AttachmentId, CommentPath, Recipient, RequestId};
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody, LIST_BODY_OCTETS, whole_number};
use crate::http::api::links::{must_name_someone, must_not_be_too_many};
use crate::http::api::place::CommentParams;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::store::{IssueContext, Issued, Wanted};

/// The largest size that is accepted: what every JSON number can hold exactly, 2^53 − 1 octets.
const MAX_MESSAGE_OCTETS: u64 = (1 << 53) - 1;

/// A message's size, in octets.
#[derive(Debug, Clone, Copy)]
struct MessageSize(u64);

impl<'de> Deserialize<'de> for MessageSize {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::try_from(whole_number(from)?).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<u64> for MessageSize {
    type Error = &'static str;
    fn try_from(octets: u64) -> Result<Self, &'static str> {
        if octets <= MAX_MESSAGE_OCTETS { Ok(Self(octets)) } else { Err("must be 0 to 9007199254740991 octets") }
    }
}

/// An email that is about to be sent for a comment.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationPost {
    /// The request that the comment belongs to.
    request: RequestId,
    /// The octets of the message without the images.
    #[schema(value_type = u64, minimum = 0, maximum = 9_007_199_254_740_991_u64, example = 48_211)]
    message_size: MessageSize,
    /// Which attachments, each once. Left out: all of the comment's, in the order of their registration.
    #[serde(default)]
    attachments: Option<Vec<AttachmentId>>,
    /// To whom. Left out: one unnamed recipient. Recipients × attachments are at most 10,000.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 10_000)]
    recipients: Option<Vec<Recipient>>,
}

impl Accepted for NotificationPost {
    const MAX_OCTETS: usize = LIST_BODY_OCTETS;
}

refusals!(SiteNotFound, ProjectNotFound, CommentDeleted, UnknownAttachment, RecoveryRequired; json);

/// Decide how a comment's attachments appear in its emails, and issue the links.
///
/// All images of an email go the same way: inline when the email with all of them is smaller than the limit, else as
/// links. Files are always links. Every recipient gets links of their own.
#[utoipa::path(
    post, path = "/v1/sites/{site}/projects/{project}/comments/{comment}/notifications",
    operation_id = "notify", tag = "notifications",
    params(CommentParams),
    request_body(content = NotificationPost, example = json!({
        "request": "SUP-42", "message_size": 48211, "attachments": ["a1", "a2"], "recipients": ["r-17", "r-18"],
    })),
    responses((status = 200, description = "What each email is to show.", body = Notification), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, CommentPath>,
    JsonBody(body): JsonBody<NotificationPost>,
) -> Result<Json<Notification>, Problem> {
    check(&body)?;
    let comment = &caller.place;
    let now = app.clock.now();
    let NotificationPost { request, message_size, attachments, recipients } = body;
    let recipients = recipients.map_or_else(|| vec![None], |named| named.into_iter().map(Some).collect());
    let wanted = Wanted { request: Some(&request), attachments: attachments.as_deref() };
    let asked = Asked { comment, request: &request, message_octets: message_size.0, recipients, now };
    let build = |context: &IssueContext| notification(&app, asked, context);
    let answer = match app.store.issue(comment, wanted, now, build).await? {
        Issued::Done(answer) => answer,
        Issued::Refused(problem) => return Err(problem),
        Issued::SiteNotFound => return Err(Problem::site_not_found()),
        Issued::CommentDeleted => return Err(Problem::comment_deleted()),
        Issued::AttachmentNotFound(id) => return Err(unknown_attachment(&attachments.unwrap_or_default(), &id)),
    };
    record(&app, &caller.key, comment, &answer);
    Ok(Json(answer))
}

fn check(body: &NotificationPost) -> Result<(), Problem> {
    let attachments = body.attachments.as_deref().unwrap_or_default();
    let recipients = body.recipients.as_deref();
    recipients.map_or(Ok(()), must_name_someone)?;
    must_not_be_too_many(recipients.map_or(1, <[_]>::len), attachments.len())?;
    let mut seen = HashSet::new();
    match attachments.iter().position(|id| !seen.insert(id)) {
        None => Ok(()),
        Some(index) => {
            let why = format!("names {} a second time", attachments[index]);
            Err(Problem::invalid(format!("attachments[{index}]"), why))
        }
    }
}

fn unknown_attachment(asked: &[AttachmentId], unknown: &AttachmentId) -> Problem {
    let index = asked.iter().position(|id| id == unknown).unwrap_or_default();
    let detail = format!("attachments[{index}]: the comment has no attachment {unknown}. Register or upload it first.");
    Problem { field: Some(format!("attachments[{index}]")), ..Problem::new(Code::UnknownAttachment, detail) }
}

fn record(app: &App, key: &ApiKey, comment: &CommentPath, answer: &Notification) {
    app.metrics.email_decided(answer.images.name(), answer.size.total);
    let mut issued = 0;
    for email in &answer.emails {
        for attachment in &email.attachments {
            let Some(link) = attachment.link_id else { continue };
            audit::issued(key.id, link, &comment.attachment(attachment.id.clone()), email.recipient.as_ref());
            issued += 1;
        }
    }
    app.metrics.links_issued(issued);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> Result<NotificationPost, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn sizes_up_to_what_every_json_number_holds() {
        for (size, ok) in
            [("0", true), ("9007199254740991", true), ("9007199254740992", false), ("-1", false), ("1.5", false)]
        {
            let json = format!(r#"{{"request":"R","message_size":{size}}}"#);
            assert_eq!(body(&json).is_ok(), ok, "{size}");
        }
        assert!(body(r#"{"request":"R"}"#).is_err());
    }

    #[test]
    fn lists_are_checked_before_anything_is_asked_of_the_store() {
        for (lists, field) in
            [(r#""recipients":[]"#, "recipients"), (r#""attachments":["a","b","a"]"#, "attachments[2]")]
        {
            let body = body(&format!(r#"{{"request":"R","message_size":1,{lists}}}"#)).unwrap();
            let problem = check(&body).unwrap_err();
            assert_eq!((problem.code, problem.field.as_deref()), (Code::InvalidRequest, Some(field)));
        }
        let many: Vec<String> = (0..10_001).map(|n| format!("r{n}")).collect();
        let json = serde_json::json!({"request": "R", "message_size": 1, "recipients": many}).to_string();
        assert!(check(&body(&json).unwrap()).unwrap_err().detail.contains("10000"));
        assert!(check(&body(r#"{"request":"R","message_size":1,"attachments":[]}"#).unwrap()).is_ok());
    }

    #[test]
    fn an_unknown_attachment_is_named_with_its_place() {
        let ids: Vec<AttachmentId> = ["a", "b"].map(|id| id.parse().unwrap()).into();
        let problem = unknown_attachment(&ids, &ids[1]);
        assert_eq!(problem.code.status(), 422);
        assert_eq!(problem.code.name(), "attachment_not_found");
        assert_eq!(problem.field.as_deref(), Some("attachments[1]"));
    }
}

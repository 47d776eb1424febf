//! Problems: how both listeners say no (RFC 9457).
//!
//! The codes are stable: clients branch on them, and metrics and logs use them as labels.

mod code;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

pub use self::code::Code;
use crate::logging::causes;
use crate::objects::ObjectError;
use crate::store::StoreError;

/// How soon a client may ask again after a `503`, in seconds.
pub const RETRY_AFTER_SECONDS: u64 = 2;

/// The longest `detail`, in characters: a part of it may be what the caller sent.
const MAX_DETAIL_CHARS: usize = 500;

/// What a problem is called in a body of its own.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One refusal, on its way to a client. As a response it is `application/problem+json`, and carries its [`Code`] in the
/// response's extensions for logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What is wrong in this case and what to do, for a person. Never anything but fixed text and what the caller sent.
    pub detail: Cow<'static, str>,
    /// The field, path id or parameter that is wrong, for [`Code::InvalidRequest`] and the like.
    pub field: Option<String>,
}

impl Problem {
    /// A problem with its explanation.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: shortened(detail.into()), field: None }
    }

    /// A `422` that names the field, and says why it is wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, why: impl std::fmt::Display) -> Self {
        let field = shortened(field.into().into()).into_owned();
        let problem = Self::new(Code::InvalidRequest, format!("{field}: {why}"));
        Self { field: Some(field), ..problem }
    }

    /// The answer to an unknown key, an unknown scheme, or none.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "Send `Authorization: Bearer` with an API key that is not revoked.")
    }

    /// The site does not exist, or is not the key's.
    #[must_use]
    pub fn site_not_found() -> Self {
        Self::new(Code::SiteNotFound, "There is no such site, or the API key is bound elsewhere.")
    }

    /// The project is not the key's.
    #[must_use]
    pub fn project_not_found() -> Self {
        Self::new(Code::ProjectNotFound, "There is no such project, or the API key is bound elsewhere.")
    }

    /// The attachment in the path does not exist.
    #[must_use]
    pub fn attachment_not_found() -> Self {
        Self::new(Code::AttachmentNotFound, "The comment has no such attachment. Register or upload it first.")
    }

    /// The comment was deleted, which lasts.
    #[must_use]
    pub fn comment_deleted() -> Self {
        Self::new(Code::CommentDeleted, "The comment was deleted. Nothing can be registered or sent for it any more.")
    }

    /// The link was never issued in this site, or is not the key's to see.
    #[must_use]
    pub fn link_not_found() -> Self {
        Self::new(Code::LinkNotFound, "No link of this id was issued in this site.")
    }

    /// What cannot be answered for the moment.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable, "The service cannot answer this for the moment. Try again.")
    }

    /// The bytes of a known attachment are gone from the store, or are others.
    #[must_use]
    pub fn object_unavailable() -> Self {
        Self::new(Code::ObjectUnavailable, "The file's bytes are missing from the store. Register or upload them anew.")
    }

    /// There is no room for an upload.
    #[must_use]
    pub fn storage_full() -> Self {
        Self::new(Code::StorageFull, "There is no room for the upload, and nothing of it was kept.")
    }

    /// What a failing object store means for an upload: a full disk is `507` there (and `503` elsewhere).
    #[must_use]
    pub fn of_upload(error: ObjectError) -> Self {
        match error {
            ObjectError::Full => Self::storage_full(),
            other => other.into(),
        }
    }

    /// What a failing database means for an upload: a full disk is `507` there (and `503` elsewhere).
    #[must_use]
    pub fn of_upload_row(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::storage_full(),
            other => other.into(),
        }
    }

    /// The body, as JSON.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        let mut body = serde_json::json!({
            "type": self.code.type_uri(),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "code": self.code.name(),
        });
        if let Some(field) = &self.field {
            body["field"] = field.as_str().into();
        }
        body
    }
}

fn shortened(text: Cow<'static, str>) -> Cow<'static, str> {
    match text.char_indices().nth(MAX_DETAIL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text,
    }
}

/// What the log says of a failing database. One whose disk is full answers what changes nothing.
fn logged_of_database(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => "the database takes no changes: make room on its disk",
        _ => "the database does not answer",
    }
}

/// What the log says of a failing object store.
fn logged_of_objects(error: &ObjectError) -> &'static str {
    match error {
        ObjectError::Full => "the object store takes nothing new: make room in it, or raise its quota",
        _ => "the object store does not answer",
    }
}

/// A failing database is `503`: the log gets the cause, the client a fixed sentence.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Corrupt(_)) {
            tracing::error!(error = %causes(&error), "the database holds what it should not");
            return Self::new(Code::Internal, "The service met a fault of its own. Its log says which.");
        }
        tracing::warn!(error = %causes(&error), "{}", logged_of_database(&error));
        if matches!(error, StoreError::Restored) {
            let detail = "The database was restored from a backup. The operator has to run `attachlink recover`.";
            return Self::new(Code::RecoveryRequired, detail);
        }
        Self::unavailable()
    }
}

/// A failing object store: bytes that are gone are `503 object_unavailable`, all else is `503 unavailable`.
impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::NotFound | ObjectError::Changed => Self::object_unavailable(),
            ObjectError::Full | ObjectError::Unavailable(_) => {
                tracing::warn!(error = %causes(&error), "{}", logged_of_objects(&error));
                Self::unavailable()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code.is_passing() {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response.extensions_mut().insert(self.code);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn a_field_is_named_and_what_was_sent_is_cut_short() {
        let problem = Problem::invalid("recipients[3]", "must not be empty");
        assert_eq!(problem.body()["field"], "recipients[3]");
        assert_eq!(problem.body()["detail"], "recipients[3]: must not be empty");
        assert_eq!(problem.body()["status"], 422);
        let long = Problem::invalid("é".repeat(5000), "x");
        assert!(long.detail.chars().count() <= MAX_DETAIL_CHARS + 1);
    }

    #[test]
    fn only_a_full_disk_under_an_upload_is_507() {
        assert_eq!(Problem::of_upload(ObjectError::Full).code, Code::StorageFull);
        assert_eq!(Problem::of_upload_row(StoreError::Full).code, Code::StorageFull);
        assert_eq!(Problem::from(ObjectError::Full).code, Code::Unavailable);
        assert_eq!(Problem::from(StoreError::Full).code, Code::Unavailable);
        assert_eq!(Problem::from(ObjectError::NotFound).code, Code::ObjectUnavailable);
        assert_eq!(Problem::from(ObjectError::Changed).code, Code::ObjectUnavailable);
    }

    #[test]
    fn the_log_says_that_a_full_disk_needs_room() {
        assert!(logged_of_database(&StoreError::Full).contains("make room on its disk"));
        assert!(logged_of_objects(&ObjectError::Full).contains("make room in it"));
        assert_eq!(logged_of_database(&StoreError::ReadOnly), "the database does not answer");
        assert_eq!(logged_of_objects(&ObjectError::Changed), "the object store does not answer");
    }

    #[test]
    fn headers_say_what_to_do() {
        let response = Problem::unavailable().into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(response.extensions().get::<Code>(), Some(&Code::Unavailable));
        assert_eq!(Problem::unauthorized().into_response().headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!Problem::object_unavailable().into_response().headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_5xx_says_nothing_of_its_cause() {
        let secret = std::io::Error::other("/srv/secret/path");
        let body = Problem::from(ObjectError::Unavailable(secret)).body().to_string();
        assert!(!body.contains("secret"), "{body}");
    }
}

//! What an email is to show, as the API says it.

use serde::Serialize;

use crate::domain::email::{self, Images};
use crate::domain::ids::{AttachmentId, Recipient};
use crate::domain::security::Mode;
use crate::domain::token::LinkId;
use crate::http::api::links::link_id_schema;
use crate::http::api::timestamp::Timestamp;

/// The decision for one comment's emails. Its URLs are secrets, and are shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// How all images go: `omit` under the compliance switch, `none` without images.
    pub images: Images,
    /// The project's mode.
    pub mode: Mode,
    /// The site's compliance switch.
    pub safe_notifications: bool,
    /// What was reckoned with.
    pub size: EmailSize,
    /// The request's address in the portal; `null` when the site has no `portal_url`.
    #[schema(required = true, format = "uri", example = "https://help.acme.example/portal/SUP/SUP-42")]
    pub portal_url: Option<String>,
    /// One for each recipient, in the order asked for.
    pub emails: Vec<Email>,
}

/// Sizes on the wire, in octets.
#[derive(Serialize, utoipa::ToSchema)]
pub struct EmailSize {
    /// The message without the images, as it was stated.
    #[schema(minimum = 0, example = 48_211)]
    pub message: u64,
    /// The MIME parts of the images together.
    #[schema(minimum = 0, example = 1_503_240)]
    pub images: u64,
    /// Both.
    #[schema(minimum = 0, example = 1_551_451)]
    pub total: u64,
    /// The email is inline when `total` is less than this.
    #[schema(minimum = 0, example = 6_291_456)]
    pub limit: u64,
}

impl From<&email::Size> for EmailSize {
    fn from(size: &email::Size) -> Self {
        Self { message: size.message, images: size.images, total: size.total, limit: size.limit }
    }
}

/// One recipient's email.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Email {
    /// Whose; `null` for the unnamed recipient.
    #[schema(required = true)]
    pub recipient: Option<Recipient>,
    /// In the order asked for.
    pub attachments: Vec<EmailAttachment>,
}

/// How an attachment appears in an email.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rendering {
    /// As a MIME part of the email.
    Inline,
    /// As a link.
    Link,
    /// Not at all.
    Omit,
}

/// Who can use a link.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkAccess {
    /// Anyone on the web who has it.
    AnyoneWithLink,
    /// Who logs in to the portal.
    PortalLogin,
}

/// An attachment in one recipient's email.
#[derive(Serialize, utoipa::ToSchema)]
pub struct EmailAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its name.
    #[schema(example = "screen.png")]
    pub filename: String,
    /// Its media type.
    #[schema(example = "image/png")]
    pub media_type: String,
    /// Its length, in octets.
    #[schema(minimum = 0, example = 1_098_301)]
    pub size: u64,
    /// How it appears. The fields below belong to one rendering each, and are left out for the others.
    pub rendering: Rendering,
    /// `inline`: the `Content-ID`, without angle brackets; the same for all recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub content_id: Option<String>,
    /// `inline`: the part's header lines, each ended by CRLF, to be used as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub mime_headers: Option<String>,
    /// `inline`: the exact octets of the part: delimiter line with a boundary of 70 octets, headers, empty line, base64
    /// lines of at most 76 characters, each ended by CRLF.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, minimum = 0)]
    pub encoded_size: Option<u64>,
    /// `link`: who can use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = LinkAccess, required = false)]
    pub access: Option<LinkAccess>,
    /// `link`: its address. Under `portal_login`, where the customer logs in to download it if the site has a login
    /// provider, else the portal's, or `null` when the site has no `portal_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uri", required = false)]
    #[expect(clippy::option_option, reason = "left out without a link, null with a link to a portal without address")]
    pub url: Option<Option<String>>,
    /// `link` for `anyone_with_link`: the link's public id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = link_id_schema, required = false)]
    pub link_id: Option<LinkId>,
    /// `link` for `anyone_with_link`: from when on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    pub expires_at: Option<Timestamp>,
}

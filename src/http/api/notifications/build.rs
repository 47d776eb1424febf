//! From the email decision to each recipient's email, with links of their own.

use time::OffsetDateTime;

use super::answer::{Email, EmailAttachment, LinkAccess, Notification, Rendering};
use crate::app::App;
use crate::domain::attachment::Attachment;
use crate::domain::email::{self, Decision, decide};
use crate::domain::ids::{CommentPath, Recipient, RequestId};
use crate::domain::link::expires_at;
use crate::domain::security::may_issue;
use crate::http::api::links::{Fresh, must_not_be_too_many};
use crate::http::api::timestamp::Timestamp;
use crate::http::problem::Problem;
use crate::store::{IssueContext, NewLink};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) comment: &'a CommentPath,
    pub(super) request: &'a RequestId,
    pub(super) message_octets: u64,
    /// `None` is the unnamed recipient.
    pub(super) recipients: Vec<Option<Recipient>>,
    pub(super) now: OffsetDateTime,
}

/// The emails of one notification while they are put together.
struct Emails<'a> {
    app: &'a App,
    attachments: &'a [Attachment],
    decision: Decision,
    comment: &'a CommentPath,
    portal_url: Option<String>,
    /// Whether customers log in here to download.
    has_login: bool,
    /// Whether links open without a login.
    secured: bool,
    now: OffsetDateTime,
    links: Vec<NewLink>,
}

/// Decides, and makes every recipient's email.
///
/// # Errors
/// `422` for too many renderings, or sizes whose sum no email could have.
pub(super) fn notification(
    app: &App,
    asked: Asked<'_>,
    context: &IssueContext,
) -> Result<(Notification, Vec<NewLink>), Problem> {
    let IssueContext { settings, mode, has_login, attachments } = context;
    must_not_be_too_many(asked.recipients.len(), attachments.len())?;
    let decision = decide(attachments, asked.message_octets, app.settings.inline_limit, settings.safe_notifications)
        .map_err(|_| Problem::invalid("message_size", "is too large together with the images"))?;
    let images = decision.images;
    let size = (&decision.size).into();
    let mut emails = Emails {
        app,
        attachments,
        decision,
        portal_url: settings.portal_url.as_ref().map(|portal| portal.of(&asked.comment.project, asked.request)),
        comment: asked.comment,
        has_login: *has_login,
        secured: may_issue(*mode, settings.safe_notifications).is_ok(),
        now: asked.now,
        links: Vec::new(),
    };
    let made = asked.recipients.into_iter().map(|recipient| emails.email(recipient)).collect();
    let answer = Notification {
        images,
        mode: *mode,
        safe_notifications: settings.safe_notifications,
        size,
        portal_url: emails.portal_url,
        emails: made,
    };
    Ok((answer, emails.links))
}

impl Emails<'_> {
    fn email(&mut self, recipient: Option<Recipient>) -> Email {
        let attachments = (0..self.attachments.len()).map(|index| self.rendered(index, recipient.as_ref())).collect();
        Email { recipient, attachments }
    }

    fn rendered(&mut self, index: usize, recipient: Option<&Recipient>) -> EmailAttachment {
        let shown = plain(&self.attachments[index]);
        match self.decision.rendering(index) {
            email::Rendering::Omit => shown,
            email::Rendering::Inline => self.inline(index, shown),
            email::Rendering::Link if self.secured => self.secured_link(index, recipient, shown),
            email::Rendering::Link => EmailAttachment {
                rendering: Rendering::Link,
                access: Some(LinkAccess::PortalLogin),
                url: Some(self.portal_link(index)),
                ..shown
            },
        }
    }

    /// To the attachment itself where customers log in here, else to the request in the portal.
    fn portal_link(&self, index: usize) -> Option<String> {
        if !self.has_login {
            return self.portal_url.clone();
        }
        let path = self.comment.attachment(self.attachments[index].id.clone());
        Some(self.app.settings.portal_download_url(&path))
    }

    fn inline(&self, index: usize, shown: EmailAttachment) -> EmailAttachment {
        let part = self.decision.parts.get(index).and_then(Option::as_ref);
        EmailAttachment {
            rendering: Rendering::Inline,
            content_id: part.map(|part| part.content_id.clone()),
            mime_headers: part.map(|part| part.mime_headers.clone()),
            encoded_size: part.map(|part| part.encoded_size),
            ..shown
        }
    }

    fn secured_link(&mut self, index: usize, recipient: Option<&Recipient>, shown: EmailAttachment) -> EmailAttachment {
        let fresh = Fresh::to(self.app, &self.attachments[index], self.now);
        self.links.push(fresh.row(index, recipient.cloned()));
        EmailAttachment {
            rendering: Rendering::Link,
            access: Some(LinkAccess::AnyoneWithLink),
            link_id: Some(fresh.id()),
            expires_at: Some(Timestamp(expires_at(fresh.id().issued_at()))),
            url: Some(Some(fresh.url)),
            ..shown
        }
    }
}

/// What is said of an attachment in any case.
fn plain(attachment: &Attachment) -> EmailAttachment {
    EmailAttachment {
        id: attachment.id.clone(),
        filename: attachment.filename.clone(),
        media_type: attachment.media_type.clone(),
        size: attachment.object.size,
        rendering: Rendering::Omit,
        content_id: None,
        mime_headers: None,
        encoded_size: None,
        access: None,
        url: None,
        link_id: None,
        expires_at: None,
    }
}

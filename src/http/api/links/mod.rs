//! Links: issued without an email, looked at, and killed one by one.

pub mod delete;
pub mod get;
pub mod post;

use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::app::App;
use crate::domain::access::ApiKey;
use crate::domain::attachment::Attachment;
use crate::domain::ids::Recipient;
use crate::domain::link::LinkRecord;
use crate::domain::token::{self, LINK_PREFIX, LinkId, Minted};
use crate::http::api::place::LinkPath;
use crate::http::problem::{Code, Problem};
use crate::store::NewLink;

/// How many links or renderings one call may ask for: recipients × attachments.
pub const MAX_PER_CALL: usize = 10_000;

/// The schema of a link's public id.
#[must_use]
pub fn link_id_schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .description(Some("A link's public name (UUIDv7), safe to log."))
        .examples([serde_json::json!("019e1e9c-7a00-7c3e-9a61-2f6f0b7d4c11")])
        .into()
}

/// A link that is being issued: what the caller is given of it, and the row that is stored.
pub struct Fresh {
    minted: Minted,
    /// The link's address, which holds its secret.
    pub url: String,
}

impl Fresh {
    /// Mints a link to `attachment`.
    #[must_use]
    pub fn to(app: &App, attachment: &Attachment, now: time::OffsetDateTime) -> Self {
        let minted = token::mint(LINK_PREFIX, now);
        let url = app.settings.link_url(minted.reveal(), &attachment.filename);
        Self { minted, url }
    }

    /// Its public id.
    #[must_use]
    pub const fn id(&self) -> LinkId {
        self.minted.id
    }

    /// The row, for the attachment at `index` of what was asked for.
    #[must_use]
    pub const fn row(&self, index: usize, recipient: Option<Recipient>) -> NewLink {
        NewLink { id: self.minted.id, hash: self.minted.hash, attachment: index, recipient }
    }
}

/// Refuses a call that asks for more than [`MAX_PER_CALL`].
///
/// # Errors
/// `422`, which names the limit.
pub fn must_not_be_too_many(recipients: usize, attachments: usize) -> Result<(), Problem> {
    let asked = recipients.checked_mul(attachments.max(1));
    if asked.is_some_and(|asked| asked <= MAX_PER_CALL) {
        return Ok(());
    }
    let why =
        format!("{recipients} recipients × {attachments} attachments are more than {MAX_PER_CALL}: split the call");
    Err(Problem::invalid("recipients", why))
}

/// Recipients, where they are named at all, are at least one.
///
/// # Errors
/// `422`.
pub fn must_name_someone(recipients: &[Recipient]) -> Result<(), Problem> {
    if recipients.is_empty() { Err(Problem::invalid("recipients", "must name at least one recipient")) } else { Ok(()) }
}

/// The link at `path`, if the key may see it.
///
/// # Errors
/// `404`: `site_not_found` or `link_not_found`.
pub async fn find(app: &App, key: &ApiKey, path: &LinkPath) -> Result<LinkRecord, Problem> {
    // Links are remembered for longer than their site.
    app.store.site(&path.site).await?.ok_or_else(Problem::site_not_found)?;
    let record = match path.link {
        Some(link) => app.store.link(&path.site, link).await?,
        None => None,
    };
    let covered = |record: &LinkRecord| key.covers_project(&path.site, &record.attachment.comment.project);
    record.filter(covered).ok_or_else(Problem::link_not_found)
}

/// Why secured links cannot be issued now.
#[must_use]
pub fn secured_links_off(why: crate::domain::security::SecuredLinksOff) -> Problem {
    use crate::domain::security::SecuredLinksOff;
    let detail = match why {
        SecuredLinksOff::Mode => "The project's attachment security is `portal_login`. Set it to `secured_link` first.",
        SecuredLinksOff::ComplianceSwitch => "The site's compliance switch `safe_notifications` is on.",
    };
    Problem::new(Code::SecuredLinksOff, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_are_enough_and_nothing_overflows() {
        for (recipients, attachments, ok) in [
            (10_000, 1, true),
            (10_000, 0, true),
            (10_001, 0, false),
            (100, 100, true),
            (101, 100, false),
            (usize::MAX, 2, false),
        ] {
            assert_eq!(must_not_be_too_many(recipients, attachments).is_ok(), ok, "{recipients} × {attachments}");
        }
    }
}

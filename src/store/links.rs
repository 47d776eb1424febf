//! Single links: their record, their revocation, the portal's address for a dead one.

use time::OffsetDateTime;

use super::db::{Sql, execute, fetch_optional, retried, sql};
use super::rows::{id, time};
use super::{Store, StoreError};
use crate::domain::ids::{CommentPath, Recipient, SiteId};
use crate::domain::link::LinkRecord;
use crate::domain::portal::PortalUrl;
use crate::domain::token::LinkId;

/// Joins to a link `l` what it needs to be alive: its attachment `a`, its project `p` under one of the generations, of
/// which the link was issued under its kind's, and the tombstone `c`, which must be missing. The ids of the attachment are compared too, though its
/// row is never used twice: should it ever be, the link must not open another's file.
macro_rules! alive_joins {
    () => {
        "LEFT JOIN attachments AS a ON a.attachment_id = l.attachment_id \
         AND a.comment = l.comment AND a.attachment = l.attachment \
         LEFT JOIN projects AS p ON p.project_id = a.project_id AND l.generation IN (p.generation, p.portal_generation) \
         AND p.site = l.site AND p.project = l.project \
         LEFT JOIN comments AS c ON c.site = l.site AND c.project = l.project AND c.comment = l.comment \
         AND c.deleted_at IS NOT NULL"
    };
}
/// Whether the link `l` is alive, but for its time: see [`alive_joins`].
macro_rules! alive {
    () => {
        "(l.revoked_at IS NULL AND p.project_id IS NOT NULL AND c.comment IS NULL)"
    };
}
pub(super) use {alive, alive_joins};

const LINK: Sql = sql(concat!(
    "SELECT l.project, l.comment, l.attachment, l.recipient, l.expires_at, l.revoked_at, ",
    alive!(),
    " AS alive FROM links AS l ",
    alive_joins!(),
    " WHERE l.link_id = $1 AND l.site = $2"
));
const REVOKE: Sql = sql("UPDATE links SET revoked_at = $3 WHERE link_id = $1 AND site = $2 AND revoked_at IS NULL");
const EXISTS: Sql = sql("SELECT expires_at FROM links WHERE link_id = $1 AND site = $2");
const PORTAL_OF: Sql = sql("SELECT s.portal_url, l.project, c.request FROM links AS l \
     JOIN sites AS s ON s.site = l.site \
     JOIN comments AS c ON c.site = l.site AND c.project = l.project AND c.comment = l.comment \
     WHERE l.link_id = $1 AND s.portal_url IS NOT NULL AND c.request IS NOT NULL");

#[derive(sqlx::FromRow)]
struct LinkRow {
    project: String,
    comment: String,
    attachment: String,
    recipient: Option<String>,
    expires_at: i64,
    revoked_at: Option<i64>,
    alive: bool,
}

/// Reads a recipient.
pub(super) fn recipient(text: Option<String>) -> Result<Option<Recipient>, StoreError> {
    text.map(Recipient::try_from).transpose().map_err(|_| StoreError::Corrupt("a recipient"))
}

impl Store {
    /// A link of a site, for the help desk. `None` when it was never issued there, or is long forgotten.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link(&self, site: &SiteId, link: LinkId) -> Result<Option<LinkRecord>, StoreError> {
        let row = fetch_optional!(self.db.read(), LinkRow, LINK, link.octets().as_slice(), site.as_str())?;
        let Some(row) = row else { return Ok(None) };
        let path = CommentPath { site: site.clone(), project: id(&row.project)?, comment: id(&row.comment)? };
        Ok(Some(LinkRecord {
            id: link,
            attachment: path.attachment(id(&row.attachment)?),
            recipient: recipient(row.recipient)?,
            expires_at: time(row.expires_at)?,
            revoked_at: row.revoked_at.map(time).transpose()?,
            withdrawn: !row.alive,
        }))
    }

    /// Kills one link. Says whether it was ever issued in this site.
    ///
    /// # Errors
    /// When the database does not answer; whether it was killed is open then.
    pub async fn revoke_link(&self, site: &SiteId, link: LinkId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let (link, site) = (link.octets().as_slice(), site.as_str());
        retried!(async {
            let mut tx = self.db.begin().await?;
            let revoked = execute!(tx.on(), REVOKE, link, site, now.unix_timestamp())? > 0;
            let issued = revoked || fetch_optional!(tx.on(), (i64,), EXISTS, link, site)?.is_some();
            if issued {
                tx.commit_revocation().await?;
            }
            Ok(issued)
        })
    }

    /// The portal's address of the request that a link's comment was last notified for, where it is known.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn portal_of(&self, link: LinkId) -> Result<Option<String>, StoreError> {
        let on = self.db.read();
        let row = fetch_optional!(on, (String, String, String), PORTAL_OF, link.octets().as_slice())?;
        let Some((portal_url, project, request)) = row else { return Ok(None) };
        let portal_url = PortalUrl::parse(&portal_url).map_err(|_| StoreError::Corrupt("a site's portal address"))?;
        Ok(Some(portal_url.of(&id(&project)?, &id(&request)?)))
    }
}

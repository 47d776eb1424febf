//! Sites and their settings.

use time::OffsetDateTime;

use super::db::{Sql, execute, fetch_all, fetch_optional, retried, sql, sql_that_locks};
use super::rows::id;
use super::{Store, StoreError, portal, row_ids};
use crate::domain::attachment::ObjectPrefix;
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::portal::PortalUrl;
use crate::domain::security::{Mode, Plan, SiteSettings};

macro_rules! site {
    () => {
        "SELECT plan, safe_notifications, portal_url, object_prefix FROM sites WHERE site = $1"
    };
}
const SITE: Sql = sql(site!());
// Until the end of the transaction nobody else changes it, and no project of it changes its mode.
const SITE_TO_CHANGE: Sql = sql_that_locks!(site!(), "FOR NO KEY UPDATE");
/// One row when the site exists.
pub(super) const SITE_EXISTS: Sql = sql("SELECT created_at FROM sites WHERE site = $1");
/// As [`SITE_EXISTS`]; until the end of the transaction nobody deletes it.
pub(super) const SITE_HELD: Sql = sql_that_locks!("SELECT created_at FROM sites WHERE site = $1", "FOR KEY SHARE");
const START_SITE: Sql = sql("INSERT INTO sites (site, plan, safe_notifications, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (site) DO NOTHING");
const UPSERT_SITE: Sql =
    sql("INSERT INTO sites (site, plan, safe_notifications, portal_url, object_prefix, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (site) DO UPDATE SET plan = excluded.plan, safe_notifications = excluded.safe_notifications, \
     portal_url = excluded.portal_url, object_prefix = excluded.object_prefix");
// The old generation with the bits of one random number flipped: random again, and no two projects share it.
const SWITCH_OFF: Sql = sql("UPDATE projects SET mode = $2, changed_at = $3, \
     generation = (generation | $4) - (generation & $4) \
     WHERE site = $1 AND mode <> $2 RETURNING project");
const DELETE_SITE: Sql = sql("DELETE FROM sites WHERE site = $1");
const QUEUE_PROJECTS: Sql = sql_that_locks!(
    "INSERT INTO deleted_projects (project_id, site, project, deleted_at) \
     SELECT project_id, site, project, $2 FROM projects WHERE site = $1",
    "FOR UPDATE"
);
const DELETE_PROJECTS: Sql = sql("DELETE FROM projects WHERE site = $1");
const REVOKE_KEYS: Sql = sql("UPDATE api_keys SET revoked_at = $2 WHERE site = $1 AND revoked_at IS NULL");

/// A site after its settings were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteUpdate {
    /// Its settings now.
    pub settings: SiteSettings,
    /// Whether it did not exist before.
    pub created: bool,
    /// The projects that the plan put back to `portal_login`: all of their links are dead.
    pub switched_off: Vec<ProjectId>,
}

/// The settings of a site as they are stored.
#[derive(sqlx::FromRow)]
pub(super) struct SiteRow {
    plan: String,
    safe_notifications: bool,
    portal_url: Option<String>,
    object_prefix: Option<String>,
}

impl SiteRow {
    /// Reads the row.
    pub(super) fn read(self) -> Result<SiteSettings, StoreError> {
        let portal_url = self.portal_url.as_deref().map(PortalUrl::parse).transpose();
        let object_prefix = self.object_prefix.as_deref().map(ObjectPrefix::parse).transpose();
        Ok(SiteSettings {
            plan: Plan::from_name(&self.plan).ok_or(StoreError::Corrupt("a site's plan"))?,
            safe_notifications: self.safe_notifications,
            portal_url: portal_url.map_err(|_| StoreError::Corrupt("a site's portal address"))?,
            object_prefix: object_prefix.map_err(|_| StoreError::Corrupt("a site's object prefix"))?,
        })
    }
}

impl Store {
    /// A site's settings.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site(&self, site: &SiteId) -> Result<Option<SiteSettings>, StoreError> {
        fetch_optional!(self.db.read(), SiteRow, SITE, site.as_str())?.map(SiteRow::read).transpose()
    }

    /// Makes a site or changes its settings, in one transaction: `change` sees what is in force and says what shall be.
    /// It is called again when another transaction was in the way. Under a plan without secured links, every project goes back to `portal_login` with them (product, rule 3).
    ///
    /// # Errors
    /// The outer error is the database's, the inner one `change`'s; nothing was changed then.
    pub async fn update_site<E>(
        &self,
        site: &SiteId,
        now: OffsetDateTime,
        mut change: impl FnMut(Option<&SiteSettings>) -> Result<SiteSettings, E>,
    ) -> Result<Result<SiteUpdate, E>, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            let mut before = fetch_optional!(tx.on(), SiteRow, SITE_TO_CHANGE, site.as_str())?;
            if before.is_none() {
                // Of two that make it, one waits here, and then changes what the other one made.
                let new = SiteSettings::default();
                let made = (site.as_str(), new.plan.name(), new.safe_notifications, now.unix_timestamp());
                if execute!(tx.on(), START_SITE, made.0, made.1, made.2, made.3)? == 0 {
                    before = fetch_optional!(tx.on(), SiteRow, SITE_TO_CHANGE, site.as_str())?;
                }
            }
            let before = before.map(SiteRow::read).transpose()?;
            let settings = match change(before.as_ref()) {
                Ok(settings) => settings,
                Err(refused) => return Ok(Err(refused)),
            };
            execute!(
                tx.on(),
                UPSERT_SITE,
                site.as_str(),
                settings.plan.name(),
                settings.safe_notifications,
                settings.portal_url.as_ref().map(PortalUrl::template),
                settings.object_prefix.as_ref().map(ObjectPrefix::as_str),
                now.unix_timestamp(),
            )?;
            let created = before.is_none();
            if settings.plan.allows(Mode::SecuredLink) {
                tx.commit().await?;
                return Ok(Ok(SiteUpdate { settings, created, switched_off: Vec::new() }));
            }
            let off = Mode::PortalLogin.name();
            let off = (site.as_str(), off, now.unix_timestamp(), row_ids::random());
            let rows = fetch_all!(tx.on(), (String,), SWITCH_OFF, off.0, off.1, off.2, off.3)?;
            let switched_off = rows.iter().map(|(project,)| id(project)).collect::<Result<Vec<_>, _>>()?;
            tx.commit_revocation().await?;
            Ok(Ok(SiteUpdate { settings, created, switched_off }))
        })
    }

    /// Deletes a site and kills what is under it: links, attachments, projects, keys bound to it or to its projects.
    /// Tombstones of comments stay. Says whether there was one.
    ///
    /// # Errors
    /// When the database does not answer; whether it was deleted is open then.
    pub async fn delete_site(&self, site: &SiteId, now: OffsetDateTime) -> Result<bool, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            let existed = execute!(tx.on(), DELETE_SITE, site.as_str())? > 0;
            execute!(tx.on(), QUEUE_PROJECTS, site.as_str(), now.unix_timestamp())?;
            execute!(tx.on(), DELETE_PROJECTS, site.as_str())?;
            execute!(tx.on(), REVOKE_KEYS, site.as_str(), now.unix_timestamp())?;
            portal::clear::delete_site(&mut tx, site).await?;
            tx.commit_revocation().await?;
            Ok(existed)
        })
    }
}

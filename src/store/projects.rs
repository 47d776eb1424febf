//! Projects: their mode and link generation.

use time::OffsetDateTime;

use super::db::{Sql, Tx, execute, fetch_optional, retried, sql, sql_that_locks};
use super::links::{alive, alive_joins};
use super::rows::{bigint, count, time};
use super::sites::SITE_EXISTS;
use super::{Store, StoreError, row_ids};
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::security::{Mode, Plan, ProjectSecurity};

const SECURITY: Sql = sql("SELECT p.mode, p.changed_at FROM sites AS s \
     LEFT JOIN projects AS p ON p.site = s.site AND p.project = $2 WHERE s.site = $1");
// Until the end of the transaction nobody changes the site's plan or deletes it.
const PLAN: Sql = sql_that_locks!("SELECT plan FROM sites WHERE site = $1", "FOR SHARE");
// Until the end of the transaction nobody deletes the project.
const PROJECT: Sql =
    sql_that_locks!("SELECT project_id FROM projects WHERE site = $1 AND project = $2", "FOR KEY SHARE");
const START_PROJECT: Sql =
    sql("INSERT INTO projects (project_id, site, project, mode, generation, changed_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (site, project) DO NOTHING");
const SET_MODE: Sql = sql("UPDATE projects SET mode = $3, generation = $4, changed_at = $5 \
     WHERE site = $1 AND project = $2 AND mode <> $3");
// Of two that delete it, one waits here, and then finds nothing.
const QUEUE_PROJECT: Sql = sql_that_locks!(
    "INSERT INTO deleted_projects (project_id, site, project, deleted_at) \
     SELECT project_id, site, project, $3 FROM projects WHERE site = $1 AND project = $2",
    "FOR UPDATE"
);
const DELETE_PROJECT: Sql = sql("DELETE FROM projects WHERE site = $1 AND project = $2");
const REVOKE_KEYS: Sql =
    sql("UPDATE api_keys SET revoked_at = $3 WHERE site = $1 AND project = $2 AND revoked_at IS NULL");
// The project's generation first: its links lie together in the index of links. The bound is on the links looked at, for
// the dead ones among them cost as much.
const LIVE_LINKS: Sql = sql(concat!(
    "SELECT count(*), coalesce(sum(CASE WHEN alive THEN 1 ELSE 0 END), 0) FROM (SELECT ",
    alive!(),
    " AS alive FROM (SELECT links.* FROM projects AS own \
     JOIN links ON links.generation = own.generation AND links.expires_at > $3 \
     WHERE own.site = $1 AND own.project = $2 AND links.site = own.site AND links.project = own.project \
     LIMIT $4) AS l ",
    alive_joins!(),
    ") AS looked_at"
));
/// Links that are looked at for each that may be counted.
const LOOKED_AT_FOR_EACH: u64 = 4;

/// How many links of a project are alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLinks {
    /// As many were found.
    pub links: u64,
    /// There may be more.
    pub capped: bool,
}

/// What became of setting a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetMode {
    /// There is no such site.
    SiteNotFound,
    /// The site's plan does not allow the mode (product, rule 3).
    PlanRequired,
    /// It is in force.
    Done {
        /// The project's security now.
        security: ProjectSecurity,
        /// Whether it was another before: every link issued until now is dead then (product, rule 2).
        changed: bool,
    },
}

fn security((mode, changed_at): (Option<String>, Option<i64>)) -> Result<ProjectSecurity, StoreError> {
    let Some(mode) = mode else { return Ok(ProjectSecurity { mode: Mode::default(), changed_at: None }) };
    let mode = Mode::from_name(&mode).ok_or(StoreError::Corrupt("a project's mode"))?;
    Ok(ProjectSecurity { mode, changed_at: changed_at.map(time).transpose()? })
}

/// How often a project may be deleted while it is made.
const STARTS: usize = 10;

/// The project's row, made in the default mode when the project is new; and whether it is.
pub(super) async fn started(
    tx: &mut Tx,
    site: &SiteId,
    project: &ProjectId,
    now: OffsetDateTime,
) -> Result<(i64, bool), StoreError> {
    for _ in 0..STARTS {
        let new = execute!(
            tx.on(),
            START_PROJECT,
            row_ids::random(),
            site.as_str(),
            project.as_str(),
            Mode::default().name(),
            row_ids::random(),
            now.unix_timestamp(),
        )? > 0;
        let row = fetch_optional!(tx.on(), (i64,), PROJECT, site.as_str(), project.as_str())?;
        if let Some((project_id,)) = row {
            return Ok((project_id, new));
        }
        // It was there, and was deleted before it could be held: now it is new.
    }
    Err(StoreError::Corrupt("a project is deleted again and again while it is made"))
}

impl Store {
    /// A project's mode. `None` when there is no such site; a project never heard of is in the default mode.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn project_security(
        &self,
        site: &SiteId,
        project: &ProjectId,
    ) -> Result<Option<ProjectSecurity>, StoreError> {
        let on = self.db.read();
        let row = fetch_optional!(on, (Option<String>, Option<i64>), SECURITY, site.as_str(), project.as_str())?;
        row.map(security).transpose()
    }

    /// Sets a project's mode, and makes the project if it is new. A change gives it a new generation, which kills every
    /// link issued until now, in O(1); setting the mode that it has changes nothing.
    ///
    /// # Errors
    /// When the database does not answer; whether it was set is open then.
    pub async fn set_mode(
        &self,
        site: &SiteId,
        project: &ProjectId,
        mode: Mode,
        now: OffsetDateTime,
    ) -> Result<SetMode, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            let Some((plan,)) = fetch_optional!(tx.on(), (String,), PLAN, site.as_str())? else {
                return Ok(SetMode::SiteNotFound);
            };
            if !Plan::from_name(&plan).ok_or(StoreError::Corrupt("a site's plan"))?.allows(mode) {
                return Ok(SetMode::PlanRequired);
            }
            started(&mut tx, site, project, now).await?;
            let (at, generation) = (now.unix_timestamp(), row_ids::random());
            let key = (site.as_str(), project.as_str());
            let changed = execute!(tx.on(), SET_MODE, key.0, key.1, mode.name(), generation, at)? > 0;
            let row = fetch_optional!(tx.on(), (Option<String>, Option<i64>), SECURITY, key.0, key.1)?;
            let security = security(row.ok_or(StoreError::Corrupt("a project without its site"))?)?;
            tx.commit_revocation().await?;
            Ok(SetMode::Done { security, changed })
        })
    }

    /// How many links of a project are alive, counted up to `cap`: what a change of its mode would kill. Where many of
    /// the project's links are dead already, counting may stop before `cap`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn live_links(
        &self,
        site: &SiteId,
        project: &ProjectId,
        now: OffsetDateTime,
        cap: u64,
    ) -> Result<LiveLinks, StoreError> {
        let (at, bound) = (now.unix_timestamp(), cap.saturating_mul(LOOKED_AT_FOR_EACH));
        let (on, limit) = (self.db.read(), bigint(bound)?);
        let row = fetch_optional!(on, (i64, i64), LIVE_LINKS, site.as_str(), project.as_str(), at, limit)?;
        let (looked_at, alive) = row.unwrap_or_default();
        let (looked_at, alive) = (count(looked_at)?, count(alive)?);
        Ok(LiveLinks { links: alive.min(cap), capped: alive > cap || looked_at >= bound })
    }

    /// Deletes a project and kills what is under it, keys bound to it too, in O(1). `None`: no such site; else whether there
    /// was one.
    ///
    /// # Errors
    /// When the database does not answer; whether it was deleted is open then.
    pub async fn delete_project(
        &self,
        site: &SiteId,
        project: &ProjectId,
        now: OffsetDateTime,
    ) -> Result<Option<bool>, StoreError> {
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site.as_str())?.is_none() {
                return Ok(None);
            }
            execute!(tx.on(), QUEUE_PROJECT, site.as_str(), project.as_str(), now.unix_timestamp())?;
            let existed = execute!(tx.on(), DELETE_PROJECT, site.as_str(), project.as_str())? > 0;
            execute!(tx.on(), REVOKE_KEYS, site.as_str(), project.as_str(), now.unix_timestamp())?;
            tx.commit_revocation().await?;
            Ok(Some(existed))
        })
    }
}

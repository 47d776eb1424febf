//! Customer permissions of projects.

use time::OffsetDateTime;

use super::access::AccessRow;
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::portal::{
    ChannelAccess, CustomerAccess, CustomerPermissions, ProjectKnowledgeBase, Sharing, Viewing,
};
use crate::store::db::{Sql, execute, fetch_all, fetch_optional, retried, sql};
use crate::store::rows::{bigint, id};
use crate::store::sites::SITE_HELD;
use crate::store::sqlite_readers::read_by_name;
use crate::store::{Store, StoreError, projects};

/// The columns of [`PermissionsRow`], from a table `cp` beside that of [`access_columns`]. Where it has no row, they are
/// the defaults of [`CustomerPermissions`].
macro_rules! permission_columns {
    () => {
        concat!(
            $crate::store::portal::access::access_columns!(),
            ", coalesce(cp.channel_access, 'restricted') AS channel_access, coalesce(cp.sharing, 'organization') AS sharing, \
     coalesce(cp.viewing, 'agents') AS viewing, \
     coalesce(cp.space_anonymous_access, FALSE) AS space_anonymous_access, \
     coalesce(cp.flag_anonymous_requests, FALSE) AS flag_anonymous_requests"
        )
    };
}
pub(super) use permission_columns;

const PERMISSIONS: Sql = sql(concat!(
    "SELECT ",
    permission_columns!(),
    " FROM sites AS s LEFT JOIN customer_access AS ca ON ca.site = s.site \
     LEFT JOIN projects AS p ON p.site = s.site AND p.project = $2 \
     LEFT JOIN customer_permissions AS cp ON cp.project_id = p.project_id WHERE s.site = $1"
));
const SET: Sql = sql("INSERT INTO customer_permissions (project_id, channel_access, sharing, viewing, \
     space_anonymous_access, flag_anonymous_requests) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (project_id) DO UPDATE SET channel_access = excluded.channel_access, sharing = excluded.sharing, \
     viewing = excluded.viewing, space_anonymous_access = excluded.space_anonymous_access, \
     flag_anonymous_requests = excluded.flag_anonymous_requests");
const OPEN_PROJECTS: Sql = sql("SELECT p.project FROM projects AS p \
     JOIN customer_permissions AS cp ON cp.project_id = p.project_id \
     WHERE p.site = $1 AND cp.channel_access = 'open' ORDER BY p.project LIMIT $2");

/// What became of setting a project's customer permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPermissions {
    /// There is no such site.
    SiteNotFound,
    /// They are in force.
    Done {
        /// What they were.
        before: CustomerPermissions,
        /// The site's settings, within which they hold.
        site: CustomerAccess,
    },
}

/// The projects of a site whose channel is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenProjects {
    /// Their ids, in order.
    pub projects: Vec<ProjectId>,
    /// Whether there are more than were asked for.
    pub capped: bool,
}

/// The settings of a site, and of a project within them, as they are stored.
#[derive(sqlx::FromRow)]
pub(super) struct PermissionsRow {
    #[sqlx(flatten)]
    site: AccessRow,
    channel_access: String,
    sharing: String,
    viewing: String,
    space_anonymous_access: bool,
    flag_anonymous_requests: bool,
}

read_by_name!(PermissionsRow {
    channel_access, sharing, viewing, space_anonymous_access, flag_anonymous_requests
} site);

impl PermissionsRow {
    /// Reads the row.
    pub(super) fn read(self) -> Result<(CustomerAccess, CustomerPermissions), StoreError> {
        let corrupt = StoreError::Corrupt("a project's customer permissions");
        let names = (
            ChannelAccess::from_name(&self.channel_access),
            Sharing::from_name(&self.sharing),
            Viewing::from_name(&self.viewing),
        );
        let (Some(channel_access), Some(sharing), Some(viewing)) = names else { return Err(corrupt) };
        let permissions = CustomerPermissions {
            channel_access,
            sharing,
            knowledge_base: ProjectKnowledgeBase { viewing, space_anonymous_access: self.space_anonymous_access },
            flag_anonymous_requests: self.flag_anonymous_requests,
        };
        Ok((self.site.read()?, permissions))
    }
}

impl Store {
    /// The settings of a site, and of a project within them. `None`: no such site; a project never heard of has the
    /// defaults.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customer_permissions(
        &self,
        site: &SiteId,
        project: &ProjectId,
    ) -> Result<Option<(CustomerAccess, CustomerPermissions)>, StoreError> {
        let row = fetch_optional!(self.db.read(), PermissionsRow, PERMISSIONS, site.as_str(), project.as_str())?;
        row.map(PermissionsRow::read).transpose()
    }

    /// Replaces a project's customer permissions, and makes the project if it is new.
    ///
    /// # Errors
    /// When the database does not answer; whether they were replaced is open then.
    pub async fn set_customer_permissions(
        &self,
        site: &SiteId,
        project: &ProjectId,
        permissions: CustomerPermissions,
        now: OffsetDateTime,
    ) -> Result<SetPermissions, StoreError> {
        let key = (site.as_str(), project.as_str());
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, key.0)?.is_none() {
                return Ok(SetPermissions::SiteNotFound);
            }
            let (project_id, _) = projects::started(&mut tx, site, project, now).await?;
            let before = fetch_optional!(tx.on(), PermissionsRow, PERMISSIONS, key.0, key.1)?;
            let (site, before) = before.ok_or(StoreError::Corrupt("a project without its site"))?.read()?;
            execute!(
                tx.on(),
                SET,
                project_id,
                permissions.channel_access.name(),
                permissions.sharing.name(),
                permissions.knowledge_base.viewing.name(),
                permissions.knowledge_base.space_anonymous_access,
                permissions.flag_anonymous_requests,
            )?;
            // They may have taken access away.
            tx.commit_revocation().await?;
            Ok(SetPermissions::Done { before, site })
        })
    }

    /// The projects of a site whose channel is open, at most `limit` of them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_projects(&self, site: &SiteId, limit: u64) -> Result<OpenProjects, StoreError> {
        let one_more = bigint(limit.saturating_add(1))?;
        let rows = fetch_all!(self.db.read(), (String,), OPEN_PROJECTS, site.as_str(), one_more)?;
        let capped = rows.len() as u64 > limit;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let projects = rows.iter().take(limit).map(|(project,)| id(project)).collect::<Result<_, _>>()?;
        Ok(OpenProjects { projects, capped })
    }
}

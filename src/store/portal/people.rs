//! Lists of people: accounts of a site, customers of a project, members of an organization, customers who are tagged in
//! a comment.

use time::OffsetDateTime;

use super::access::email;
use super::row;
use crate::domain::ids::{CommentPath, OrganizationId, ProjectId, SiteId};
use crate::domain::portal::EmailAddress;
use crate::store::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use crate::store::rows::bigint;
use crate::store::sites::{SITE_EXISTS, SITE_HELD};
use crate::store::{Store, StoreError, projects};

/// The row of a site's portal.
macro_rules! portal {
    () => {
        "portal_id = (SELECT portal_id FROM customer_access WHERE site = $1)"
    };
}
/// The row of a site's project.
macro_rules! project {
    () => {
        "project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2)"
    };
}

/// Adds an account that nobody has proved, where there is none.
const ADD_ACCOUNT: Sql = sql(
    "INSERT INTO accounts (portal_id, email, proved) VALUES ($1, $2, FALSE) ON CONFLICT (portal_id, email) DO NOTHING",
);
/// Adds one whose owner answered or signed up.
pub(super) const PROVE_ACCOUNT: Sql = sql("INSERT INTO accounts (portal_id, email, proved) VALUES ($1, $2, TRUE) \
     ON CONFLICT (portal_id, email) DO UPDATE SET proved = TRUE WHERE NOT accounts.proved");
const ACCOUNT_EXISTS: Sql = sql("SELECT portal_id FROM accounts WHERE portal_id = $1 AND email = $2");
pub(super) const ADD_CUSTOMER: Sql = sql("INSERT INTO project_customers (project_id, email) VALUES ($1, $2) \
     ON CONFLICT (project_id, email) DO NOTHING");
const ADD_MEMBER: Sql = sql("INSERT INTO organization_members (portal_id, organization, email) VALUES ($1, $2, $3) \
     ON CONFLICT (portal_id, organization, email) DO NOTHING");
const ADD_TAGGED: Sql = sql("INSERT INTO tagged_customers (project_id, comment, email) VALUES ($1, $2, $3) \
     ON CONFLICT (project_id, comment, email) DO NOTHING");
const COMMENT_DELETED: Sql = sql("SELECT deleted_at FROM comments \
     WHERE site = $1 AND project = $2 AND comment = $3 AND deleted_at IS NOT NULL");

const REMOVE_ACCOUNT: Sql = sql(concat!("DELETE FROM accounts WHERE ", portal!(), " AND email = $2"));
const REMOVE_FROM_PROJECTS: Sql = sql("DELETE FROM project_customers WHERE email = $2 \
     AND project_id IN (SELECT project_id FROM projects WHERE site = $1)");
const REMOVE_FROM_ORGANIZATIONS: Sql =
    sql(concat!("DELETE FROM organization_members WHERE ", portal!(), " AND email = $2"));
const REMOVE_CUSTOMER: Sql = sql(concat!("DELETE FROM project_customers WHERE ", project!(), " AND email = $3"));
const REMOVE_MEMBER: Sql =
    sql(concat!("DELETE FROM organization_members WHERE ", portal!(), " AND organization = $2 AND email = $3"));
const REMOVE_TAGGED: Sql =
    sql(concat!("DELETE FROM tagged_customers WHERE ", project!(), " AND comment = $3 AND email = $4"));

/// A page in the order of addresses, which are their own places in it. The last two parameters are where it begins and
/// how long it is.
macro_rules! page {
    ($from:expr, $after:literal, $limit:literal) => {
        concat!("SELECT email FROM ", $from, " AND email > ", $after, " ORDER BY email LIMIT ", $limit)
    };
}
const ACCOUNTS: Sql = sql(page!(concat!("accounts WHERE ", portal!()), "$2", "$3"));
const CUSTOMERS: Sql = sql(page!(concat!("project_customers WHERE ", project!()), "$3", "$4"));
const MEMBERS: Sql =
    sql(page!(concat!("organization_members WHERE ", portal!(), " AND organization = $2"), "$3", "$4"));
const TAGGED: Sql = sql(page!(concat!("tagged_customers WHERE ", project!(), " AND comment = $3"), "$4", "$5"));

/// A list of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOfPeople {
    /// The accounts of a site. Who loses theirs is also no customer of its projects and in none of its organizations.
    Accounts(SiteId),
    /// The customers who are added to a project. Who is added has an account.
    Customers(SiteId, ProjectId),
    /// The members of an organization. Who is one has an account.
    Members(SiteId, OrganizationId),
    /// The customers who are tagged in a comment. Who is tagged has an account.
    Tagged(CommentPath),
}

impl ListOfPeople {
    fn site(&self) -> &SiteId {
        match self {
            Self::Accounts(site) | Self::Customers(site, _) | Self::Members(site, _) => site,
            Self::Tagged(comment) => &comment.site,
        }
    }
}

/// What became of adding somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddPerson {
    /// There is no such site.
    SiteNotFound,
    /// The comment was deleted.
    CommentDeleted,
    /// They are in the list.
    Done {
        /// Whether they were not before.
        added: bool,
    },
}

/// Somebody's account. Says whether it is new.
async fn add_account(tx: &mut Tx, site: &SiteId, email: &str, proved: bool) -> Result<bool, StoreError> {
    let portal_id = row::started(tx, site).await?;
    if !proved {
        return Ok(execute!(tx.on(), ADD_ACCOUNT, portal_id, email)? > 0);
    }
    let known = fetch_optional!(tx.on(), (i64,), ACCOUNT_EXISTS, portal_id, email)?.is_some();
    execute!(tx.on(), PROVE_ACCOUNT, portal_id, email)?;
    Ok(!known)
}

impl Store {
    /// Adds somebody to a list, and makes its project if it is new. Adding again changes nothing.
    ///
    /// # Errors
    /// When the database does not answer; whether they were added is open then.
    pub async fn add_person(
        &self,
        list: &ListOfPeople,
        person: &EmailAddress,
        now: OffsetDateTime,
    ) -> Result<AddPerson, StoreError> {
        let email = person.as_str();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, list.site().as_str())?.is_none() {
                return Ok(AddPerson::SiteNotFound);
            }
            let added = match list {
                ListOfPeople::Accounts(site) => add_account(&mut tx, site, email, true).await?,
                ListOfPeople::Customers(site, project) => {
                    add_account(&mut tx, site, email, false).await?;
                    let (project_id, _) = projects::started(&mut tx, site, project, now).await?;
                    execute!(tx.on(), ADD_CUSTOMER, project_id, email)? > 0
                }
                ListOfPeople::Members(site, organization) => {
                    add_account(&mut tx, site, email, false).await?;
                    let portal_id = row::started(&mut tx, site).await?;
                    execute!(tx.on(), ADD_MEMBER, portal_id, organization.as_str(), email)? > 0
                }
                ListOfPeople::Tagged(path) => {
                    let (site, project, comment) = path.texts();
                    if fetch_optional!(tx.on(), (i64,), COMMENT_DELETED, site, project, comment)?.is_some() {
                        return Ok(AddPerson::CommentDeleted);
                    }
                    add_account(&mut tx, &path.site, email, false).await?;
                    let (project_id, _) = projects::started(&mut tx, &path.site, &path.project, now).await?;
                    execute!(tx.on(), ADD_TAGGED, project_id, comment, email)? > 0
                }
            };
            tx.commit().await?;
            Ok(AddPerson::Done { added })
        })
    }

    /// Takes somebody off a list. `None`: no such site; else whether they were in it. Repeated, it commits again.
    ///
    /// # Errors
    /// When the database does not answer; whether they were taken off is open then.
    pub async fn remove_person(&self, list: &ListOfPeople, person: &EmailAddress) -> Result<Option<bool>, StoreError> {
        let email = person.as_str();
        let site = list.site().as_str();
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, site)?.is_none() {
                return Ok(None);
            }
            let removed = match list {
                ListOfPeople::Accounts(_) => {
                    execute!(tx.on(), REMOVE_FROM_PROJECTS, site, email)?;
                    execute!(tx.on(), REMOVE_FROM_ORGANIZATIONS, site, email)?;
                    execute!(tx.on(), REMOVE_ACCOUNT, site, email)?
                }
                ListOfPeople::Customers(_, project) => {
                    execute!(tx.on(), REMOVE_CUSTOMER, site, project.as_str(), email)?
                }
                ListOfPeople::Members(_, organization) => {
                    execute!(tx.on(), REMOVE_MEMBER, site, organization.as_str(), email)?
                }
                ListOfPeople::Tagged(path) => {
                    let (site, project, comment) = path.texts();
                    execute!(tx.on(), REMOVE_TAGGED, site, project, comment, email)?
                }
            };
            tx.commit_revocation().await?;
            Ok(Some(removed > 0))
        })
    }

    /// The people of a list in the order of their addresses, those after `after`, at most `limit`. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn people(
        &self,
        list: &ListOfPeople,
        after: Option<&EmailAddress>,
        limit: u64,
    ) -> Result<Option<Vec<EmailAddress>>, StoreError> {
        // Every address comes after the empty text.
        let (after, limit) = (after.map_or("", EmailAddress::as_str), bigint(limit)?);
        let (on, site) = (self.db.read(), list.site().as_str());
        let rows = match list {
            ListOfPeople::Accounts(_) => fetch_all!(on, (String,), ACCOUNTS, site, after, limit)?,
            ListOfPeople::Customers(_, project) => {
                fetch_all!(on, (String,), CUSTOMERS, site, project.as_str(), after, limit)?
            }
            ListOfPeople::Members(_, organization) => {
                fetch_all!(on, (String,), MEMBERS, site, organization.as_str(), after, limit)?
            }
            ListOfPeople::Tagged(path) => {
                let (site, project, comment) = path.texts();
                fetch_all!(on, (String,), TAGGED, site, project, comment, after, limit)?
            }
        };
        if rows.is_empty() && fetch_optional!(self.db.read(), (i64,), SITE_EXISTS, site)?.is_none() {
            return Ok(None);
        }
        rows.iter().map(|(text,)| email(text)).collect::<Result<_, _>>().map(Some)
    }
}

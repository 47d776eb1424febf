//! Requests: whose they are, and with whom they are shared.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::access::email;
use super::people::{ADD_CUSTOMER, PROVE_ACCOUNT};
use super::row;
use crate::domain::ids::{OrganizationId, ProjectId, RequestId, SiteId};
use crate::domain::portal::{EmailAddress, Request, RequestChannel};
use crate::store::db::{Sql, Tx, execute, fetch_all, fetch_optional, retried, sql};
use crate::store::json::json_list;
use crate::store::rows::bigint;
use crate::store::sites::{SITE_EXISTS, SITE_HELD};
use crate::store::{Store, StoreError, projects};

/// Requests with their lists, in one statement: so what is read belongs together. `$all` and `$end` make a JSON text of
/// many rows; `$join` and `$which` say which requests.
macro_rules! requests {
    ($all:literal, $end:literal, $join:literal, $which:literal) => {
        concat!(
            "SELECT r.request, r.reporter, r.private, r.channel, (SELECT ",
            $all,
            "(email)",
            $end,
            " FROM request_participants AS \
             list WHERE list.project_id = r.project_id AND list.request = r.request) AS participants, (SELECT ",
            $all,
            "(organization)",
            $end,
            " FROM request_organizations AS list WHERE list.project_id = r.project_id \
             AND list.request = r.request) AS organizations, coalesce(a.proved, FALSE) AS proved, \
             coalesce(cp.flag_anonymous_requests, FALSE) AS flagged FROM sites AS s \
             LEFT JOIN projects AS p ON p.site = s.site AND p.project = $2 ",
            $join,
            " requests AS r ON r.project_id = p.project_id AND r.request ",
            $which,
            " LEFT JOIN customer_access AS ca ON ca.site = s.site \
             LEFT JOIN accounts AS a ON a.portal_id = ca.portal_id AND a.email = r.reporter \
             LEFT JOIN customer_permissions AS cp ON cp.project_id = p.project_id WHERE s.site = $1"
        )
    };
}
/// One request, whatever there is of it: a row without one where there is only the site.
macro_rules! request {
    ($all:literal, $end:literal) => {
        requests!($all, $end, "LEFT JOIN", "= $3")
    };
}
/// A page in the order of their ids.
macro_rules! page {
    ($all:literal, $end:literal) => {
        concat!(requests!($all, $end, "JOIN", "> $3"), " ORDER BY r.request LIMIT $4")
    };
}
const REQUEST: Sql = Sql { sqlite: request!("json_group_array", ""), postgres: request!("json_agg", "::text") };
const REQUESTS: Sql = Sql { sqlite: page!("json_group_array", ""), postgres: page!("json_agg", "::text") };
const KNOWN: Sql = sql("SELECT project_id FROM requests WHERE project_id = $1 AND request = $2");
// First of all, so that of two that replace it one waits here.
const UPSERT: Sql = sql("INSERT INTO requests (project_id, request, reporter, private, channel) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id, request) DO UPDATE SET reporter = excluded.reporter, \
     private = excluded.private, channel = excluded.channel");
/// The rows of a JSON array of texts.
macro_rules! from_list {
    ($insert:literal, $list:literal, $end:literal) => {
        Sql {
            sqlite: concat!($insert, " FROM json_each(", $list, ") WHERE TRUE ", $end),
            postgres: concat!(
                $insert,
                " FROM json_array_elements_text(CAST(",
                $list,
                " AS JSON)) AS list (value) WHERE TRUE ",
                $end
            ),
        }
    };
}
const ADD_ACCOUNTS: Sql = from_list!(
    "INSERT INTO accounts (portal_id, email, proved) SELECT $1, value, FALSE",
    "$2",
    "ON CONFLICT (portal_id, email) DO NOTHING"
);
const ADD_PARTICIPANTS: Sql =
    from_list!("INSERT INTO request_participants (project_id, request, email) SELECT $1, $2, value", "$3", "");
const ADD_ORGANIZATIONS: Sql =
    from_list!("INSERT INTO request_organizations (project_id, request, organization) SELECT $1, $2, value", "$3", "");
const DELETE: Sql = sql("DELETE FROM requests WHERE request = $3 \
     AND project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2)");
const DELETE_PARTICIPANTS: Sql = sql("DELETE FROM request_participants WHERE request = $3 \
     AND project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2)");
const DELETE_ORGANIZATIONS: Sql = sql("DELETE FROM request_organizations WHERE request = $3 \
     AND project_id = (SELECT project_id FROM projects WHERE site = $1 AND project = $2)");

/// A request as it is stored, with what its flag depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its id.
    pub id: RequestId,
    /// Whose it is, and with whom it is shared.
    pub request: Request,
    /// Whether the reporter's address is proved.
    pub proved: bool,
    /// Whether the project wants an agents' comment on a request that was raised without a login.
    pub flagged: bool,
}

/// What became of registering a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutRequest {
    /// There is no such site.
    SiteNotFound,
    /// It is registered.
    Done {
        /// As it is now.
        record: RequestRecord,
        /// Whether it is new.
        created: bool,
    },
}

#[derive(sqlx::FromRow)]
struct RequestRow {
    /// Missing when the request is, with what follows.
    request: Option<String>,
    reporter: Option<String>,
    private: Option<bool>,
    channel: Option<String>,
    /// JSON arrays; PostgreSQL makes nothing of no rows.
    participants: Option<String>,
    organizations: Option<String>,
    proved: bool,
    flagged: bool,
}

impl RequestRow {
    /// `None` for a request that was never registered.
    fn read(self) -> Result<Option<RequestRecord>, StoreError> {
        let (Some(id), Some(reporter), Some(private), Some(channel)) =
            (self.request, self.reporter, self.private, self.channel)
        else {
            return Ok(None);
        };
        let request = Request {
            reporter: email(&reporter)?,
            participants: set(self.participants)?,
            organizations: set(self.organizations)?,
            private,
            channel: RequestChannel::from_name(&channel).ok_or(StoreError::Corrupt("a request's channel"))?,
        };
        let id = id.parse().map_err(|_| StoreError::Corrupt("a request's id"))?;
        Ok(Some(RequestRecord { id, request, proved: self.proved, flagged: self.flagged }))
    }
}

fn set<T: Ord + serde::de::DeserializeOwned>(list: Option<String>) -> Result<BTreeSet<T>, StoreError> {
    let set = list.map_or(Ok(BTreeSet::new()), |list| serde_json::from_str(&list));
    set.map_err(|_| StoreError::Corrupt("a request's list"))
}

/// Everyone on a request has an account. The reporter's address is proved by the way in which the request came.
async fn add_accounts(tx: &mut Tx, site: &SiteId, request: &Request) -> Result<(), StoreError> {
    let portal_id = row::started(tx, site).await?;
    let mut everyone = request.participants.clone();
    everyone.insert(request.reporter.clone());
    // In one order, whoever writes them: so two that write the same ones do not wait for each other.
    execute!(tx.on(), ADD_ACCOUNTS, portal_id, json_list(everyone.iter().map(EmailAddress::as_str))?)?;
    if request.channel.proves_the_address() {
        execute!(tx.on(), PROVE_ACCOUNT, portal_id, request.reporter.as_str())?;
    }
    Ok(())
}

async fn delete_lists(tx: &mut Tx, key: (&str, &str, &str)) -> Result<(), StoreError> {
    execute!(tx.on(), DELETE_PARTICIPANTS, key.0, key.1, key.2)?;
    execute!(tx.on(), DELETE_ORGANIZATIONS, key.0, key.1, key.2)?;
    Ok(())
}

impl Store {
    /// A request. The outer `None`: no such site; the inner one: it was never registered.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn request(
        &self,
        site: &SiteId,
        project: &ProjectId,
        request: &RequestId,
    ) -> Result<Option<Option<RequestRecord>>, StoreError> {
        let (on, key) = (self.db.read(), (site.as_str(), project.as_str(), request.as_str()));
        let row = fetch_optional!(on, RequestRow, REQUEST, key.0, key.1, key.2)?;
        row.map(RequestRow::read).transpose()
    }

    /// The requests of a project in the order of their ids, those after `after`, at most `limit`. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn requests(
        &self,
        site: &SiteId,
        project: &ProjectId,
        after: Option<&RequestId>,
        limit: u64,
    ) -> Result<Option<Vec<RequestRecord>>, StoreError> {
        // Every id comes after the empty text.
        let (after, limit) = (after.map_or("", RequestId::as_str), bigint(limit)?);
        let (site, project) = (site.as_str(), project.as_str());
        let rows = fetch_all!(self.db.read(), RequestRow, REQUESTS, site, project, after, limit)?;
        if rows.is_empty() && fetch_optional!(self.db.read(), (i64,), SITE_EXISTS, site)?.is_none() {
            return Ok(None);
        }
        rows.into_iter().filter_map(|row| row.read().transpose()).collect::<Result<_, _>>().map(Some)
    }

    /// Registers a request or replaces it whole, makes its project if it is new, and accounts for everyone on it.
    ///
    /// # Errors
    /// When the database does not answer; whether it was registered is open then.
    pub async fn put_request(
        &self,
        (site, project, request_id): (&SiteId, &ProjectId, &RequestId),
        request: &Request,
        now: OffsetDateTime,
    ) -> Result<PutRequest, StoreError> {
        let key = (site.as_str(), project.as_str(), request_id.as_str());
        let participants = json_list(request.participants.iter().map(EmailAddress::as_str))?;
        let organizations = json_list(request.organizations.iter().map(OrganizationId::as_str))?;
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_HELD, key.0)?.is_none() {
                return Ok(PutRequest::SiteNotFound);
            }
            let (project_id, _) = projects::started(&mut tx, site, project, now).await?;
            let created = fetch_optional!(tx.on(), (i64,), KNOWN, project_id, key.2)?.is_none();
            let (reporter, channel) = (request.reporter.as_str(), request.channel.name());
            execute!(tx.on(), UPSERT, project_id, key.2, reporter, request.private, channel)?;
            delete_lists(&mut tx, key).await?;
            execute!(tx.on(), ADD_PARTICIPANTS, project_id, key.2, participants.as_str())?;
            execute!(tx.on(), ADD_ORGANIZATIONS, project_id, key.2, organizations.as_str())?;
            add_accounts(&mut tx, site, request).await?;
            // Agents add customers by raising a request on their behalf, too (product: *Customers*).
            if request.channel == RequestChannel::Agent {
                execute!(tx.on(), ADD_CUSTOMER, project_id, reporter)?;
            }
            let row = fetch_optional!(tx.on(), RequestRow, REQUEST, key.0, key.1, key.2)?;
            let record = row.map(RequestRow::read).transpose()?.flatten();
            let record = record.ok_or(StoreError::Corrupt("a request was not written"))?;
            // A replaced one may have been taken from somebody.
            let committed = if created { tx.commit().await } else { tx.commit_revocation().await };
            committed?;
            Ok(PutRequest::Done { record, created })
        })
    }

    /// Forgets a request: nobody is on it any more. `None`: no such site; else whether it was known. Repeated, it commits
    /// again.
    ///
    /// # Errors
    /// When the database does not answer; whether it was forgotten is open then.
    pub async fn delete_request(
        &self,
        site: &SiteId,
        project: &ProjectId,
        request: &RequestId,
    ) -> Result<Option<bool>, StoreError> {
        let key = (site.as_str(), project.as_str(), request.as_str());
        retried!(async {
            let mut tx = self.db.begin().await?;
            if fetch_optional!(tx.on(), (i64,), SITE_EXISTS, key.0)?.is_none() {
                return Ok(None);
            }
            let known = execute!(tx.on(), DELETE, key.0, key.1, key.2)? > 0;
            delete_lists(&mut tx, key).await?;
            tx.commit_revocation().await?;
            Ok(Some(known))
        })
    }
}

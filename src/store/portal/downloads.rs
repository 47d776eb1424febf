//! May these customers download these attachments? One statement for all that are asked about, so the whole answer is
//! of one moment.

use std::sync::Arc;

use super::facts::{CaseFacts, FactsRow, request_of_comment};
use super::permissions::permission_columns;
use crate::domain::portal::{PortalDownload, Proof};
use crate::store::db::{Sql, fetch_liveness};
use crate::store::json::{hex, json_list};
use crate::store::links::{alive, alive_joins};
use crate::store::liveness::{Registration, ServedRow};
use crate::store::postgres::writable;
use crate::store::sqlite_readers::read_by_name;
use crate::store::{ServedObject, Store, StoreError};

/// The facts about each customer and attachment of the JSON array `$rows`, point look-ups only. One row for each, known
/// or not, so that there is always one that says whether the server takes writes. The request is that of the comment's
/// last notification; a tombstone hides the attachment.
///
/// Who comes with a session must have logged in by the provider that the site has now, and not have logged out; who comes
/// with a link of five minutes needs that link alive.
macro_rules! downloads {
    ($writable:expr, $rows:literal, $link_id:literal) => {
        concat!(
            "SELECT ",
            $writable,
            " AS writable, w.number, ",
            permission_columns!(),
            ", CASE WHEN w.link IS NULL \
             THEN coalesce(lp.provider_id = w.provider, FALSE) AND ls.session_id IS NOT NULL \
             ELSE EXISTS (SELECT 1 FROM links AS l ",
            alive_joins!(),
            " WHERE l.link_id = ",
            $link_id,
            " AND ",
            alive!(),
            ") END AS proved, \
             (acc.email IS NOT NULL) AS account, (pc.email IS NOT NULL) AS added, \
             coalesce(r.reporter = w.email, FALSE) AS reporter, coalesce(r.private, FALSE) AS private, \
             (rp.email IS NOT NULL) AS participant, (t.email IS NOT NULL) AS tagged, \
             EXISTS (SELECT 1 FROM organization_members AS m WHERE m.portal_id = ca.portal_id AND m.email = w.email) \
             AS in_organization, \
             EXISTS (SELECT 1 FROM organization_members AS m JOIN request_organizations AS ro \
             ON ro.project_id = r.project_id AND ro.request = r.request AND ro.organization = m.organization \
             WHERE m.portal_id = ca.portal_id AND m.email = w.email) AS shared_organization, \
             a.filename, a.media_type, a.kind, a.object_key, a.object_version, a.size, a.modified_at, \
             a.project_id, a.registered_order FROM ",
            "(SELECT value ->> 0 AS site, value ->> 1 AS project, value ->> 2 AS comment, value ->> 3 AS attachment, \
             value ->> 4 AS email, CAST(value ->> 5 AS BIGINT) AS provider, value ->> 6 AS session, value ->> 7 AS link, \
             CAST(value ->> 8 AS BIGINT) AS number FROM ",
            $rows,
            ") AS w \
             LEFT JOIN login_providers AS lp ON lp.site = w.site \
             LEFT JOIN login_sessions AS ls ON ls.session_id = w.session \
             LEFT JOIN customer_access AS ca ON ca.site = w.site \
             LEFT JOIN accounts AS acc ON acc.portal_id = ca.portal_id AND acc.email = w.email \
             LEFT JOIN projects AS p ON p.site = w.site AND p.project = w.project \
             LEFT JOIN customer_permissions AS cp ON cp.project_id = p.project_id \
             LEFT JOIN project_customers AS pc ON pc.project_id = p.project_id AND pc.email = w.email \
             LEFT JOIN comments AS c ON c.site = w.site AND c.project = w.project AND c.comment = w.comment \
             LEFT JOIN attachments AS a ON a.project_id = p.project_id AND a.comment = w.comment \
             AND a.attachment = w.attachment AND c.deleted_at IS NULL \
             LEFT JOIN requests AS r ON r.project_id = p.project_id AND r.request = ",
            request_of_comment!(),
            " LEFT JOIN request_participants AS rp ON rp.project_id = r.project_id AND rp.request = r.request \
             AND rp.email = w.email \
             LEFT JOIN tagged_customers AS t ON t.project_id = p.project_id AND t.comment = w.comment \
             AND t.email = w.email"
        )
    };
}
const DOWNLOADS: Sql = Sql {
    sqlite: downloads!("TRUE", "json_each($1)", "unhex(w.link)"),
    postgres: downloads!(
        concat!("(SELECT ", writable!(), ")"),
        "json_array_elements(CAST($1 AS JSON)) AS rows (value)",
        "decode(w.link, 'hex')"
    ),
};

/// What the database knows about a customer and an attachment at the time of the statement.
#[derive(Debug, Clone)]
pub struct DownloadFacts {
    /// The settings in force, and what is known about the customer.
    pub case: CaseFacts,
    /// Whether what shows that it is them counts.
    pub proved: bool,
    /// The attachment; `None` when there is none, or none any more.
    pub served: Option<Arc<ServedObject>>,
}

#[derive(sqlx::FromRow)]
struct DownloadRow {
    writable: bool,
    /// Which of what was asked about.
    number: i64,
    proved: bool,
    #[sqlx(flatten)]
    facts: FactsRow,
    #[sqlx(flatten)]
    served: ServedRow,
    /// Missing with the attachment, as the next one.
    project_id: Option<i64>,
    registered_order: Option<i64>,
}

read_by_name!(DownloadRow { writable, number, proved, project_id, registered_order } facts served);

impl DownloadRow {
    fn read(self, asked: &[PortalDownload]) -> Result<(PortalDownload, DownloadFacts), StoreError> {
        // What a standby says may be of before a revocation.
        if !self.writable {
            return Err(StoreError::ReadOnly);
        }
        let asked = usize::try_from(self.number).ok().and_then(|number| asked.get(number));
        let asked = asked.ok_or(StoreError::Corrupt("an answer that nobody asked for"))?;
        let registration =
            self.project_id.zip(self.registered_order).map(|(project_id, order)| Registration { project_id, order });
        let served = self.served.read_if_there()?.map(|served| Arc::new(ServedObject { registration, ..served }));
        let facts = DownloadFacts { case: self.facts.read()?, proved: self.proved, served };
        Ok((asked.clone(), facts))
    }
}

fn rows(asked: &[PortalDownload]) -> Result<String, StoreError> {
    json_list(asked.iter().enumerate().map(|(number, asked)| {
        let (site, project, comment) = asked.attachment.comment.texts();
        let (attachment, customer) = (asked.attachment.attachment.as_str(), asked.customer.as_str());
        let (session, provider, link) = match &asked.proof {
            Proof::Session { id, provider } => (Some(id.as_str()), Some(*provider), None),
            Proof::Link(link) => (None, None, Some(hex(link.octets()))),
        };
        (site, project, comment, attachment, customer, provider, session, link, number)
    }))
}

impl Store {
    /// What the database knows about these customers and attachments, in any order.
    ///
    /// The answer counts for requests that arrived before this call: whatever was taken away before it, is gone.
    ///
    /// # Errors
    /// When the database does not answer, or is a standby; nothing may be served then.
    pub async fn download_facts(
        &self,
        asked: &[PortalDownload],
    ) -> Result<Vec<(PortalDownload, DownloadFacts)>, StoreError> {
        let rows = rows(asked)?;
        let found = fetch_liveness!(self.db, DownloadRow, DOWNLOADS, sqlite: rows, postgres: rows.as_str())?;
        self.must_not_be_restored()?;
        found.into_iter().map(|row| row.read(asked)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query_plan;

    #[tokio::test]
    async fn the_statement_is_point_lookups_only() {
        let steps = query_plan::steps(DOWNLOADS).await;
        let scans: Vec<&String> = steps.iter().filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans.len(), 1, "the list only: {steps:?}");
        assert!(scans[0].contains("VIRTUAL TABLE"), "{steps:?}");
        assert!(steps.iter().filter(|step| step.starts_with("SEARCH")).count() >= 11, "{steps:?}");
    }
}

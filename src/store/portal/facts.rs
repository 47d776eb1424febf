//! What is known about whoever asks, and about whom they name: one statement each, by look-ups in primary keys.

use std::collections::BTreeSet;

use super::permissions::{PermissionsRow, permission_columns};
use crate::domain::ids::{AttachmentId, CommentId, OrganizationId, ProjectId, RequestId, SiteId};
use crate::domain::portal::{CustomerAccess, CustomerPermissions, EmailAddress, Facts, Role, Standing};
use crate::store::db::{Sql, fetch_optional, sql};
use crate::store::sqlite_readers::read_by_name;
use crate::store::{Store, StoreError};

/// The request of a comment `c`, as far as it is one of the project `p`'s: not one of a project of that name before it.
macro_rules! request_of_comment {
    () => {
        "CASE WHEN coalesce(c.request_project, p.project_id) = p.project_id THEN c.request END"
    };
}
pub(super) use request_of_comment;

/// Joins to a site `s`, of site `$1`, project `$2` and address `$3`: its portal `ca`, the project `p` with its
/// permissions `cp`, the address's account `a` and its place `pc` among the project's customers.
macro_rules! address_joins {
    ($address:literal) => {
        concat!(
            " FROM sites AS s LEFT JOIN customer_access AS ca ON ca.site = s.site \
             LEFT JOIN projects AS p ON p.site = s.site AND p.project = $2 \
             LEFT JOIN customer_permissions AS cp ON cp.project_id = p.project_id \
             LEFT JOIN accounts AS a ON a.portal_id = ca.portal_id AND a.email = ",
            $address,
            " LEFT JOIN project_customers AS pc ON pc.project_id = p.project_id AND pc.email = ",
            $address
        )
    };
}

// `$4` is the request, or `$5` and `$6` are the comment and the attachment whose request it is: that of the comment's
// last notification. Of an attachment that there is not, nobody has anything.
const FACTS: Sql = sql(concat!(
    "SELECT ",
    permission_columns!(),
    ", a.email IS NOT NULL AS account, pc.email IS NOT NULL AS added, \
     EXISTS (SELECT 1 FROM organization_members AS m WHERE m.portal_id = ca.portal_id AND m.email = $3) \
     AS in_organization, coalesce(r.private, FALSE) AS private, coalesce(r.reporter = $3, FALSE) AS reporter, \
     EXISTS (SELECT 1 FROM request_participants AS rp WHERE rp.project_id = r.project_id AND rp.request = r.request \
     AND rp.email = $3) AS participant, \
     EXISTS (SELECT 1 FROM request_organizations AS ro JOIN organization_members AS m ON m.portal_id = ca.portal_id \
     AND m.organization = ro.organization AND m.email = $3 \
     WHERE ro.project_id = r.project_id AND ro.request = r.request) AS shared_organization, \
     (t.attachment_id IS NOT NULL AND EXISTS (SELECT 1 FROM tagged_customers AS tc \
     WHERE tc.project_id = p.project_id AND tc.comment = c.comment AND tc.email = $3)) AS tagged",
    address_joins!("$3"),
    " LEFT JOIN comments AS c ON c.site = s.site AND c.project = $2 AND c.comment = $5 AND c.deleted_at IS NULL \
     LEFT JOIN attachments AS t ON t.project_id = p.project_id AND t.comment = c.comment AND t.attachment = $6 \
     LEFT JOIN requests AS r ON r.project_id = p.project_id \
     AND r.request = coalesce($4, CASE WHEN t.attachment_id IS NOT NULL THEN ",
    request_of_comment!(),
    " END) WHERE s.site = $1"
));
const PERSON: Sql = sql(concat!(
    "SELECT a.email IS NOT NULL, pc.email IS NOT NULL, \
     EXISTS (SELECT 1 FROM organization_members AS mine JOIN organization_members AS theirs \
     ON theirs.portal_id = mine.portal_id AND theirs.organization = mine.organization AND theirs.email = $3 \
     WHERE mine.portal_id = ca.portal_id AND mine.email = $4)",
    address_joins!("$3"),
    " WHERE s.site = $1"
));
const IS_MEMBER: Sql = sql("SELECT m.portal_id FROM customer_access AS ca \
     JOIN organization_members AS m ON m.portal_id = ca.portal_id AND m.organization = $2 AND m.email = $3 \
     WHERE ca.site = $1");

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub enum AskedAbout<'a> {
    /// A site, or something else that nobody is on.
    Nothing,
    /// A request.
    Request(&'a RequestId),
    /// An attachment of a comment.
    Attachment(&'a CommentId, &'a AttachmentId),
}

/// The settings in force, and what is known about whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    /// The site's settings.
    pub site: CustomerAccess,
    /// The project's.
    pub project: CustomerPermissions,
    /// What is known about them.
    pub facts: Facts,
}

/// The settings in force and what is known about whoever asks, as they are stored.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "a row has the columns that it has")]
pub(super) struct FactsRow {
    #[sqlx(flatten)]
    settings: PermissionsRow,
    account: bool,
    added: bool,
    in_organization: bool,
    private: bool,
    reporter: bool,
    participant: bool,
    shared_organization: bool,
    tagged: bool,
}

read_by_name!(FactsRow {
    account, added, in_organization, private, reporter, participant, shared_organization, tagged
} settings);

impl FactsRow {
    /// Reads the row.
    pub(super) fn read(self) -> Result<CaseFacts, StoreError> {
        let roles: BTreeSet<Role> = [
            (self.reporter, Role::Reporter),
            (self.participant, Role::Participant),
            (self.shared_organization, Role::Organization),
            (self.tagged, Role::Tagged),
        ]
        .into_iter()
        .filter_map(|(is_so, role)| is_so.then_some(role))
        .collect();
        let standing = standing(self.account, self.added);
        let facts = Facts { standing, in_organization: self.in_organization, roles, private: self.private };
        let (site, project) = self.settings.read()?;
        Ok(CaseFacts { site, project, facts })
    }
}

const fn standing(account: bool, added: bool) -> Standing {
    match (account, added) {
        (true, true) => Standing::Added,
        (true, false) => Standing::Account,
        (false, _) => Standing::Unknown,
    }
}

impl Store {
    /// The settings in force, and what is known about an address. `None`: no such site.
    ///
    /// # Errors
    /// When the database does not answer, or was restored from a backup.
    pub async fn case_facts(
        &self,
        (site, project): (&SiteId, Option<&ProjectId>),
        address: Option<&EmailAddress>,
        about: AskedAbout<'_>,
    ) -> Result<Option<CaseFacts>, StoreError> {
        let (request, comment, attachment) = match about {
            AskedAbout::Nothing => (None, None, None),
            AskedAbout::Request(request) => (Some(request.as_str()), None, None),
            AskedAbout::Attachment(comment, attachment) => (None, Some(comment.as_str()), Some(attachment.as_str())),
        };
        let (on, project) = (self.db.read(), project.map(ProjectId::as_str));
        let address = address.map(EmailAddress::as_str);
        let row = fetch_optional!(on, FactsRow, FACTS, site.as_str(), project, address, request, comment, attachment)?;
        // Of a database that lost revocations, nobody can tell who may.
        self.must_not_be_restored()?;
        row.map(FactsRow::read).transpose()
    }

    /// What somebody's address is in a site and a project, and whether they are in an organization of `whose`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn person_facts(
        &self,
        (site, project): (&SiteId, Option<&ProjectId>),
        address: &EmailAddress,
        whose: Option<&EmailAddress>,
    ) -> Result<(Standing, bool), StoreError> {
        let (on, project) = (self.db.read(), project.map(ProjectId::as_str));
        let whose = whose.map(EmailAddress::as_str);
        let row = fetch_optional!(on, (bool, bool, bool), PERSON, site.as_str(), project, address.as_str(), whose)?;
        let (account, added, same_organization) = row.unwrap_or_default();
        Ok((standing(account, added), same_organization))
    }

    /// Whether somebody is in an organization.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_member(
        &self,
        site: &SiteId,
        organization: &OrganizationId,
        address: &EmailAddress,
    ) -> Result<bool, StoreError> {
        let (on, organization) = (self.db.read(), organization.as_str());
        let row = fetch_optional!(on, (i64,), IS_MEMBER, site.as_str(), organization, address.as_str())?;
        Ok(row.is_some())
    }
}

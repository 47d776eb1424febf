//! What is in force for those who want links, read for all who wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::attachment::Attachment;
use crate::domain::ids::{CommentPath, RequestId};
use crate::domain::link::LinkKind;
use crate::domain::security::{Mode, SiteSettings};
use crate::store::StoreError;
use crate::store::db::{Db, Sql, fetch_all};
use crate::store::gather::{Gatherer, Limits};
use crate::store::json::json_list;
use crate::store::rows::{AttachmentRow, attachment_columns, id};
use crate::store::sites::SiteRow;

/// Comments in one go, and goes at once: one that reads while the next one gathers.
const LIMITS: Limits = Limits { goes: 2, weight: 256, company: Duration::from_millis(2) };

/// A statement about a JSON array of numbered comments: `[number, site, project, comment]`.
macro_rules! of_comments {
    ($columns:expr, $joins:expr) => {
        Sql {
            sqlite: concat!(
                "SELECT CAST(w.value ->> 0 AS BIGINT) AS number, ",
                $columns,
                " FROM json_each($1) AS w ",
                $joins
            ),
            postgres: concat!(
                "SELECT CAST(w.value ->> 0 AS BIGINT) AS number, ",
                $columns,
                " FROM json_array_elements(CAST($1 AS JSON)) AS w (value) ",
                $joins
            ),
        }
    };
}
const ATTACHMENTS: Sql = of_comments!(
    attachment_columns!(),
    "JOIN projects AS p ON p.site = w.value ->> 1 AND p.project = w.value ->> 2 \
     JOIN attachments AS a ON a.project_id = p.project_id AND a.comment = w.value ->> 3 ORDER BY a.registered_order"
);
const CONTEXTS: Sql = of_comments!(
    "s.plan, s.safe_notifications, s.portal_url, s.object_prefix, p.mode, p.project_id, p.generation, \
     p.portal_generation, c.deleted_at, c.request, c.request_project, (lp.site IS NOT NULL) AS has_login",
    "JOIN sites AS s ON s.site = w.value ->> 1 \
     LEFT JOIN login_providers AS lp ON lp.site = s.site \
     LEFT JOIN projects AS p ON p.site = s.site AND p.project = w.value ->> 2 \
     LEFT JOIN comments AS c ON c.site = s.site AND c.project = w.value ->> 2 AND c.comment = w.value ->> 3"
);

/// What is in force for a comment of a site that there is.
#[derive(Clone)]
pub(in crate::store) struct InForce {
    pub(super) settings: SiteSettings,
    pub(super) mode: Mode,
    pub(super) has_login: bool,
    /// Whether the comment was deleted.
    pub(super) deleted: bool,
    /// The request that the comment's last notification named.
    pub(super) request: Option<RequestId>,
    /// The project that it is of.
    request_project: Option<i64>,
    /// `None` before the project is made.
    pub(super) project: Option<i64>,
    /// All of the comment's, in the order of their registration.
    pub(super) attachments: Vec<Attachment>,
    generation: Option<i64>,
    portal_generation: Option<i64>,
}

impl InForce {
    /// Whether the comment is known to belong to this request, of the project that there is now.
    pub(super) fn is_of(&self, request: &RequestId) -> bool {
        self.request.as_ref() == Some(request) && self.request_project == self.project
    }

    /// The generation of the project's links of this kind; `None` without a project.
    pub(super) const fn generation(&self, kind: LinkKind) -> Option<i64> {
        match kind {
            LinkKind::Email => self.generation,
            LinkKind::Portal => self.portal_generation,
        }
    }
}

#[derive(sqlx::FromRow)]
struct ContextRow {
    number: i64,
    #[sqlx(flatten)]
    site: SiteRow,
    mode: Option<String>,
    project_id: Option<i64>,
    generation: Option<i64>,
    portal_generation: Option<i64>,
    deleted_at: Option<i64>,
    request: Option<String>,
    request_project: Option<i64>,
    has_login: bool,
}

impl ContextRow {
    fn read(self, attachments: Vec<AttachmentRow>) -> Result<InForce, StoreError> {
        let mode = self.mode.map(|name| Mode::from_name(&name).ok_or(StoreError::Corrupt("a project's mode")));
        Ok(InForce {
            settings: self.site.read()?,
            mode: mode.transpose()?.unwrap_or_default(),
            has_login: self.has_login,
            deleted: self.deleted_at.is_some(),
            request: self.request.as_deref().map(id).transpose()?,
            request_project: self.request_project,
            project: self.project_id,
            attachments: attachments.into_iter().map(AttachmentRow::read).collect::<Result<_, _>>()?,
            generation: self.generation,
            portal_generation: self.portal_generation,
        })
    }
}

#[derive(sqlx::FromRow)]
struct NumberedRow {
    number: i64,
    #[sqlx(flatten)]
    attachment: AttachmentRow,
}

/// What a site's comment is under; `None` without the site.
type Known = Option<Arc<InForce>>;

/// Reads for all who wait.
pub(in crate::store) type Reading = Gatherer<CommentPath, Known>;

/// Starts reading.
pub(in crate::store) fn start(db: &Db) -> Reading {
    let db = db.clone();
    Gatherer::start(LIMITS, move |paths| read(db.clone(), paths))
}

async fn read(db: Db, paths: Vec<CommentPath>) -> Vec<Result<Known, StoreError>> {
    // Each comment once, and in the order of their first question.
    let mut numbers = HashMap::new();
    for path in &paths {
        let next = numbers.len();
        numbers.entry(path).or_insert(next);
    }
    match read_each(&db, &numbers).await {
        Ok(known) => paths.iter().map(|path| known.get(&numbers[path]).cloned().unwrap_or(Ok(None))).collect(),
        Err(error) => paths.iter().map(|_| Err(error.clone())).collect(),
    }
}

async fn read_each(
    db: &Db,
    numbers: &HashMap<&CommentPath, usize>,
) -> Result<HashMap<usize, Result<Known, StoreError>>, StoreError> {
    let list = json_list(numbers.iter().map(|(path, number)| {
        let (site, project, comment) = path.texts();
        (number, site, project, comment)
    }))?;
    // In this order: a comment deleted in between is then seen to be deleted, and not to have no attachments.
    let mut attachments: HashMap<i64, Vec<AttachmentRow>> = HashMap::new();
    for row in fetch_all!(db.read(), NumberedRow, ATTACHMENTS, &list)? {
        attachments.entry(row.number).or_default().push(row.attachment);
    }
    let mut known = HashMap::new();
    for row in fetch_all!(db.read(), ContextRow, CONTEXTS, &list)? {
        let of_comment = attachments.remove(&row.number).unwrap_or_default();
        let number = usize::try_from(row.number).map_err(|_| StoreError::Corrupt("a number of ours"))?;
        known.insert(number, row.read(of_comment).map(|read| Some(Arc::new(read))));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::query_plan;

    #[tokio::test]
    async fn both_statements_are_point_lookups_only() {
        for statement in [ATTACHMENTS, CONTEXTS] {
            let steps = query_plan::steps(statement).await;
            let [list, rest @ ..] = &*steps else { panic!("no plan") };
            assert!(list.starts_with("SCAN w VIRTUAL TABLE"), "{steps:?}");
            let sorted = |step: &String| step == "USE TEMP B-TREE FOR ORDER BY";
            assert!(rest.iter().all(|step| step.starts_with("SEARCH ") || sorted(step)), "{steps:?}");
        }
    }
}

//! From a question as it is sent to one of the domain.

use std::borrow::Cow;
use std::str::FromStr;

use super::body::{Context, Entity, Evaluation};
use crate::domain::ids::{AttachmentId, CommentId, ProjectId, RequestId, SiteId};
use crate::domain::portal::{FieldKind, Subject};

/// Why something is no question.
pub(super) type NoQuestion = Cow<'static, str>;

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its type.
    pub(super) kind: String,
    /// The site.
    pub(super) site: SiteId,
    /// The project, of everything but a site.
    pub(super) project: Option<ProjectId>,
    /// The request.
    pub(super) request: Option<RequestId>,
    /// The comment and the attachment.
    pub(super) attachment: Option<(CommentId, AttachmentId)>,
}

/// A question that can be asked of the rules.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Who asks.
    pub(super) subject: Subject,
    /// What they want to do, by its name.
    pub(super) action: String,
    /// With what.
    pub(super) resource: Resource,
    /// What else matters.
    pub(super) context: Context,
}

/// The actions, each with the types of the resources that it can be done with.
const ACTIONS: &[(&str, &[&str])] = &[
    ("view_help_center", &["site"]),
    ("create_account", &["site"]),
    ("view_portal", &["portal", "project"]),
    ("raise_request", &["portal", "project"]),
    ("raise_request_by_email", &["portal", "project"]),
    ("search_customers", &["portal", "project"]),
    ("view_knowledge_base", &["knowledge_base", "project"]),
    ("comment_by_email", &["request"]),
    ("view_request", &["request"]),
    ("comment_on_request", &["request"]),
    ("share_request", &["request"]),
    ("add_participant", &["request"]),
    ("download_attachment", &["attachment"]),
];

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// What is missing, not known, or does not go together.
    pub(super) fn read(asked: Evaluation) -> Result<Self, NoQuestion> {
        let (kind, id) = parts(asked.subject, "subject")?;
        let subject = subject(&kind, &id)?;
        let action = asked.action.and_then(|action| action.name).ok_or("action.name is missing")?;
        let (kind, id) = parts(asked.resource, "resource")?;
        let resource = resource(kind, &id)?;
        let known = ACTIONS.iter().find(|(name, _)| *name == action);
        let (_, kinds) = known.ok_or_else(|| format!("action.name: there is no action of this name: {action}"))?;
        if !kinds.contains(&&*resource.kind) {
            return Err(format!("resource.type: {action} is done with {}", kinds.join(" or ")).into());
        }
        Ok(Self { subject, action, resource, context: asked.context.unwrap_or_default() })
    }
}

fn parts(entity: Option<Entity>, name: &str) -> Result<(String, String), NoQuestion> {
    let entity = entity.ok_or_else(|| format!("{name} is missing"))?;
    let kind = entity.kind.ok_or_else(|| format!("{name}.type is missing"))?;
    let id = entity.id.ok_or_else(|| format!("{name}.id is missing"))?;
    Ok((kind, id))
}

fn subject(kind: &str, id: &str) -> Result<Subject, NoQuestion> {
    let address = || id.parse().map_err(|why| format!("subject.id: {why}"));
    match kind {
        "customer" => Ok(Subject::Customer(address()?)),
        "sender" => Ok(Subject::Sender(address()?)),
        // Of a visitor, the address that they typed, if they did.
        "visitor" => Ok(Subject::Visitor(address().ok())),
        "agent" => Ok(Subject::Agent),
        _ => Err("subject.type: must be customer, visitor, sender or agent".into()),
    }
}

fn resource(kind: String, id: &str) -> Result<Resource, NoQuestion> {
    let ids: Vec<&str> = id.split('/').collect();
    let (site, project, request, attachment) = match (&*kind, &*ids) {
        ("site", [site]) => (site, None, None, None),
        ("project" | "portal" | "knowledge_base", [site, project]) => (site, Some(project), None, None),
        ("request", [site, project, request]) => (site, Some(project), Some(read(request)?), None),
        ("attachment", [site, project, comment, attachment]) => {
            (site, Some(project), None, Some((read(comment)?, read(attachment)?)))
        }
        ("site" | "project" | "portal" | "knowledge_base" | "request" | "attachment", _) => {
            return Err(format!("resource.id: does not name a {kind}").into());
        }
        _ => {
            let known = "site, project, portal, knowledge_base, request or attachment";
            return Err(format!("resource.type: must be {known}").into());
        }
    };
    let project = project.map(|project| read(project)).transpose()?;
    Ok(Resource { site: read(site)?, project, request, attachment, kind })
}

fn read<T: FromStr<Err: std::fmt::Display>>(id: &str) -> Result<T, NoQuestion> {
    id.parse().map_err(|why| format!("resource.id: {why}").into())
}

/// The kind of a field, however its name is written. What is not known is a field like any other.
#[must_use]
pub(super) fn field_kind(name: &str) -> FieldKind {
    let name: String =
        name.trim().chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    FieldKind::from_name(&name).unwrap_or(FieldKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(subject: (&str, &str), action: &str, resource: (&str, &str)) -> Result<Question, NoQuestion> {
        let json = serde_json::json!({"subject": {"type": subject.0, "id": subject.1}, "action": {"name": action},
            "resource": {"type": resource.0, "id": resource.1}});
        Question::read(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn each_action_has_its_resources() {
        let ids = [
            ("site", "s"),
            ("project", "s/p"),
            ("portal", "s/p"),
            ("knowledge_base", "s/p"),
            ("request", "s/p/r"),
            ("attachment", "s/p/c/a"),
        ];
        for (action, kinds) in ACTIONS {
            for (kind, id) in ids {
                assert_eq!(
                    question(("agent", "7"), action, (kind, id)).is_ok(),
                    kinds.contains(&kind),
                    "{action} {kind}"
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let anyone = ("visitor", "whoever");
        for (asked, field) in [
            (question(("user", "x"), "view_portal", ("portal", "s/p")), "subject.type"),
            (question(("customer", "x"), "view_portal", ("portal", "s/p")), "subject.id"),
            (question(anyone, "fly", ("portal", "s/p")), "action.name"),
            (question(anyone, "view_portal", ("planet", "s/p")), "resource.type"),
            (question(anyone, "view_portal", ("portal", "s")), "resource.id"),
            (question(anyone, "view_portal", ("portal", "s/p/q")), "resource.id"),
            (question(anyone, "view_portal", ("portal", "s/a b")), "resource.id"),
            (question(anyone, "view_portal", ("request", "s/p/r")), "resource.type"),
        ] {
            let why = asked.unwrap_err();
            assert!(why.starts_with(field), "{why}");
        }
        let visitor = |id| question(("visitor", id), "view_portal", ("portal", "s/p")).unwrap().subject;
        assert_eq!(visitor("session-7"), Subject::Visitor(None));
        assert_eq!(visitor("A@b.example"), Subject::Visitor(Some("a@b.example".parse().unwrap())));
    }

    #[test]
    fn fields_are_known_however_they_are_written() {
        for name in ["fix_versions", "Fix versions", "fix-versions"] {
            assert_eq!(field_kind(name), FieldKind::FixVersions, "{name}");
        }
        assert_eq!(field_kind("customfield_10017"), FieldKind::Other);
    }
}

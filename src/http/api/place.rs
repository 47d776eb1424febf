//! Where in the API a call points: the ids in its path.

use axum::extract::RawPathParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

use crate::domain::access::Target;
use crate::domain::ids::{AttachmentPath, CommentPath, ProjectId, SiteId};
use crate::domain::token::LinkId;
use crate::http::problem::Problem;

/// The ids of a path, percent-decoded.
pub struct PathIds(RawPathParams);

impl PathIds {
    /// Wraps what the router captured.
    #[must_use]
    pub const fn new(captured: RawPathParams) -> Self {
        Self(captured)
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// Reads one of them.
    ///
    /// # Errors
    /// `422 invalid_request`, which names it.
    pub fn id<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &'static str) -> Result<T, Problem> {
        self.text(name).parse().map_err(|why| Problem::invalid(name, format_args!("{why} (in the path)")))
    }
}

/// What a call is about, read from its path.
pub trait Place: Sized + Send {
    /// Reads it.
    ///
    /// # Errors
    /// `422 invalid_request`, which names the id.
    fn read(ids: &PathIds) -> Result<Self, Problem>;

    /// What a key's binding is compared with.
    fn target(&self) -> Target<'_>;

    /// The link that the call is about, for the log.
    fn link(&self) -> Option<LinkId> {
        None
    }
}

impl Place for SiteId {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        ids.id("site")
    }

    fn target(&self) -> Target<'_> {
        Target::Site(self)
    }
}

/// A project of a site.
#[derive(Debug, Clone)]
pub struct ProjectPath {
    /// The tenant.
    pub site: SiteId,
    /// The project.
    pub project: ProjectId,
}

impl Place for ProjectPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { site: ids.id("site")?, project: ids.id("project")? })
    }

    fn target(&self) -> Target<'_> {
        Target::Project(&self.site, &self.project)
    }
}

impl Place for CommentPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { site: ids.id("site")?, project: ids.id("project")?, comment: ids.id("comment")? })
    }

    fn target(&self) -> Target<'_> {
        Target::Project(&self.site, &self.project)
    }
}

impl Place for AttachmentPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { comment: CommentPath::read(ids)?, attachment: ids.id("attachment")? })
    }

    fn target(&self) -> Target<'_> {
        self.comment.target()
    }
}

/// A link of a site.
#[derive(Debug, Clone)]
pub struct LinkPath {
    /// The tenant.
    pub site: SiteId,
    /// The link. `None` for a text that is no link id: such a link was never issued.
    pub link: Option<LinkId>,
}

impl Place for LinkPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { site: ids.id("site")?, link: ids.text("link_id").parse().ok() })
    }

    fn target(&self) -> Target<'_> {
        Target::LinkOf(&self.site)
    }

    fn link(&self) -> Option<LinkId> {
        self.link
    }
}

pub(super) fn parameter(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

pub(super) fn site() -> Parameter {
    parameter("site", "The site (tenant).", Ref::from_schema_name("SiteId"))
}

pub(super) fn project() -> Parameter {
    parameter("project", "The project.", Ref::from_schema_name("ProjectId"))
}

pub(super) fn comment() -> Parameter {
    parameter("comment", "The comment.", Ref::from_schema_name("CommentId"))
}

fn attachment() -> Parameter {
    parameter("attachment", "The attachment.", Ref::from_schema_name("AttachmentId"))
}

/// The path of a site, for the description of the API.
pub struct SiteParams;
/// The path of a project.
pub struct ProjectParams;
/// The path of a comment.
pub struct CommentParams;
/// The path of an attachment.
pub struct AttachmentParams;
/// The path of a link.
pub struct LinkParams;

/// Describes the path of each of these.
macro_rules! described {
    ($($params:ident: $($parameter:expr),+;)+) => {$(
        impl utoipa::IntoParams for $params {
            fn into_params(_: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter),+]
            }
        }
    )+};
}
pub(super) use described;

described! {
    SiteParams: site();
    ProjectParams: site(), project();
    CommentParams: site(), project(), comment();
    AttachmentParams: site(), project(), comment(), attachment();
    LinkParams: site(), parameter("link_id", "The link's public id.", super::links::link_id_schema());
}

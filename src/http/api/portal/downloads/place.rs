//! A site, for calls whose body names the project.

use crate::domain::access::Target;
use crate::domain::ids::SiteId;
use crate::http::api::place::{PathIds, Place};
use crate::http::problem::Problem;

/// A site, within which the key must still be compared with a project.
#[derive(Debug, Clone)]
pub struct SiteOfBody(pub SiteId);

impl Place for SiteOfBody {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        SiteId::read(ids).map(Self)
    }

    fn target(&self) -> Target<'_> {
        Target::LinkOf(&self.0)
    }
}

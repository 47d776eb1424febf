//! Where a call of this part points.

use crate::domain::access::Target;
use crate::domain::ids::{CommentPath, OrganizationId, RequestId, SiteId};
use crate::domain::portal::EmailAddress;
use crate::http::api::place::{self, PathIds, Place, ProjectPath, described, parameter};
use crate::http::problem::Problem;
use crate::store::ListOfPeople;
use utoipa::openapi::Ref;
use utoipa::openapi::path::Parameter;

/// A list of people, named by its path.
pub trait PeoplePlace: Place {
    /// The list.
    fn list(&self) -> ListOfPeople;
}

impl PeoplePlace for SiteId {
    fn list(&self) -> ListOfPeople {
        ListOfPeople::Accounts(self.clone())
    }
}

impl PeoplePlace for ProjectPath {
    fn list(&self) -> ListOfPeople {
        ListOfPeople::Customers(self.site.clone(), self.project.clone())
    }
}

impl PeoplePlace for CommentPath {
    fn list(&self) -> ListOfPeople {
        ListOfPeople::Tagged(self.clone())
    }
}

/// An organization of a site.
#[derive(Debug, Clone)]
pub struct OrganizationPath {
    /// The tenant.
    pub site: SiteId,
    /// The organization.
    pub organization: OrganizationId,
}

impl Place for OrganizationPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { site: ids.id("site")?, organization: ids.id("organization")? })
    }

    /// Organizations are the whole site's: a key of one project does not change them.
    fn target(&self) -> Target<'_> {
        Target::Site(&self.site)
    }
}

impl PeoplePlace for OrganizationPath {
    fn list(&self) -> ListOfPeople {
        ListOfPeople::Members(self.site.clone(), self.organization.clone())
    }
}

/// Somebody in a list of people.
#[derive(Debug, Clone)]
pub struct PersonPath<P> {
    /// The list's place.
    pub of: P,
    /// Their address.
    pub email: EmailAddress,
}

impl<P: PeoplePlace> Place for PersonPath<P> {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { of: P::read(ids)?, email: ids.id("email")? })
    }

    fn target(&self) -> Target<'_> {
        self.of.target()
    }
}

/// A request of a project.
#[derive(Debug, Clone)]
pub struct RequestPath {
    /// Its project.
    pub of: ProjectPath,
    /// The request.
    pub request: RequestId,
}

impl Place for RequestPath {
    fn read(ids: &PathIds) -> Result<Self, Problem> {
        Ok(Self { of: ProjectPath::read(ids)?, request: ids.id("request")? })
    }

    fn target(&self) -> Target<'_> {
        self.of.target()
    }
}

fn email() -> Parameter {
    parameter("email", "The email address, percent-encoded.", Ref::from_schema_name("EmailAddress"))
}

fn organization() -> Parameter {
    parameter("organization", "The organization.", Ref::from_schema_name("OrganizationId"))
}

fn request() -> Parameter {
    parameter("request", "The request.", Ref::from_schema_name("RequestId"))
}

/// The path of an account.
pub struct AccountParams;
/// The path of a customer of a project.
pub struct CustomerParams;
/// The path of an organization.
pub struct OrganizationParams;
/// The path of a member of an organization.
pub struct MemberParams;
/// The path of a customer who is tagged in a comment.
pub struct TaggedParams;
/// The path of a request.
pub struct RequestParams;

described! {
    AccountParams: place::site(), email();
    CustomerParams: place::site(), place::project(), email();
    OrganizationParams: place::site(), organization();
    MemberParams: place::site(), organization(), email();
    TaggedParams: place::site(), place::project(), place::comment(), email();
    RequestParams: place::site(), place::project(), request();
}

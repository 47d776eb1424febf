//! `…/organizations/{organization}/members`: who is in an organization.

use crate::http::api::portal::place::{MemberParams, OrganizationParams, OrganizationPath};

super::people_calls! {
    place: OrganizationPath, path: "/v1/sites/{site}/organizations/{organization}/members", params: OrganizationParams,
    refusals: [SiteNotFound],
    list: ("list_organization_members", "List the members of an organization."),
    put: (
        "/v1/sites/{site}/organizations/{organization}/members/{email}", "put_organization_member",
        "Add a customer to an organization. An address without an account on the site gets one.", MemberParams
    ),
    delete: ("delete_organization_member", "Take a customer out of an organization. The account stays."),
}

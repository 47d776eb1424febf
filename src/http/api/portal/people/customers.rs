//! `…/projects/{project}/customers`: who is added to a project.

use crate::http::api::place::{ProjectParams, ProjectPath};
use crate::http::api::portal::place::CustomerParams;

super::people_calls! {
    place: ProjectPath, path: "/v1/sites/{site}/projects/{project}/customers", params: ProjectParams,
    refusals: [SiteNotFound, ProjectNotFound],
    list: ("list_project_customers", "List the customers who are added to a project."),
    put: (
        "/v1/sites/{site}/projects/{project}/customers/{email}", "put_project_customer",
        "Add a customer to a project. An address without an account on the site gets one.", CustomerParams
    ),
    delete: ("delete_project_customer", "Take a customer off a project. The account stays."),
}

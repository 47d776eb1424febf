//! The portal's side: settings of sites and projects, customers, requests.

pub mod customer_access;
pub mod customer_permissions;
pub mod downloads;
pub mod login_provider;
pub mod page;
pub mod people;
pub mod place;
pub mod requests;
pub mod sign_up;
pub mod titles;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::people::{accounts, customers, members, tagged};
use crate::app::App;
use crate::http::problem::{Code, Problem};

/// Every call of this part, with its description.
#[must_use]
pub fn calls() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(customer_access::get::get, customer_access::put::put))
        .routes(routes!(customer_permissions::get::get, customer_permissions::put::put))
        .routes(routes!(login_provider::get::get, login_provider::put::put, login_provider::delete::delete))
        .routes(routes!(downloads::post::post))
        .routes(routes!(sign_up::post::post))
        .routes(routes!(sign_up::redeem::post))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::put, accounts::delete))
        .routes(routes!(customers::list))
        .routes(routes!(customers::put, customers::delete))
        .routes(routes!(members::list))
        .routes(routes!(members::put, members::delete))
        .routes(routes!(tagged::list))
        .routes(routes!(tagged::put, tagged::delete))
        .routes(routes!(requests::list::list))
        .routes(routes!(requests::get::get, requests::put::put, requests::delete::delete))
}

/// A program writes from the address that a field names.
fn automatic_address(field: impl Into<String>, why: &str) -> Problem {
    let problem = Problem::invalid(field, why);
    Problem { code: Code::AutomaticAddress, ..problem }
}

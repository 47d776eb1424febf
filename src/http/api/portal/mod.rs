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

use utoipa_axum::routes;

use self::people::{accounts, customers, members, tagged};
use super::Call;
use crate::http::problem::{Code, Problem};

/// Every call of this part, with its description.
pub const CALLS: &[Call] = &[
    || routes!(customer_access::get::get, customer_access::put::put),
    || routes!(customer_permissions::get::get, customer_permissions::put::put),
    || routes!(login_provider::get::get, login_provider::put::put, login_provider::delete::delete),
    || routes!(downloads::post::post),
    || routes!(sign_up::post::post),
    || routes!(sign_up::redeem::post),
    || routes!(accounts::list),
    || routes!(accounts::put, accounts::delete),
    || routes!(customers::list),
    || routes!(customers::put, customers::delete),
    || routes!(members::list),
    || routes!(members::put, members::delete),
    || routes!(tagged::list),
    || routes!(tagged::put, tagged::delete),
    || routes!(requests::list::list),
    || routes!(requests::get::get, requests::put::put, requests::delete::delete),
];

/// A program writes from the address that a field names.
fn automatic_address(field: impl Into<String>, why: &str) -> Problem {
    let problem = Problem::invalid(field, why);
    Problem { code: Code::AutomaticAddress, ..problem }
}

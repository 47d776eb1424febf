//! `…/accounts`: the customers of a site.

use crate::domain::ids::SiteId;
use crate::http::api::place::SiteParams;
use crate::http::api::portal::place::AccountParams;

super::people_calls! {
    place: SiteId, path: "/v1/sites/{site}/accounts", params: SiteParams, refusals: [SiteNotFound],
    list: ("list_accounts", "List the accounts of a site: its customers."),
    put: (
        "/v1/sites/{site}/accounts/{email}", "put_account",
        "Give an address an account. Its owner signed up or answered: from then on the address is proved.", AccountParams
    ),
    delete: (
        "delete_account",
        "Take an account away. Its owner is no customer of any project and in no organization of the site any more."
    ),
}

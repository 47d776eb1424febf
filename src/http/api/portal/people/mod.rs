//! Lists of people: each has the same three calls, which `people_calls!` makes.

pub mod accounts;
mod calls;
pub mod customers;
pub mod members;
pub mod tagged;

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;

use calls::people_calls;

use super::page::MOST_PEOPLE;
use super::place::{PeoplePlace, PersonPath};
use crate::app::App;
use crate::audit;
use crate::domain::access::ApiKey;
use crate::domain::portal::EmailAddress;
use crate::http::problem::Problem;
use crate::store::AddPerson;

/// Somebody, by their address.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonListed {
    /// The address in the form in which it is compared.
    pub email: EmailAddress,
}

/// A page of people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PeoplePage {
    /// In the order of their addresses.
    pub people: Vec<PersonListed>,
    /// What to send as `after` for the next page; `null` on the last one.
    #[schema(required = true)]
    pub next: Option<EmailAddress>,
}

/// Which of them.
type Page = super::page::Page<EmailAddress, MOST_PEOPLE>;

async fn list(app: &App, place: &impl PeoplePlace, page: Page) -> Result<Json<PeoplePage>, Problem> {
    let people = app.store.people(&place.list(), page.after.as_ref(), page.one_more()).await?;
    let mut people = people.ok_or_else(Problem::site_not_found)?;
    let next = page.cut(&mut people, Clone::clone);
    Ok(Json(PeoplePage { people: people.into_iter().map(|email| PersonListed { email }).collect(), next }))
}

async fn add<P: PeoplePlace>(app: &Arc<App>, key: &ApiKey, place: PersonPath<P>) -> Result<Response, Problem> {
    let list = place.of.list();
    match app.store.add_person(&list, &place.email, app.clock.now()).await? {
        AddPerson::SiteNotFound => Err(Problem::site_not_found()),
        AddPerson::CommentDeleted => Err(Problem::comment_deleted()),
        AddPerson::Done { added } => {
            let status = if added { StatusCode::CREATED } else { StatusCode::OK };
            if added {
                audit::person_added(key.id, &list, &place.email);
            }
            Ok((status, Json(PersonListed { email: place.email })).into_response())
        }
    }
}

async fn remove<P: PeoplePlace>(app: &Arc<App>, key: &ApiKey, place: PersonPath<P>) -> Result<StatusCode, Problem> {
    let list = place.of.list();
    let removed = app.store.remove_person(&list, &place.email).await?;
    app.downloads.sweep_soon();
    if removed.ok_or_else(Problem::site_not_found)? {
        audit::person_removed(key.id, &list, &place.email);
    }
    Ok(StatusCode::NO_CONTENT)
}

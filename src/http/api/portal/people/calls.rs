//! The three calls of a list of people.

/// Makes `list`, `put` and `delete` of a list of people. Paths, names and texts differ; what they do is in the parent
/// module.
macro_rules! people_calls {
    (
        place: $place:ty, path: $path:tt, params: $params:ty, refusals: [$($refusal:ident),+],
        list: ($list_id:tt, $list_about:tt),
        put: ($put_path:tt, $put_id:tt, $put_about:tt, $put_params:ty),
        delete: ($delete_id:tt, $delete_about:tt),
    ) => {
        use std::sync::Arc;

        use axum::Json;
        use axum::extract::State;
        use axum::response::Response;
        use http::StatusCode;

        use super::{Page, PeoplePage, PersonListed};
        use crate::app::App;
        use crate::domain::portal::EmailAddress;
        use crate::http::api::caller::{Caller, Notify};
        use crate::http::api::json::NoBody;
        use crate::http::api::portal::place::PersonPath;
        use crate::http::openapi::refusals;
        use crate::http::problem::Problem;

        refusals!($($refusal),+);

        /// A body may be left out, but not be anything.
        pub mod with_body {
            crate::http::openapi::refusals!($($refusal),+; json);
        }

        #[doc = $list_about]
        #[utoipa::path(
            get, path = $path, operation_id = $list_id, tag = "portal",
            params(
                $params,
                ("limit" = Option<u64>, Query, description = "How many at most, 1 to 1,000. Left out: 100.", minimum = 1, maximum = 1000),
                ("after" = Option<EmailAddress>, Query, description = "Only those after this address: `next` of the page before."),
            ),
            responses((status = 200, description = "A page, in the order of the addresses.", body = PeoplePage), Refusals),
        )]
        pub async fn list(
            State(app): State<Arc<App>>,
            caller: Caller<Notify, $place>,
            page: Page,
        ) -> Result<Json<PeoplePage>, Problem> {
            super::list(&app, &caller.place, page).await
        }

        #[doc = $put_about]
        #[utoipa::path(
            put, path = $put_path, operation_id = $put_id, tag = "portal",
            params($put_params),
            responses(
                (status = 201, description = "Added.", body = PersonListed),
                (status = 200, description = "They were there already.", body = PersonListed),
                with_body::Refusals,
            ),
        )]
        pub async fn put(
            State(app): State<Arc<App>>,
            caller: Caller<Notify, PersonPath<$place>>,
            _: NoBody,
        ) -> Result<Response, Problem> {
            super::add(&app, &caller.key, caller.place).await
        }

        #[doc = $delete_about]
        #[utoipa::path(
            delete, path = $put_path, operation_id = $delete_id, tag = "portal",
            params($put_params),
            responses((status = 204, description = "They are not there, whether they were or not."), Refusals),
        )]
        pub async fn delete(
            State(app): State<Arc<App>>,
            caller: Caller<Notify, PersonPath<$place>>,
        ) -> Result<StatusCode, Problem> {
            super::remove(&app, &caller.key, caller.place).await
        }
    };
}
pub(super) use people_calls;

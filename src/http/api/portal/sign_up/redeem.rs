//! `POST /v1/sites/{site}/sign-up-tokens/redemptions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use crate::app::App;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::domain::portal::{EmailAddress, SignUpRefused};
use crate::domain::token::{SIGN_UP_PREFIX, parse};
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::SiteParams;
use crate::http::api::portal::people::PersonListed;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::store::Redeemed;

/// A token that somebody came with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedemptionPost {
    /// The token's text.
    token: String,
    /// The address that signs up.
    email: EmailAddress,
}

impl Accepted for RedemptionPost {}

refusals!(SiteNotFound, SignUpTokenNotFound, SignUpTokenUsed, PasswordResetRequired, RecoveryRequired; json);

/// Redeem a sign-up token. Its address then has an account, and is proved.
///
/// A token is redeemed once, whoever else tries at the same instant. After its life the answer is
/// `password_reset_required`.
#[utoipa::path(
    post, path = "/v1/sites/{site}/sign-up-tokens/redemptions", operation_id = "redeem_sign_up_token", tag = "portal",
    params(SiteParams),
    request_body(content = RedemptionPost, example = json!({"token": "als1_…", "email": "ana@customer.example"})),
    responses((status = 200, description = "Who signed up.", body = PersonListed), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, SiteId>,
    JsonBody(body): JsonBody<RedemptionPost>,
) -> Result<Json<PersonListed>, Problem> {
    let RedemptionPost { token, email } = body;
    let presented = parse(SIGN_UP_PREFIX, &token).map_err(|_| not_found())?;
    match app.store.redeem_sign_up(&caller.place, &presented, &email, app.clock.now()).await? {
        Redeemed::Done => {
            audit::signed_up(caller.key.id, &caller.place, presented.id, &email);
            Ok(Json(PersonListed { email }))
        }
        Redeemed::SiteNotFound => Err(Problem::site_not_found()),
        Redeemed::NotFound => Err(not_found()),
        Redeemed::Refused(SignUpRefused::Used) => {
            Err(Problem::new(Code::SignUpTokenUsed, "The token was redeemed before. Let its owner log in."))
        }
        Redeemed::Refused(SignUpRefused::Over) => Err(Problem::new(
            Code::PasswordResetRequired,
            "The token's life is over. Its owner must reset the password to get in.",
        )),
    }
}

fn not_found() -> Problem {
    Problem::new(Code::SignUpTokenNotFound, "No such token was made in this site for this address.")
}

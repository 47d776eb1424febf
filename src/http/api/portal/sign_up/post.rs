//! `POST /v1/sites/{site}/sign-up-tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::app::App;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::domain::portal::{EmailAddress, MAX_SIGN_UP_LIFETIME_HOURS, SIGN_UP_LIFETIME_HOURS};
use crate::domain::token::{SIGN_UP_PREFIX, mint};
use crate::http::api::caller::{Caller, Notify};
use crate::http::api::json::{Accepted, JsonBody, whole_number};
use crate::http::api::place::SiteParams;
use crate::http::api::portal::automatic_address;
use crate::http::api::timestamp::Timestamp;
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::store::NewSignUp;

/// Whom a token is to sign up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpTokenPost {
    /// The only address that it counts for.
    email: EmailAddress,
    /// How many hours it lives. Left out: 72.
    #[serde(default = "usual_hours", deserialize_with = "hours")]
    #[schema(value_type = u16, required = false, minimum = 1, maximum = 720, example = 72)]
    lifetime_hours: u16,
}

const fn usual_hours() -> u16 {
    SIGN_UP_LIFETIME_HOURS
}

fn hours<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let hours = u16::try_from(whole_number(from)?);
    hours.map_err(|_| serde::de::Error::custom(format_args!("must be 1 to {MAX_SIGN_UP_LIFETIME_HOURS} hours")))
}

impl Accepted for SignUpTokenPost {}

/// A sign-up token. Its text is the secret, and is shown this once: send it to the address, and nowhere else.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignUpTokenMade {
    /// The token.
    #[schema(example = "als1_…", pattern = "^als1_[A-Za-z0-9_-]{48}$")]
    pub token: String,
    /// Its public name, safe to log.
    #[schema(format = "uuid", example = "019e1e9c-7a00-7c3e-9a61-2f6f0b7d4c11")]
    pub token_id: String,
    /// The address that it counts for.
    pub email: EmailAddress,
    /// From when on it no longer counts.
    pub expires_at: Timestamp,
}

refusals!(SiteNotFound, AutomaticAddress; json);

/// Make a token that signs an address up, for a mail to that address.
///
/// It can be redeemed once, for that address only. It is no download link, and a download link is no such token.
#[utoipa::path(
    post, path = "/v1/sites/{site}/sign-up-tokens", operation_id = "make_sign_up_token", tag = "portal",
    params(SiteParams),
    request_body(content = SignUpTokenPost, example = json!({"email": "ana@customer.example"})),
    responses((status = 201, description = "The token.", body = SignUpTokenMade), Refusals),
)]
pub async fn post(
    State(app): State<Arc<App>>,
    caller: Caller<Notify, SiteId>,
    JsonBody(body): JsonBody<SignUpTokenPost>,
) -> Result<(StatusCode, Json<SignUpTokenMade>), Problem> {
    let SignUpTokenPost { email, lifetime_hours } = body;
    if !(1..=MAX_SIGN_UP_LIFETIME_HOURS).contains(&lifetime_hours) {
        let why = format_args!("must be 1 to {MAX_SIGN_UP_LIFETIME_HOURS} hours");
        return Err(Problem::invalid("lifetime_hours", why));
    }
    if app.settings.automatic_addresses.contains(&email) {
        return Err(automatic_address("email", "is an address that a program writes from"));
    }
    let minted = mint(SIGN_UP_PREFIX, app.clock.now());
    let expires_at = minted.id.issued_at() + Duration::hours(lifetime_hours.into());
    let new = NewSignUp { id: minted.id, hash: minted.hash, email: email.clone(), expires_at };
    if !app.store.create_sign_up(&caller.place, &new).await? {
        return Err(Problem::site_not_found());
    }
    audit::sign_up_token_made(caller.key.id, &caller.place, minted.id, &email);
    let (token, token_id) = (minted.reveal().to_owned(), minted.id.to_string());
    Ok((StatusCode::CREATED, Json(SignUpTokenMade { token, token_id, email, expires_at: Timestamp(expires_at) })))
}

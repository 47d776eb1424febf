//! `PUT /v1/sites/{site}/login-provider`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ShownLoginProvider;
use crate::app::App;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::domain::portal::{ClientId, ClientSecret, InvalidIssuer, Issuer};
use crate::http::api::caller::{Admin, Caller};
use crate::http::api::json::{Accepted, JsonBody};
use crate::http::api::place::SiteParams;
use crate::http::openapi::refusals;
use crate::http::problem::{Code, Problem};
use crate::login::{PortalKey, secret};

/// An issuer as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct IssuerField(Issuer);

impl TryFrom<String> for IssuerField {
    type Error = InvalidIssuer;
    fn try_from(text: String) -> Result<Self, InvalidIssuer> {
        Issuer::parse(&text).map(Self)
    }
}

/// A client id as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct ClientIdField(ClientId);

impl TryFrom<String> for ClientIdField {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.try_into().map(Self)
    }
}

/// A client secret as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct SecretField(ClientSecret);

impl TryFrom<String> for SecretField {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.try_into().map(Self)
    }
}

/// A login provider, as it is to be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginProviderPut {
    /// The provider's name for itself, below which its `.well-known/openid-configuration` is.
    #[schema(value_type = String, format = "uri", max_length = 2000)]
    issuer: IssuerField,
    /// The service's name there.
    #[schema(value_type = String, min_length = 1, max_length = 2000)]
    client_id: ClientIdField,
    /// Its password there. It is kept sealed, and never shown.
    #[schema(value_type = String, min_length = 1, max_length = 2000, format = "password")]
    client_secret: SecretField,
}

impl Accepted for LoginProviderPut {}

refusals!(SiteNotFound, LoginNotSetUp; json);

/// Set the `OpenID Connect` provider that a site's customers log in with to download.
///
/// From then on emails lead to the file by a login at this service. Whoever logged in by earlier settings is logged in
/// no more when the answer comes. The provider has to know the answer's `redirect_url`, and to vouch for email addresses
/// (`email` and `email_verified`).
#[utoipa::path(
    put, path = "/v1/sites/{site}/login-provider", operation_id = "put_login_provider", tag = "portal",
    params(SiteParams),
    request_body(content = LoginProviderPut, example = json!({
        "issuer": "https://login.acme.example", "client_id": "attachlink", "client_secret": "what-the-provider-gave",
    })),
    responses((status = 200, description = "The login provider as it is now.", body = ShownLoginProvider), Refusals),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, SiteId>,
    JsonBody(body): JsonBody<LoginProviderPut>,
) -> Result<Json<ShownLoginProvider>, Problem> {
    let (site, IssuerField(issuer), ClientIdField(client_id)) = (&caller.place, body.issuer, body.client_id);
    let key = must_be_set_up(&app)?;
    if issuer.is_plain() && !app.settings.is_plain_loopback() {
        return Err(Problem::invalid("issuer", InvalidIssuer::Scheme));
    }
    let sealed = secret::seal(key, site, &issuer, &client_id, &body.client_secret.0);
    let before = app.store.set_login_provider(site, &issuer, &client_id, &sealed).await?;
    before.ok_or_else(Problem::site_not_found)?;
    app.downloads.sweep_soon();
    // Also when only the secret is another one.
    audit::setting_changed(caller.key.id, site, None, "login_provider", issuer.as_str());
    Ok(Json(ShownLoginProvider::of(&app, site, &issuer, &client_id)))
}

/// A login needs a key that all replicas share, and TLS before the service.
fn must_be_set_up(app: &App) -> Result<&PortalKey, Problem> {
    let not_set_up = |why| Problem::new(Code::LoginNotSetUp, why);
    if !app.settings.public_url.starts_with("https:") && !app.settings.is_plain_loopback() {
        return Err(not_set_up(
            "People log in over https only: the operator has to set `public_url` to such an address.",
        ));
    }
    app.login.key.as_ref().ok_or_else(|| not_set_up("The operator has to set `portal_key`, the same for all replicas."))
}

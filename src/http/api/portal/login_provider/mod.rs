//! The `OpenID Connect` provider that a site's customers log in with.

pub mod delete;
pub mod get;
pub mod put;

use serde::Serialize;

use crate::app::App;
use crate::domain::ids::SiteId;
use crate::domain::portal::{ClientId, Issuer};
use crate::http::problem::{Code, Problem};

/// A login provider as the API shows it: all but the secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShownLoginProvider {
    /// The provider.
    #[schema(format = "uri", example = "https://login.acme.example")]
    pub issuer: String,
    /// The service's name there.
    #[schema(example = "attachlink")]
    pub client_id: String,
    /// Where the provider sends customers back to: register exactly this address there.
    #[schema(format = "uri", example = "https://files.acme.example/p/acme/logged-in")]
    pub redirect_url: String,
}

impl ShownLoginProvider {
    fn of(app: &App, site: &SiteId, issuer: &Issuer, client_id: &ClientId) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            client_id: client_id.as_str().to_owned(),
            redirect_url: app.settings.login_redirect(site),
        }
    }
}

fn not_found() -> Problem {
    Problem::new(Code::LoginProviderNotFound, "The site has no login provider: emails lead to its `portal_url`.")
}

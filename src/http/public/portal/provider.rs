//! A site's login provider, with its secret opened.

use crate::app::App;
use crate::domain::ids::SiteId;
use crate::domain::portal::{LoginProvider, ProviderNumber};
use crate::http::problem::{Code, Problem};
use crate::http::public::refuse::Refusal;
use crate::logging::causes;
use crate::login::{LoginError, PortalKey, secret};

/// A site's provider, in the settings that it has now.
pub(super) struct InForce<'a> {
    pub(super) key: &'a PortalKey,
    pub(super) number: ProviderNumber,
    pub(super) provider: LoginProvider,
    /// Where the provider sends customers back to. It is each site's own: a code of another site's provider ends there.
    pub(super) redirect: String,
}

/// Reads it. A site without one looks like one that does not exist.
pub(super) async fn of<'a>(app: &'a App, site: &SiteId) -> Result<InForce<'a>, Refusal> {
    let stored = app.store.login_provider(site).await.map_err(|error| Refusal::new(Problem::from(error).code))?;
    let (Some(stored), Some(key)) = (stored.flatten(), &app.login.key) else {
        return Err(Refusal::new(Code::NotFound));
    };
    let Some(client_secret) = secret::open(key, site, &stored.issuer, &stored.client_id, &stored.sealed_secret) else {
        tracing::error!(%site, "the login provider's secret was sealed under another portal_key: set it again");
        return Err(Refusal::new(Code::LoginProviderFailed));
    };
    let provider = LoginProvider { issuer: stored.issuer, client_id: stored.client_id, client_secret };
    Ok(InForce { key, number: stored.number, provider, redirect: app.settings.login_redirect(site) })
}

/// What a login that came to nothing is to the customer.
pub(super) fn refused(site: &SiteId, error: &LoginError) -> Refusal {
    let code = match error {
        LoginError::Down(_) => Code::LoginProviderUnavailable,
        LoginError::Wrong(_) => Code::LoginProviderFailed,
        LoginError::CodeRefused => Code::LoginFailed,
        LoginError::NoVerifiedEmail => Code::LoginRefused,
    };
    tracing::warn!(%site, error = %causes(error), "a login came to nothing");
    Refusal::new(code)
}

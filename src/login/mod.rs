//! Logging in by a site's `OpenID Connect` provider: authorization code with PKCE.
//!
//! Nothing of a login is kept here. What has to last until the customer comes back is in a cookie of their browser,
//! sealed by the [`PortalKey`] that all replicas share; so any of them may finish what another began.

mod failure;
mod internal;
mod provider;
mod seal;
pub mod secret;
mod wire;

pub use failure::LoginError;
pub use internal::ProviderAddresses;
pub use provider::{Begun, Providers, Returned};
pub use seal::{Kind, PortalKey, random, random_text};
pub use wire::NoAnswer;

/// What logging in needs.
pub struct Login {
    /// What cookies and secrets are sealed with. `None`: nobody has set one, and nobody can log in.
    pub key: Option<PortalKey>,
    /// The talk with providers.
    pub providers: Providers,
}

impl Login {
    /// Nothing of it has been asked for yet.
    #[must_use]
    pub fn with(key: Option<PortalKey>, addresses: ProviderAddresses) -> Self {
        Self { key, providers: Providers::at(addresses) }
    }
}

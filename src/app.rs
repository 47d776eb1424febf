//! What every request handler shares.

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::domain::filename;
use crate::domain::ids::{AttachmentPath, SiteId};
use crate::domain::portal::{AutomaticAddresses, Issuer, Target};
use crate::liveness::Downloads;
use crate::login::Login;
use crate::metrics::Metrics;
use crate::objects::ObjectStore;
use crate::store::Store;

/// The service's state: handles only; what must last is in the store.
pub struct App {
    /// What must last.
    pub store: Store,
    /// Where bytes live.
    pub objects: ObjectStore,
    /// Tells the time.
    pub clock: SharedClock,
    /// What operators read.
    pub metrics: Arc<Metrics>,
    /// The operator's choices.
    pub settings: AppSettings,
    /// The running downloads of this process.
    pub downloads: Arc<Downloads>,
    /// Logging in to download.
    pub login: Login,
}

/// The operator's choices that requests depend on.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// The base of links, without a slash at its end.
    pub public_url: String,
    /// The base of the api listener's addresses, without a slash at its end.
    pub api_url: String,
    /// An email below this many octets carries its images (product: *The email decision*).
    pub inline_limit: u64,
    /// The names that programs write from.
    pub automatic_addresses: AutomaticAddresses,
    /// The largest upload, in octets; `None`: no limit.
    pub max_upload_octets: Option<u64>,
}

impl AppSettings {
    /// The URL of a link. It shows nothing but the token and the file's name (product, rule 9).
    #[must_use]
    pub fn link_url(&self, token: &str, given_filename: &str) -> String {
        format!("{}/a/{token}/{}", self.public_url, filename::url_segment(given_filename))
    }

    /// Where a customer logs in to download an attachment.
    #[must_use]
    pub fn portal_download_url(&self, path: &AttachmentPath) -> String {
        format!("{}{}", self.public_url, Target::of(path).path())
    }

    /// Where a site's login provider sends customers back to.
    #[must_use]
    pub fn login_redirect(&self, site: &SiteId) -> String {
        format!("{}/p/{site}/logged-in", self.public_url)
    }

    /// Whether people reach the service by `https`.
    #[must_use]
    pub fn is_reached_by_tls(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// Whether people reach the service on their own machine and without TLS, as developers do.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        self.public_url.starts_with("http:") && Issuer::parse(&self.public_url).is_ok()
    }
}

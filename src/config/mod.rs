//! The configuration: flags over environment over one TOML file over defaults, checked whole at the start.
//!
//! Every setting has one name: `public_listen` in the file, `ATTACHLINK_PUBLIC_LISTEN` in the environment and, where it
//! has a flag, `--public-listen`. A secret can also come from a file that `…_FILE` names. Secrets appear neither in
//! `Debug` nor in errors nor in what `check-config` prints.

mod layers;
mod parse;
mod problem;
mod reader;
mod settings;
mod show;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use layers::{Environment, Flags};
pub use problem::ConfigError;

use crate::domain::brand::Brand;
use crate::domain::portal::AutomaticAddresses;
use crate::edge::{Patience, TrustedProxies};
use crate::login::ProviderAddresses;
use crate::objects::S3Settings;
use crate::store::{DatabaseUrl, ServerOptions};
use layers::Layers;
pub(crate) use parse::MIN_PORTAL_KEY_OCTETS;
use reader::Reader;
use show::InForce;

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the embedded default lives: `ATTACHLINK_DATA_DIR`, `./data`.
    pub data_dir: PathBuf,
    /// What every listener grants a connection.
    pub edge: Edge,
    /// The listener that recipients reach.
    pub public: Public,
    /// The listener of the help desk and the notification service.
    pub api: Api,
    /// The listener of the operators.
    pub ops: Ops,
    /// What must last.
    pub database: Database,
    /// Where bytes live.
    pub objects: Objects,
    /// The email decision.
    pub email: Email,
    /// The portal's side.
    pub portal: Portal,
    /// `ATTACHLINK_BRAND_NAME`, `ATTACHLINK_BRAND_COLOR`, `ATTACHLINK_SUPPORT_ADDRESS`: how pages present the operator.
    pub brand: Brand,
    /// Running downloads.
    pub downloads: Downloads,
    /// What is written to standard error.
    pub log: Log,
    in_force: Vec<InForce>,
    notes: Vec<String>,
}

/// What every listener grants a connection.
#[derive(Debug, Clone)]
pub struct Edge {
    /// `ATTACHLINK_MAX_CONNECTIONS`, 10000: how many connections a listener holds at once.
    pub max_connections: usize,
    /// `ATTACHLINK_MAX_CONNECTIONS_PER_CLIENT`, 2048: how many of them may be one client's. `None` (0): all.
    pub max_connections_per_client: Option<usize>,
    /// `ATTACHLINK_HEADER_TIMEOUT_SECONDS`, 10; `ATTACHLINK_IDLE_TIMEOUT_SECONDS`, 75;
    /// `ATTACHLINK_STALL_TIMEOUT_SECONDS`, 60; `ATTACHLINK_MIN_RATE_OCTETS_PER_SECOND`, 1024 (0: none), over
    /// `ATTACHLINK_MIN_RATE_SECONDS`, 60.
    pub patience: Patience,
    /// `ATTACHLINK_TRUSTED_PROXIES`, addresses and networks with commas between them; `ATTACHLINK_TRUSTED_PROXY_HOPS`, 1.
    pub proxies: TrustedProxies,
}

/// The listener that recipients reach.
#[derive(Debug, Clone)]
pub struct Public {
    /// `ATTACHLINK_PUBLIC_LISTEN`, `127.0.0.1:8080`. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// `ATTACHLINK_PUBLIC_URL`: the base of links, ending with a slash. `None`: the public listener's own address.
    pub url: Option<url::Url>,
    /// How often a client may ask for what is not there; `None`: as often as it likes.
    pub not_found: Option<NotFoundQuota>,
}

/// How often a client may ask for what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFoundQuota {
    /// `ATTACHLINK_NOT_FOUND_PER_MINUTE`, 600 (0: no limit): in the long run.
    pub per_minute: NonZeroU32,
    /// `ATTACHLINK_NOT_FOUND_BURST`, 600: at once, after a while without.
    pub burst: NonZeroU32,
}

/// The listener of the help desk.
#[derive(Debug, Clone)]
pub struct Api {
    /// `ATTACHLINK_API_LISTEN`, `127.0.0.1:8081`.
    pub listen: SocketAddr,
    /// `ATTACHLINK_API_URL`: the base of its addresses, ending with a slash. `None`: the listener's own address.
    pub url: Option<url::Url>,
    /// `ATTACHLINK_MAX_UPLOAD_OCTETS`: the largest upload; `None`: no limit.
    pub max_upload_octets: Option<u64>,
}

/// The listener of the operators.
#[derive(Debug, Clone)]
pub struct Ops {
    /// `ATTACHLINK_OPS_LISTEN`, `127.0.0.1:9090`.
    pub listen: SocketAddr,
}

/// What must last.
#[derive(Debug, Clone)]
pub struct Database {
    /// `ATTACHLINK_DATABASE_URL` or `ATTACHLINK_DATABASE_URL_FILE`, `sqlite:DATA_DIR/attachlink.db`.
    pub url: DatabaseUrl,
    /// For a database on a server: `ATTACHLINK_DATABASE_POOL_SIZE`, 16; `ATTACHLINK_DATABASE_STATEMENT_TIMEOUT_MS`, 5000;
    /// `ATTACHLINK_DATABASE_POOLER`, `none` or `transaction`.
    pub server: ServerOptions,
    /// Whether `serve` migrates at the start; `--no-migrate` refuses an old schema instead.
    pub migrate: bool,
}

/// Where bytes live.
#[derive(Debug, Clone)]
pub struct Objects {
    /// `ATTACHLINK_OBJECTS`, `file:DATA_DIR/objects`.
    pub location: ObjectsLocation,
}

/// A kind of object store, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectsLocation {
    /// `file:DIR`: a local directory.
    Local(PathBuf),
    /// `s3://BUCKET[/PREFIX]`: a bucket, with `ATTACHLINK_S3_…` and the usual variables of AWS.
    S3(Box<S3Settings>),
}

/// The email decision.
#[derive(Debug, Clone)]
pub struct Email {
    /// `ATTACHLINK_INLINE_LIMIT`, 6291456 octets: an email is inline while it is smaller than this.
    pub inline_limit: u64,
}

/// The portal's side.
#[derive(Debug, Clone)]
pub struct Portal {
    /// `ATTACHLINK_AUTOMATIC_ADDRESSES`: names before the `@`, with commas between them, that programs write from.
    pub automatic_addresses: AutomaticAddresses,
    /// `ATTACHLINK_PORTAL_KEY` or `ATTACHLINK_PORTAL_KEY_FILE`: what logins are sealed with, the same for all replicas.
    /// `None`: with an embedded database, a key of its own in `DATA_DIR/portal-key`; else nobody can log in.
    pub key: Option<PortalSecret>,
    /// `ATTACHLINK_LOGIN_PROVIDER_ADDRESSES`, `public`: where login providers may be.
    pub provider_addresses: ProviderAddresses,
}

/// A secret text that a key is made from. Silent in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PortalSecret(String);

impl PortalSecret {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PortalSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortalSecret(…)")
    }
}

/// Running downloads.
#[derive(Debug, Clone)]
pub struct Downloads {
    /// `ATTACHLINK_LIVENESS_DEADLINE_MS`, 2000: how long the database may be silent before a download is refused.
    pub liveness_deadline: Duration,
    /// `ATTACHLINK_CACHE_BYTES`, 67108864: memory for the bytes of small objects that many ask for. Of uploads on a local
    /// disk the files stay open instead, each of which counts as an 8,192th of it or more. 0: none.
    pub cache_octets: u64,
    /// `ATTACHLINK_DRAIN_SECONDS`, 30: how long running downloads may take to end when the service stops.
    pub drain: Duration,
}

/// What is written to standard error.
#[derive(Debug, Clone)]
pub struct Log {
    /// `ATTACHLINK_LOG`: a `tracing` filter. `None`: each command's own default, for `serve` [`DEFAULT_FILTER`](crate::logging::DEFAULT_FILTER).
    pub filter: Option<String>,
    /// `ATTACHLINK_LOG_FORMAT`, `text`.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The variable that sets what `key` sets in the TOML file; `None` where that is no key of it.
#[must_use]
pub fn variable_of(key: &str) -> Option<String> {
    layers::is_of_file(key).then(|| settings::variable(key))
}

impl Config {
    /// Reads all layers and checks everything.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let layers = Layers::read(flags, environment)?;
        let notes = layers.unknown_variables();
        let notes = notes.iter().map(|name| format!("{name} is no variable of attachlink and is ignored")).collect();
        Reader::of(layers).config(notes)
    }

    /// What the operator should know although nothing is wrong.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What is in force as TOML, each line with where it comes from; secrets are hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        show::toml(&self.in_force)
    }
}

impl Public {
    /// Links that nobody else can open are no error on a developer's machine, and a surprise anywhere else.
    fn note(&self) -> Option<String> {
        (self.url.is_none() && !self.listen.ip().is_loopback()).then(|| {
            format!(
                "public_url is not set, so links start with http://{}/; set it to the address people reach",
                self.listen
            )
        })
    }
}

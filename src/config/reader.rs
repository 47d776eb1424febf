//! Reads every setting, section by section, and collects what is wrong.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::layers::{Layers, Source};
use super::parse::Place;
use super::problem::{ConfigError, Problem};
use super::settings::{self, Setting};
use super::show::InForce;
use super::{
    Api, Config, Database, Downloads, Edge, Email, Log, NotFoundQuota, Objects, ObjectsLocation, Ops, Portal, Public,
    parse,
};
use crate::domain::brand::Brand;
use crate::edge::{MinRate, Patience, TrustedProxies};
use crate::logging::DEFAULT_FILTER;
use crate::objects::{KeyPair, S3Settings};
use crate::store::{DatabaseUrl, ServerOptions};

/// The largest number that every JSON reader keeps exactly (RFC 8259 section 6).
const MAX_EXACT: u64 = (1 << 53) - 1;
const MAX_CONNECTIONS: u64 = 1_000_000;
/// A limit on waiting that is longer than this is none.
const MAX_TIMEOUT_SECONDS: u64 = 3600;
/// A gigabyte a second: nobody is that fast, but nobody has to be told either.
const MAX_MIN_RATE: u64 = 1 << 30;
/// More proxies in a row than anybody has.
const MAX_PROXY_HOPS: u64 = 16;
const MAX_NOT_FOUND: u64 = 1_000_000;
const MAX_DRAIN_SECONDS: u64 = 24 * 60 * 60;
/// Under 10 ms a busy database would look dead; over 30 s a download is cut before its question is answered.
const LIVENESS_DEADLINE_RANGE_MS: RangeInclusive<u64> = 10..=30_000;
const MAX_POOL_SIZE: u64 = 1000;
/// Under 100 ms a busy server could commit nothing; over a minute a caller has long given up.
const STATEMENT_TIMEOUT_RANGE_MS: RangeInclusive<u64> = 100..=60_000;

/// Under a tenth of a second a busy store would look dead; over a minute a cut is noticed by people first.
const S3_READ_TIMEOUT_RANGE_MS: RangeInclusive<u64> = 100..=60_000;
const MAX_S3_MEND_SECONDS: u64 = 300;

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Reads settings one by one, keeps what is in force, and collects what is wrong.
pub(super) struct Reader<'a> {
    layers: Layers<'a>,
    in_force: Vec<InForce>,
    problems: Vec<Problem>,
    /// Under which name each setting was set.
    names: Vec<(&'static str, String)>,
}

/// A setting was refused, and why is among the problems.
struct Refused;

impl<'a> Reader<'a> {
    pub(super) fn of(layers: Layers<'a>) -> Self {
        Self { layers, in_force: Vec::new(), problems: Vec::new(), names: Vec::new() }
    }

    /// The whole configuration, or everything that is wrong.
    pub(super) fn config(mut self, notes: Vec<String>) -> Result<Config, ConfigError> {
        match self.sections(notes) {
            Ok(config) if self.problems.is_empty() => Ok(config),
            _ => Err(self.problems.into()),
        }
    }

    fn refuse(&mut self, name: String, text: impl Into<String>) -> Refused {
        self.problems.push(Problem::new(name, text));
        Refused
    }

    /// A setting that may be unset. `derived` stands in where nobody set it.
    fn optional<T>(
        &mut self,
        setting: &'static Setting,
        derived: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refused> {
        let written = self.layers.value(setting).map_err(|problem| {
            self.problems.push(problem);
            Refused
        })?;
        let (text, source) = match (written, derived) {
            (Some(written), _) => (written.text, written.source),
            (None, Some(derived)) => (derived, Source::Default),
            (None, None) => {
                self.in_force.push(InForce::unset(setting));
                return Ok(None);
            }
        };
        let name = source.name_of(setting);
        let value = parse(&text).map_err(|error| self.refuse(name.clone(), error))?;
        self.in_force.push(InForce::set(setting, &text, &source));
        self.names.push((setting.key, name));
        Ok(Some(value))
    }

    /// A setting that always has a value.
    fn required<T>(
        &mut self,
        setting: &'static Setting,
        derived: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Refused> {
        self.optional(setting, derived, parse)?.ok_or_else(|| self.refuse(setting.key.to_owned(), "must be set"))
    }

    fn number(&mut self, setting: &'static Setting, range: RangeInclusive<u64>, unit: &str) -> Result<u64, Refused> {
        self.required(setting, None, |text| parse::number(text, range, unit))
    }

    fn sections(&mut self, mut notes: Vec<String>) -> Result<Config, Refused> {
        let data_dir = self.required(&settings::DATA_DIR, None, parse::directory);
        // Something must stand for a wrong directory, so that the settings under it are still checked.
        let under = data_dir.as_deref().unwrap_or(Path::new("")).to_owned();
        // Every section is read before the first wrong one ends this: a person wants all problems in one go.
        let edge = self.edge();
        let (public, api, ops) = (self.public(), self.api(), self.ops());
        let (database, objects) = (self.database(&under), self.objects(&under));
        let (email, portal, brand) = (self.email(), self.portal(), self.brand());
        let (downloads, log) = (self.downloads(), self.log());
        if let (Ok(public), Ok(api), Ok(ops)) = (&public, &api, &ops) {
            self.refuse_shared_addresses([
                (&settings::PUBLIC_LISTEN, public.listen),
                (&settings::API_LISTEN, api.listen),
                (&settings::OPS_LISTEN, ops.listen),
            ]);
        }
        let public = public?;
        notes.extend(public.note());
        Ok(Config {
            data_dir: data_dir?,
            edge: edge?,
            public,
            api: api?,
            ops: ops?,
            database: database?,
            objects: objects?,
            email: email?,
            portal: portal?,
            brand: brand?,
            downloads: downloads?,
            log: log?,
            in_force: std::mem::take(&mut self.in_force),
            notes,
        })
    }

    fn public(&mut self) -> Result<Public, Refused> {
        let listen = self.required(&settings::PUBLIC_LISTEN, None, parse::address);
        let url = self.optional(&settings::PUBLIC_URL, None, parse::public_url);
        let not_found = self.not_found();
        Ok(Public { listen: listen?, url: url?, not_found: not_found? })
    }

    fn not_found(&mut self) -> Result<Option<NotFoundQuota>, Refused> {
        let per_minute = self.number(&settings::NOT_FOUND_PER_MINUTE, 0..=MAX_NOT_FOUND, "requests a minute");
        let burst = self.number(&settings::NOT_FOUND_BURST, 1..=MAX_NOT_FOUND, "requests");
        let whole = |number: u64| u32::try_from(number).ok().and_then(NonZeroU32::new);
        Ok(whole(per_minute?).zip(whole(burst?)).map(|(per_minute, burst)| NotFoundQuota { per_minute, burst }))
    }

    fn edge(&mut self) -> Result<Edge, Refused> {
        let max_connections = self.number(&settings::MAX_CONNECTIONS, 1..=MAX_CONNECTIONS, "connections");
        let per_client = self.number(&settings::MAX_CONNECTIONS_PER_CLIENT, 0..=MAX_CONNECTIONS, "connections");
        let patience = self.patience();
        let networks = self.optional(&settings::TRUSTED_PROXIES, None, parse::networks);
        let hops = self.number(&settings::TRUSTED_PROXY_HOPS, 1..=MAX_PROXY_HOPS, "proxies");
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Edge {
            max_connections: size(max_connections?),
            max_connections_per_client: Some(size(per_client?)).filter(|most| *most > 0),
            patience: patience?,
            proxies: TrustedProxies { networks: networks?.unwrap_or_default(), hops: size(hops?) },
        })
    }

    fn patience(&mut self) -> Result<Patience, Refused> {
        let mut seconds = |setting| self.number(setting, 1..=MAX_TIMEOUT_SECONDS, "seconds").map(Duration::from_secs);
        let header = seconds(&settings::HEADER_TIMEOUT_SECONDS);
        let idle = seconds(&settings::IDLE_TIMEOUT_SECONDS);
        let stall = seconds(&settings::STALL_TIMEOUT_SECONDS);
        let over = seconds(&settings::MIN_RATE_SECONDS);
        let rate = self.number(&settings::MIN_RATE_OCTETS_PER_SECOND, 0..=MAX_MIN_RATE, "octets a second");
        let (rate, over) = (rate?, over?);
        let rate = (rate > 0).then_some(MinRate { octets_per_second: rate, over });
        Ok(Patience { header: header?, idle: idle?, stall: stall?, rate })
    }

    fn api(&mut self) -> Result<Api, Refused> {
        let listen = self.required(&settings::API_LISTEN, None, parse::address);
        let url = self.optional(&settings::API_URL, None, parse::public_url);
        let octets = |text: &str| parse::number(text, 1..=MAX_EXACT, "octets");
        let max_upload_octets = self.optional(&settings::MAX_UPLOAD_OCTETS, None, octets);
        Ok(Api { listen: listen?, url: url?, max_upload_octets: max_upload_octets? })
    }

    fn ops(&mut self) -> Result<Ops, Refused> {
        Ok(Ops { listen: self.required(&settings::OPS_LISTEN, None, parse::address)? })
    }

    fn database(&mut self, data_dir: &Path) -> Result<Database, Refused> {
        let default = format!("sqlite:{}", data_dir.join("attachlink.db").display());
        let url = self.required(&settings::DATABASE_URL, Some(default), |text| {
            text.parse::<DatabaseUrl>().map_err(|error| error.to_string())
        });
        let pool_size = self.number(&settings::DATABASE_POOL_SIZE, 1..=MAX_POOL_SIZE, "connections");
        let timeout_ms =
            self.number(&settings::DATABASE_STATEMENT_TIMEOUT_MS, STATEMENT_TIMEOUT_RANGE_MS, "milliseconds");
        let behind_pooler = self.required(&settings::DATABASE_POOLER, None, parse::pooler);
        let server = ServerOptions {
            pool_size: usize::try_from(pool_size?).unwrap_or(usize::MAX),
            statement_timeout: Duration::from_millis(timeout_ms?),
            behind_pooler: behind_pooler?,
        };
        Ok(Database { url: url?, server, migrate: true })
    }

    fn objects(&mut self, data_dir: &Path) -> Result<Objects, Refused> {
        let default = format!("file:{}", data_dir.join("objects").display());
        let place = self.required(&settings::OBJECTS, Some(default), parse::objects);
        let endpoint = self.optional(&settings::S3_ENDPOINT, None, parse::endpoint);
        let region = self.optional(&settings::S3_REGION, None, parse::word);
        let read_timeout_ms = self.number(&settings::S3_READ_TIMEOUT_MS, S3_READ_TIMEOUT_RANGE_MS, "milliseconds");
        let mend_seconds = self.number(&settings::S3_MEND_SECONDS, 0..=MAX_S3_MEND_SECONDS, "seconds");
        let location = match place? {
            Place::Directory(directory) => ObjectsLocation::Local(directory),
            Place::Bucket { bucket, prefix } => ObjectsLocation::S3(Box::new(S3Settings {
                bucket,
                prefix,
                key_pair: self.key_pair()?,
                endpoint: endpoint?,
                region: region?,
                read_timeout: Duration::from_millis(read_timeout_ms?),
                mend_limit: Duration::from_secs(mend_seconds?),
            })),
        };
        Ok(Objects { location })
    }

    /// The key pair in AWS's own variables, or in the files that their `_FILE` forms name. Without one, the SDK looks
    /// further: profile, web identity, container, instance.
    fn key_pair(&mut self) -> Result<Option<KeyPair>, Refused> {
        let mut read = |variable| {
            self.layers.foreign_secret(variable).map_err(|problem| {
                self.problems.push(problem);
                Refused
            })
        };
        let (id, secret, session_token) = (read(KEY_ID), read(SECRET_KEY), read(SESSION_TOKEN));
        let (id, secret, session_token) = (id?, secret?, session_token?);
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Some(KeyPair { id, secret, session_token })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.refuse(SECRET_KEY.to_owned(), format!("must be set too, since {KEY_ID} is"))),
            (None, Some(_)) => Err(self.refuse(KEY_ID.to_owned(), format!("must be set too, since {SECRET_KEY} is"))),
        }
    }

    fn email(&mut self) -> Result<Email, Refused> {
        Ok(Email { inline_limit: self.number(&settings::INLINE_LIMIT, 0..=MAX_EXACT, "octets")? })
    }

    fn portal(&mut self) -> Result<Portal, Refused> {
        let automatic_addresses = self.required(&settings::AUTOMATIC_ADDRESSES, None, parse::automatic_addresses);
        let key = self.optional(&settings::PORTAL_KEY, None, parse::portal_key);
        let addresses = self.required(&settings::LOGIN_PROVIDER_ADDRESSES, None, parse::provider_addresses);
        Ok(Portal { automatic_addresses: automatic_addresses?, key: key?, provider_addresses: addresses? })
    }

    fn brand(&mut self) -> Result<Brand, Refused> {
        let name = self.optional(&settings::BRAND_NAME, None, parse::of_domain);
        let color = self.optional(&settings::BRAND_COLOR, None, parse::of_domain);
        let support = self.optional(&settings::SUPPORT_ADDRESS, None, parse::of_domain);
        Ok(Brand { name: name?, color: color?, support: support? })
    }

    fn downloads(&mut self) -> Result<Downloads, Refused> {
        let deadline_ms = self.number(&settings::LIVENESS_DEADLINE_MS, LIVENESS_DEADLINE_RANGE_MS, "milliseconds");
        let cache_octets = self.number(&settings::CACHE_BYTES, 0..=MAX_EXACT, "octets");
        let drain_seconds = self.number(&settings::DRAIN_SECONDS, 0..=MAX_DRAIN_SECONDS, "seconds");
        Ok(Downloads {
            liveness_deadline: Duration::from_millis(deadline_ms?),
            cache_octets: cache_octets?,
            drain: Duration::from_secs(drain_seconds?),
        })
    }

    fn log(&mut self) -> Result<Log, Refused> {
        let mut given = true;
        let filter = match self.layers.value(&settings::LOG) {
            Ok(None) => {
                given = false;
                self.required(&settings::LOG, Some(DEFAULT_FILTER.to_owned()), parse::log_filter)
            }
            _ => self.required(&settings::LOG, None, parse::log_filter),
        };
        let format = self.required(&settings::LOG_FORMAT, None, parse::log_format);
        Ok(Log { filter: Some(filter?).filter(|_| given), format: format? })
    }

    /// Two listeners cannot have one address; port 0 is a new one each time.
    fn refuse_shared_addresses(&mut self, listeners: [(&'static Setting, SocketAddr); 3]) {
        for (index, (setting, address)) in listeners.iter().enumerate() {
            let same = listeners[..index].iter().find(|(_, other)| other == address && address.port() != 0);
            if let Some((other, _)) = same {
                let name = self.name_of(setting.key);
                let text =
                    format!("is {address}, and so is {}; give each listener its own port", self.name_of(other.key));
                self.problems.push(Problem::new(name, text));
            }
        }
    }

    fn name_of(&self, key: &'static str) -> String {
        self.names.iter().find(|(known, _)| *known == key).map_or(key.to_owned(), |(_, name)| name.clone())
    }
}

//! The table of settings: what can be set, and what it is called in each place.

use crate::domain::portal::AutomaticAddresses;

/// How a setting is written in the TOML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string.
    Text,
    /// A whole number.
    Number,
}

/// One setting. Its names follow from its key: `public_listen` is `ATTACHLINK_PUBLIC_LISTEN` in the environment and
/// `--public-listen` on the command line.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its name in the TOML file.
    pub(super) key: &'static str,
    /// How the TOML file writes it.
    pub(super) form: Form,
    /// What holds when nobody sets it; `None` where that follows from something else, or is "unset".
    pub(super) default: Option<&'static str>,
    /// Whether it may hold a secret: then it can also come from a file that `…_FILE` names, and is never shown whole.
    pub(super) secret: bool,
    /// What being unset means, for `check-config`.
    pub(super) unset: &'static str,
}

impl Setting {
    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        variable(self.key)
    }

    /// Its name on the command line, where it has a flag.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase())
}

/// What every variable starts with.
pub(super) const VARIABLE_PREFIX: &str = "ATTACHLINK_";
/// What a secret's key ends with when it names a file that holds the value.
pub(super) const FILE_SUFFIX: &str = "_file";
/// The one setting that cannot be in the file: where the file is.
pub(super) const CONFIG_KEY: &str = "config";

macro_rules! settings {
    ($($name:ident = $key:literal, $form:ident, $default:expr $(, unset: $unset:literal)? $(, secret: $secret:literal)?;)*) => {
        $(pub(super) static $name: Setting = Setting {
            key: $key,
            form: Form::$form,
            default: $default,
            secret: settings!(@secret $($secret)?),
            unset: settings!(@unset $($unset)?),
        };)*
        /// Every setting, in the order in which they are shown.
        pub(super) static ALL: &[&Setting] = &[$(&$name),*];
    };
    (@secret $secret:literal) => { $secret };
    (@secret) => { false };
    (@unset $text:literal) => { $text };
    (@unset) => { "" };
}

settings! {
    DATA_DIR = "data_dir", Text, Some("./data");
    PUBLIC_LISTEN = "public_listen", Text, Some("127.0.0.1:8080");
    PUBLIC_URL = "public_url", Text, None, unset: "links start with the public listener's own address";
    API_LISTEN = "api_listen", Text, Some("127.0.0.1:8081");
    API_URL = "api_url", Text, None, unset: "the api listener's own address";
    OPS_LISTEN = "ops_listen", Text, Some("127.0.0.1:9090");
    DATABASE_URL = "database_url", Text, None, secret: true;
    DATABASE_POOL_SIZE = "database_pool_size", Number, Some("16");
    DATABASE_STATEMENT_TIMEOUT_MS = "database_statement_timeout_ms", Number, Some("5000");
    DATABASE_POOLER = "database_pooler", Text, Some("none");
    OBJECTS = "objects", Text, None;
    S3_ENDPOINT = "s3_endpoint", Text, None, unset: "for s3://…: AWS itself";
    S3_REGION = "s3_region", Text, None, unset: "for s3://…: by the usual chain; us-east-1 with an endpoint";
    S3_READ_TIMEOUT_MS = "s3_read_timeout_ms", Number, Some("10000");
    S3_MEND_SECONDS = "s3_mend_seconds", Number, Some("30");
    INLINE_LIMIT = "inline_limit", Number, Some("6291456");
    AUTOMATIC_ADDRESSES = "automatic_addresses", Text, Some(AutomaticAddresses::DEFAULT_NAMES);
    PORTAL_KEY = "portal_key", Text, None,
        unset: "with sqlite:…, a key of its own in DATA_DIR/portal-key; else nobody can log in to download", secret: true;
    LOGIN_PROVIDER_ADDRESSES = "login_provider_addresses", Text, Some("public");
    BRAND_NAME = "brand_name", Text, None, unset: "pages name nobody";
    BRAND_COLOR = "brand_color", Text, None, unset: "pages are blue";
    SUPPORT_ADDRESS = "support_address", Text, None, unset: "pages name no address to ask";
    MAX_UPLOAD_OCTETS = "max_upload_octets", Number, None, unset: "uploads have no size limit";
    MAX_CONNECTIONS = "max_connections", Number, Some("10000");
    MAX_CONNECTIONS_PER_CLIENT = "max_connections_per_client", Number, Some("2048");
    HEADER_TIMEOUT_SECONDS = "header_timeout_seconds", Number, Some("10");
    IDLE_TIMEOUT_SECONDS = "idle_timeout_seconds", Number, Some("75");
    STALL_TIMEOUT_SECONDS = "stall_timeout_seconds", Number, Some("60");
    MIN_RATE_OCTETS_PER_SECOND = "min_rate_octets_per_second", Number, Some("1024");
    MIN_RATE_SECONDS = "min_rate_seconds", Number, Some("60");
    TRUSTED_PROXIES = "trusted_proxies", Text, None, unset: "whoever connects is the client";
    TRUSTED_PROXY_HOPS = "trusted_proxy_hops", Number, Some("1");
    NOT_FOUND_PER_MINUTE = "not_found_per_minute", Number, Some("600");
    NOT_FOUND_BURST = "not_found_burst", Number, Some("600");
    LIVENESS_DEADLINE_MS = "liveness_deadline_ms", Number, Some("2000");
    CACHE_BYTES = "cache_bytes", Number, Some("67108864");
    DRAIN_SECONDS = "drain_seconds", Number, Some("30");
    LOG = "log", Text, None;
    LOG_FORMAT = "log_format", Text, Some("text");
}

/// The setting of that key.
pub(super) fn of_key(key: &str) -> Option<&'static Setting> {
    ALL.iter().copied().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_key() {
        assert_eq!(PUBLIC_LISTEN.variable(), "ATTACHLINK_PUBLIC_LISTEN");
        assert_eq!(PUBLIC_LISTEN.flag(), "--public-listen");
    }

    #[test]
    fn keys_are_told_apart_and_none_looks_like_a_secrets_file() {
        for (index, setting) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.key != setting.key), "{}", setting.key);
            assert!(!setting.key.ends_with(FILE_SUFFIX) && setting.key != CONFIG_KEY, "{}", setting.key);
        }
    }
}

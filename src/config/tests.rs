//! The layers, as whole configurations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::settings::{self, FILE_SUFFIX};
use super::*;
use crate::edge::MinRate;
use crate::logging::DEFAULT_FILTER;

const SAMPLE: &str = include_str!("../../deploy/attachlink.toml");

fn flags(given: &[(&'static str, &str)]) -> Flags {
    given.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

fn environment(given: &[(&str, &str)]) -> Environment {
    given.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn load(given_flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&flags(given_flags), &environment(variables))
}

fn written(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("attachlink.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    let (_dir, path) = written(text);
    load(&[("config", &path)], &[])
}

#[test]
fn runs_without_any_settings() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("./data"));
    assert_eq!(config.public.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.public.url, None);
    assert_eq!(config.api.listen, "127.0.0.1:8081".parse().unwrap());
    assert_eq!(config.ops.listen, "127.0.0.1:9090".parse().unwrap());
    assert_eq!(config.database.url.to_string(), "sqlite:./data/attachlink.db");
    assert!(config.database.migrate);
    assert_eq!(config.database.server, crate::store::ServerOptions::default());
    assert_eq!(config.objects.location, ObjectsLocation::Local(PathBuf::from("./data/objects")));
    assert_eq!(config.email.inline_limit, 6 * 1024 * 1024);
    assert_eq!(config.api.max_upload_octets, None);
    assert_eq!(config.portal.automatic_addresses, AutomaticAddresses::default());
    assert_eq!(config.brand, Brand::default());
    assert_eq!((config.edge.max_connections, config.edge.max_connections_per_client), (10_000, Some(2048)));
    let patience = config.edge.patience;
    assert_eq!([patience.header, patience.idle, patience.stall].map(|limit| limit.as_secs()), [10, 75, 60]);
    assert_eq!(patience.rate, Some(MinRate { octets_per_second: 1024, over: Duration::from_mins(1) }));
    assert_eq!(config.edge.proxies, TrustedProxies { networks: vec![], hops: 1 });
    let of_600 = NonZeroU32::new(600).unwrap();
    assert_eq!(config.public.not_found, Some(NotFoundQuota { per_minute: of_600, burst: of_600 }));
    assert_eq!(config.downloads.liveness_deadline, Duration::from_secs(2));
    assert_eq!(config.downloads.cache_octets, 64 * 1024 * 1024);
    assert_eq!(config.downloads.drain, Duration::from_secs(30));
    assert_eq!((config.log.filter, config.log.format), (None, LogFormat::Text));
    assert!(config.notes.is_empty());
}

#[test]
fn nothing_is_limited_by_zero() {
    let off = [
        ("ATTACHLINK_MAX_CONNECTIONS_PER_CLIENT", "0"),
        ("ATTACHLINK_MIN_RATE_OCTETS_PER_SECOND", "0"),
        ("ATTACHLINK_NOT_FOUND_PER_MINUTE", "0"),
    ];
    let config = load(&[], &off).unwrap();
    assert_eq!(config.edge.max_connections_per_client, None);
    assert_eq!((config.edge.patience.rate, config.public.not_found), (None, None));
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let (_dir, path) = written("api_listen = '127.0.0.1:1'\nops_listen = '127.0.0.1:2'\npublic_listen = '127.0.0.1:3'");
    let variables = [
        ("ATTACHLINK_CONFIG", &*path),
        ("ATTACHLINK_API_LISTEN", "127.0.0.1:4"),
        ("ATTACHLINK_OPS_LISTEN", "127.0.0.1:5"),
    ];
    let config = load(&[("api_listen", "127.0.0.1:6")], &variables).unwrap();
    assert_eq!([config.api.listen, config.ops.listen, config.public.listen].map(|listen| listen.port()), [6, 5, 3]);
    assert_eq!(config.data_dir, Path::new("./data"));
}

#[test]
fn database_and_objects_follow_the_data_directory_unless_they_are_set() {
    let config = load(&[("data_dir", "/srv/al")], &[("ATTACHLINK_OBJECTS", "file:/mnt/objects")]).unwrap();
    assert_eq!(config.database.url.file(), Some(Path::new("/srv/al/attachlink.db")));
    assert_eq!(config.objects.location, ObjectsLocation::Local(PathBuf::from("/mnt/objects")));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let config =
        load(&[], &[("ATTACHLINK_PUBLIC_URL", ""), ("ATTACHLINK_CONFIG", ""), ("ATTACHLINK_LOG", "")]).unwrap();
    assert_eq!((config.public.url, config.log.filter), (None, None));
}

#[test]
fn a_secret_can_come_from_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("database-url");
    std::fs::write(&secret, "sqlite:/srv/al.db\n").unwrap();
    let secret = secret.to_str().unwrap();
    let config = load(&[], &[("ATTACHLINK_DATABASE_URL_FILE", secret)]).unwrap();
    assert_eq!(config.database.url.file(), Some(Path::new("/srv/al.db")));
    assert!(config.to_toml().contains("# the file that ATTACHLINK_DATABASE_URL_FILE names"), "{}", config.to_toml());
    let config = from_file(&format!("database_url_file = '{secret}'")).unwrap();
    assert_eq!(config.database.url.file(), Some(Path::new("/srv/al.db")));
    // A higher layer decides alone.
    let config = load(&[("database_url", "sqlite:/other.db")], &[("ATTACHLINK_DATABASE_URL_FILE", secret)]).unwrap();
    assert_eq!(config.database.url.file(), Some(Path::new("/other.db")));
}

#[test]
fn a_secret_in_two_places_of_one_layer_is_refused() {
    let both = [("ATTACHLINK_DATABASE_URL", "sqlite:/a.db"), ("ATTACHLINK_DATABASE_URL_FILE", "/b")];
    let error = load(&[], &both).unwrap_err().to_string();
    assert_eq!(error, "ATTACHLINK_DATABASE_URL: is set, and ATTACHLINK_DATABASE_URL_FILE too; keep one of the two");
    let error = from_file("database_url = 'sqlite:/a.db'\ndatabase_url_file = '/b'").unwrap_err().to_string();
    assert!(error.contains("keep one of the two"), "{error}");
}

#[test]
fn a_secrets_file_must_be_readable_and_hold_something() {
    let error = load(&[], &[("ATTACHLINK_DATABASE_URL_FILE", "/nowhere/at/all")]).unwrap_err().to_string();
    assert!(error.starts_with("ATTACHLINK_DATABASE_URL_FILE: cannot read /nowhere/at/all"), "{error}");
    let (_dir, empty) = written("\n");
    let error = load(&[], &[("ATTACHLINK_DATABASE_URL_FILE", &empty)]).unwrap_err().to_string();
    assert!(error.ends_with("is empty; write the value into it"), "{error}");
}

#[test]
fn every_problem_is_told_at_once_under_the_name_it_was_set_by() {
    let (_dir, path) = written("inline_limit = -1");
    let variables = [("ATTACHLINK_CONFIG", &*path), ("ATTACHLINK_API_LISTEN", "localhost:8081")];
    let error = load(&[("public_url", "files.example.com"), ("log", "verbose")], &variables).unwrap_err().to_string();
    let names: Vec<&str> = error.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        names,
        ["--public-url", "ATTACHLINK_API_LISTEN", &*format!("inline_limit in {path}"), "--log"],
        "{error}"
    );
}

#[test]
fn listeners_do_not_share_an_address() {
    let error = load(&[("api_listen", "127.0.0.1:8080")], &[]).unwrap_err().to_string();
    assert_eq!(error, "--api-listen: is 127.0.0.1:8080, and so is public_listen; give each listener its own port");
    let free = "127.0.0.1:0";
    assert!(load(&[("api_listen", free), ("ops_listen", free), ("public_listen", free)], &[]).is_ok());
}

#[test]
fn the_file_says_only_what_is_known() {
    for (text, says) in [
        ("publik_url = 'https://a.example'", "publik_url in "),
        ("publik_url = 'https://a.example'", "database_url, database_url_file, database_pool_size"),
        ("publik_url = 'https://a.example'", "portal_key, portal_key_file, login_provider_addresses"),
        ("public-url = 'https://a.example'", "did you mean public_url?"),
        ("database-url-file = '/run/url'", "did you mean database_url_file?"),
        ("config = 'other.toml'", "is not a setting"),
        ("public_url_file = 'x'", "is not a setting"),
        ("[public]\nlisten = '127.0.0.1:1'", "public in "),
        ("public_url = 3", "must be a string in quotes"),
        ("inline_limit = '6 MB'", "must be a whole number, without quotes and without a unit"),
        ("inline_limit = 1.5", "must be a whole number"),
    ] {
        let error = from_file(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_key_of_the_file_has_a_variable() {
    for (key, variable) in [
        ("max_connections", Some("ATTACHLINK_MAX_CONNECTIONS")),
        ("portal_key_file", Some("ATTACHLINK_PORTAL_KEY_FILE")),
        ("objects_file", None),
        ("config", None),
        ("", None),
    ] {
        assert_eq!(variable_of(key).as_deref(), variable, "{key}");
    }
}

#[test]
fn what_is_not_toml_is_told_by_line_and_not_quoted() {
    let (_dir, path) = written("log = 'info'\ndatabase_url = postgres://u:hunter2@db");
    let error = load(&[("config", &path)], &[]).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{path}:2: is not TOML")), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = load(&[("config", "/nowhere/a.toml")], &[]).unwrap_err().to_string();
    assert!(error.starts_with("--config: cannot read /nowhere/a.toml"), "{error}");
}

#[test]
fn a_number_beyond_64_bits_is_told_in_plain_words() {
    for number in ["9223372036854775808", "-9999999999999999999", "1_000_000_000_000_000_000_000_000_000_000 # octets"]
    {
        let (_dir, path) = written(&format!("log = 'info'\ninline_limit = {number}\n"));
        let error = load(&[("config", &path)], &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{path}:2: the number has too many digits; write a smaller one"), "{number}");
    }
    // Other slips in numbers are told as such.
    for text in ["inline_limit = 007", "inline_limit = 1__0", "inline_limit = 1\ninline_limit = 2"] {
        let error = from_file(text).unwrap_err().to_string();
        assert!(error.contains("is not TOML: "), "{text}: {error}");
    }
}

#[test]
fn no_error_repeats_a_secret() {
    for url in ["postgres://u:hunter2@db/al?x=y", "mysql://u:hunter2@db/al", "hunter2"] {
        let error = load(&[], &[("ATTACHLINK_DATABASE_URL", url)]).unwrap_err();
        assert!(error.to_string().starts_with("ATTACHLINK_DATABASE_URL: "), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn a_server_as_the_database_is_shown_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("database-url");
    std::fs::write(&secret, "postgres://al:hunter2@db/links?sslmode=verify-full\n").unwrap();
    let variables = [
        ("ATTACHLINK_DATABASE_URL_FILE", secret.to_str().unwrap()),
        ("ATTACHLINK_DATABASE_POOL_SIZE", "3"),
        ("ATTACHLINK_DATABASE_STATEMENT_TIMEOUT_MS", "700"),
        ("ATTACHLINK_DATABASE_POOLER", "transaction"),
    ];
    let config = load(&[], &variables).unwrap();
    assert_eq!(config.database.url.file(), None);
    let server = &config.database.server;
    assert_eq!((server.pool_size, server.statement_timeout), (3, Duration::from_millis(700)));
    assert!(server.behind_pooler);
    let shown = config.to_toml();
    assert!(shown.contains("postgres://al:***@db/links?sslmode=verify-full"), "{shown}");
    assert!(!format!("{shown}{config:?}").contains("hunter2"));
}

#[test]
fn a_variable_that_means_nothing_is_noted() {
    let config =
        load(&[], &[("ATTACHLINK_PUBLIK_URL", "x"), ("PATH", "/bin"), ("ATTACHLINK_OBJECTS_FILE", "x")]).unwrap();
    let noted: Vec<&str> = config.notes().iter().map(|note| note.split(' ').next().unwrap()).collect();
    assert_eq!(noted, ["ATTACHLINK_OBJECTS_FILE", "ATTACHLINK_PUBLIK_URL"]);
}

#[test]
fn links_that_start_with_an_address_of_no_use_are_noted() {
    let config = load(&[("public_listen", "0.0.0.0:8080")], &[]).unwrap();
    assert!(config.notes()[0].contains("public_url is not set"), "{:?}", config.notes());
    let with_url = [("public_listen", "0.0.0.0:8080"), ("public_url", "https://files.example.com")];
    assert!(load(&with_url, &[]).unwrap().notes().is_empty());
}

#[test]
fn what_is_in_force_reads_back_as_the_same_configuration() {
    let config = load(
        &[("inline_limit", "1000"), ("data_dir", "/srv/a \"b\"")],
        &[("ATTACHLINK_PUBLIC_URL", "https://files.example.com/x"), ("ATTACHLINK_LOG_FORMAT", "json")],
    )
    .unwrap();
    let shown = config.to_toml();
    for line in
        ["# flag --inline-limit", "# variable ATTACHLINK_PUBLIC_URL", "# default", "# max_upload_octets is not set"]
    {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let again = from_file(&shown).unwrap();
    assert_eq!(again.email.inline_limit, 1000);
    assert_eq!(
        (again.data_dir, again.public.url, again.log.format),
        (config.data_dir, config.public.url, LogFormat::Json)
    );
    let places = |text: &str| text.lines().map(|line| line.chars().take_while(|c| *c != '=').collect()).collect();
    let (first, second): (Vec<String>, Vec<String>) = (places(&shown), places(&from_file(&shown).unwrap().to_toml()));
    assert_eq!(first, second);
}

#[test]
fn the_sample_file_is_valid_and_shows_the_defaults() {
    let sample = from_file(SAMPLE).unwrap();
    assert_eq!(sample.public.url.unwrap().as_str(), "https://files.example.com/");
    assert_eq!(sample.log.format, LogFormat::Json);

    // What is commented out is a setting too, with its default.
    let uncommented: Vec<&str> = SAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
        .filter(|line| !line.contains("database_url_file") && !line.contains("portal_key_file"))
        .collect();
    let uncommented = uncommented.join("\n");
    let whole = from_file(&uncommented).unwrap();
    let defaults = load(&[("data_dir", "/var/lib/attachlink")], &[]).unwrap();
    assert_eq!(whole.database.url, defaults.database.url);
    assert_eq!(whole.database.server, defaults.database.server);
    assert_eq!(whole.objects.location, defaults.objects.location);
    assert_eq!(whole.email.inline_limit, defaults.email.inline_limit);
    assert_eq!(whole.portal.automatic_addresses, defaults.portal.automatic_addresses);
    assert_eq!(whole.portal.provider_addresses, defaults.portal.provider_addresses);
    assert_eq!(whole.edge.max_connections, defaults.edge.max_connections);
    assert_eq!(whole.edge.max_connections_per_client, defaults.edge.max_connections_per_client);
    assert_eq!(format!("{:?}", whole.edge.patience), format!("{:?}", defaults.edge.patience));
    assert_eq!(whole.edge.proxies.hops, defaults.edge.proxies.hops);
    assert_eq!(whole.public.not_found, defaults.public.not_found);
    assert_eq!(whole.downloads.liveness_deadline, defaults.downloads.liveness_deadline);
    assert_eq!(whole.downloads.cache_octets, defaults.downloads.cache_octets);
    assert_eq!(whole.downloads.drain, defaults.downloads.drain);
    assert_eq!(whole.log.filter.as_deref(), Some(DEFAULT_FILTER));

    let table: toml::Table = uncommented.parse().unwrap();
    // A key that stands in a sample is no secret.
    let shown = |key: &str| !key.starts_with("s3_") && key != "portal_key";
    for setting in settings::ALL.iter().filter(|setting| shown(setting.key)) {
        assert!(table.contains_key(setting.key), "{} is missing in the sample", setting.key);
    }
    assert!(["database_url", "portal_key"].iter().all(|key| SAMPLE.contains(&format!("{key}{FILE_SUFFIX}"))));
}

#[test]
fn a_brand_is_shown_and_a_wrong_one_says_what_to_write() {
    let given = [
        ("ATTACHLINK_BRAND_NAME", "Acme Support"),
        ("ATTACHLINK_BRAND_COLOR", "#7A1FA2"),
        ("ATTACHLINK_SUPPORT_ADDRESS", "support@acme.example"),
    ];
    let config = load(&[], &given).unwrap();
    assert_eq!(config.brand.name.as_ref().unwrap().as_str(), "Acme Support");
    let shown = config.to_toml();
    for line in
        ["brand_name = \"Acme Support\"", "brand_color = \"#7A1FA2\"", "support_address = \"support@acme.example\""]
    {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(load(&[], &[]).unwrap().to_toml().contains("# brand_name is not set"));
    for (variable, bad, advice) in [
        ("ATTACHLINK_BRAND_NAME", "a\nb", "such as Acme Support"),
        ("ATTACHLINK_BRAND_COLOR", "blue", "'blue' does not do; it must be a colour of six hexadecimal digits"),
        ("ATTACHLINK_SUPPORT_ADDRESS", "http://acme.example", "or a page such as https://acme.example/contact"),
    ] {
        let error = load(&[], &[(variable, bad)]).unwrap_err().to_string();
        assert!(error.starts_with(variable) && error.contains(advice), "{error}");
    }
}

//! Configurations: a TOML file, then from a line `--- environment` on variables, one `NAME=VALUE` a line.

use std::collections::HashMap;
use std::sync::LazyLock;

use attachlink::config::{Config, Environment, Flags};

/// What parts the file from the variables.
const VARIABLES: &str = "\n--- environment\n";

/// A secret, where an input has one: it must be shown by nothing.
const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";

/// What the input is about.
struct Settings<'a> {
    file: &'a str,
    variables: Environment,
}

impl<'a> Settings<'a> {
    fn read(text: &'a str) -> Self {
        let (file, lines) = text.split_once(VARIABLES).unwrap_or((text, ""));
        let variables = lines.lines().filter_map(|line| line.split_once('='));
        Self { file, variables: variables.map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// Files that others chose are none of a test's: devices never end.
    fn names_a_file(&self) -> bool {
        let file = self.file.contains("_file") || self.file.contains('\\');
        file || self.variables.keys().any(|name| {
            let name = name.to_string_lossy();
            name.ends_with("_FILE") || name == "ATTACHLINK_CONFIG"
        })
    }
}

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

fn load(file: &str, mut variables: Environment) -> Result<Config, String> {
    let path = DIR.path().join("attachlink.toml");
    std::fs::write(&path, file).expect("room for a file");
    variables.insert("ATTACHLINK_CONFIG".into(), path.into());
    Config::load(&Flags::new(), &variables).map_err(|error| format!("{error}\n{error:?}"))
}

/// Reads or says why not, shows no secret, and what it shows means what is in force.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let settings = Settings::read(text);
    if settings.names_a_file() {
        return;
    }
    match load(settings.file, settings.variables.clone()) {
        Err(why) => hides(&settings, &why),
        Ok(config) => {
            hides(&settings, &format!("{config:?}\n{}", config.notes().join("\n")));
            hides(&settings, &config.to_toml());
            means_the_same(&config);
        }
    }
}

/// A secret stands in no text, if it was given as one.
fn hides(settings: &Settings<'_>, shown: &str) {
    if is_a_secret_only(settings) {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

/// Whether the secret stands once, as the value of a setting that is one.
fn is_a_secret_only(settings: &Settings<'_>) -> bool {
    let as_secret = |name: &str, value: &str| match name.to_ascii_lowercase().as_str() {
        "portal_key" | "attachlink_portal_key" | "aws_secret_access_key" | "aws_session_token" => value == SECRET,
        "database_url" | "attachlink_database_url" => {
            value.starts_with("postgres://") && value.contains(&format!(":{SECRET}@"))
        }
        _ => false,
    };
    let variables = settings.variables.iter().map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()));
    let variables: Vec<_> = variables.filter(|(name, value)| name.contains(SECRET) || value.contains(SECRET)).collect();
    let table: toml::Table = settings.file.parse().unwrap_or_default();
    let in_file = table.iter().filter(|(_, value)| value.as_str().is_some_and(|value| value.contains(SECRET)));
    let in_file: Vec<_> = in_file.collect();
    let in_file_once = settings.file.matches(SECRET).count() == in_file.len();
    in_file_once
        && in_file.len() + variables.len() == 1
        && in_file.iter().all(|(name, value)| as_secret(name, value.as_str().unwrap_or_default()))
        && variables.iter().all(|(name, value)| as_secret(name, value))
}

/// What `check-config` prints can be the file of another service, once its secrets are filled in.
fn means_the_same(config: &Config) {
    let shown = config.to_toml();
    let table: toml::Table = shown.parse().unwrap_or_else(|error| panic!("{error}: {shown}"));
    let filled = shown.replace("portal_key = \"***\"", &format!("portal_key = \"{SECRET}\""));
    // What another service takes from AWS's chain is not shown.
    let again = load(&filled, HashMap::new()).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    let shown_again: toml::Table = again.to_toml().parse().expect("TOML");
    assert_eq!(shown_again, table, "what it shows means something else");
}

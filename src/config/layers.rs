//! The layers that settings come from: flags over environment over the TOML file over defaults.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::problem::{ConfigError, Problem};
use super::settings::{self, CONFIG_KEY, FILE_SUFFIX, Form, Setting, VARIABLE_PREFIX};

/// What was given on the command line: a setting's TOML key and its value.
pub type Flags = BTreeMap<&'static str, String>;

/// The environment's variables. An empty value counts as unset, as compose files leave them.
pub type Environment = HashMap<OsString, OsString>;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The command line.
    Flag(String),
    /// The environment.
    Variable(String),
    /// The file that a variable or key names.
    Named { by: String },
    /// The TOML file.
    File { key: &'static str, file: PathBuf },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Variable(variable) => write!(f, "variable {variable}"),
            Self::Named { by } => write!(f, "the file that {by} names"),
            Self::File { file, .. } => write!(f, "file {}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Source {
    /// What to call the setting in an error: the name under which the person set it.
    pub(super) fn name_of(&self, setting: &Setting) -> String {
        match self {
            Self::Flag(name) | Self::Variable(name) => name.clone(),
            Self::Named { by } => by.clone(),
            Self::File { key, file } => format!("{key} in {}", file.display()),
            Self::Default => setting.key.to_owned(),
        }
    }
}

/// A value as it was written. Silent in `Debug`: it may be a secret.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) source: Source,
}

/// The layers, ready to be asked.
pub(super) struct Layers<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: Option<(PathBuf, toml::Table)>,
}

impl<'a> Layers<'a> {
    /// Reads the TOML file, where one is named, and refuses what it cannot mean.
    pub(super) fn read(flags: &'a Flags, environment: &'a Environment) -> Result<Self, ConfigError> {
        let mut layers = Self { flags, environment, file: None };
        if let Some((name, path)) = layers.named_file()? {
            let table = read_table(&name, &path)?;
            layers.file = Some((path, table));
        }
        Ok(layers)
    }

    fn named_file(&self) -> Result<Option<(String, PathBuf)>, ConfigError> {
        if let Some(path) = self.flags.get(CONFIG_KEY) {
            return Ok(Some((format!("--{CONFIG_KEY}"), path.into())));
        }
        let variable = settings::variable(CONFIG_KEY);
        Ok(self.variable(&variable)?.map(|path| (variable, path.into())))
    }

    fn variable(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.environment.get(std::ffi::OsStr::new(name)) {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Problem::new(name, "is not UTF-8; write it in UTF-8")),
            },
        }
    }

    /// The value in force, by the highest layer that has one.
    pub(super) fn value(&self, setting: &'static Setting) -> Result<Option<Written>, Problem> {
        if let Some(text) = self.flags.get(setting.key) {
            return Ok(Some(Written { text: text.clone(), source: Source::Flag(setting.flag()) }));
        }
        if let Some(written) = self.in_environment(setting)? {
            return Ok(Some(written));
        }
        if let Some(written) = self.in_file(setting)? {
            return Ok(Some(written));
        }
        Ok(setting.default.map(|text| Written { text: text.to_owned(), source: Source::Default }))
    }

    fn in_environment(&self, setting: &'static Setting) -> Result<Option<Written>, Problem> {
        let variable = setting.variable();
        let plain = self.variable(&variable)?;
        let file_variable = format!("{variable}{}", FILE_SUFFIX.to_ascii_uppercase());
        let named = if setting.secret { self.variable(&file_variable)? } else { None };
        one_of(plain, named, &variable, &file_variable, Source::Variable(variable.clone()))
    }

    /// A secret by the name that others gave it: from the variable, or from the file that its `_FILE` form names.
    pub(super) fn foreign_secret(&self, variable: &str) -> Result<Option<String>, Problem> {
        let file_variable = format!("{variable}{}", FILE_SUFFIX.to_ascii_uppercase());
        let (plain, named) = (self.variable(variable)?, self.variable(&file_variable)?);
        let written = one_of(plain, named, variable, &file_variable, Source::Variable(variable.to_owned()))?;
        Ok(written.map(|written| written.text))
    }

    fn in_file(&self, setting: &'static Setting) -> Result<Option<Written>, Problem> {
        let Some((path, table)) = &self.file else { return Ok(None) };
        let plain = table.get(setting.key).map(|value| text_of(value, setting, path)).transpose()?;
        let file_key = format!("{}{FILE_SUFFIX}", setting.key);
        let named = match table.get(&file_key) {
            None => None,
            Some(toml::Value::String(text)) => Some(text.clone()),
            Some(_) => return Err(Problem::new(named_in(&file_key, path), "must be a string, the path of a file")),
        };
        let source = Source::File { key: setting.key, file: path.clone() };
        one_of(plain, named, &named_in(setting.key, path), &named_in(&file_key, path), source)
    }

    /// Variables that start as ours do and mean nothing: most likely a slip. A note and not an error, since Kubernetes
    /// makes variables of its own for a service called `attachlink`.
    pub(super) fn unknown_variables(&self) -> Vec<String> {
        let mut unknown: Vec<String> = self
            .environment
            .keys()
            .filter_map(|name| name.to_str())
            .filter(|name| name.strip_prefix(VARIABLE_PREFIX).is_some_and(|key| !is_known(&key.to_ascii_lowercase())))
            .map(str::to_owned)
            .collect();
        unknown.sort();
        unknown
    }
}

fn named_in(key: &str, path: &Path) -> String {
    format!("{key} in {}", path.display())
}

fn is_known(key: &str) -> bool {
    key == CONFIG_KEY || is_of_file(key)
}

/// Whether the TOML file may have this key: a setting's, or one that names the file of a secret.
pub(super) fn is_of_file(key: &str) -> bool {
    settings::of_key(key).is_some() || is_secrets_file(key)
}

/// Every key that the TOML file may have.
fn keys_of_file() -> Vec<String> {
    let keys_of = |setting: &&Setting| {
        let of_secret = setting.secret.then(|| format!("{}{FILE_SUFFIX}", setting.key));
        [Some(setting.key.to_owned()), of_secret].into_iter().flatten()
    };
    settings::ALL.iter().flat_map(keys_of).collect()
}

fn is_secrets_file(key: &str) -> bool {
    key.strip_suffix(FILE_SUFFIX).and_then(settings::of_key).is_some_and(|setting| setting.secret)
}

/// A value, or the content of the file that holds it; never both.
fn one_of(
    plain: Option<String>,
    named: Option<String>,
    name: &str,
    file_name: &str,
    source: Source,
) -> Result<Option<Written>, Problem> {
    match (plain, named) {
        (Some(_), Some(_)) => Err(Problem::new(name, format!("is set, and {file_name} too; keep one of the two"))),
        (Some(text), None) => Ok(Some(Written { text, source })),
        (None, Some(path)) => {
            let text = read_secret(file_name, &path)?;
            Ok(Some(Written { text, source: Source::Named { by: file_name.to_owned() } }))
        }
        (None, None) => Ok(None),
    }
}

fn read_secret(name: &str, path: &str) -> Result<String, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(name, format!("cannot read {path}: {error}; name a readable file")))?;
    // An editor or `echo` ends the line; the secret does not.
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Problem::new(name, format!("{path} is empty; write the value into it")));
    }
    Ok(text.to_owned())
}

fn text_of(value: &toml::Value, setting: &Setting, path: &Path) -> Result<String, Problem> {
    match (setting.form, value) {
        (Form::Text, toml::Value::String(text)) => Ok(text.clone()),
        (Form::Number, toml::Value::Integer(number)) => Ok(number.to_string()),
        (form, _) => {
            let must = match form {
                Form::Text => "must be a string in quotes",
                Form::Number => "must be a whole number, without quotes and without a unit",
            };
            Err(Problem::new(named_in(setting.key, path), must))
        }
    }
}

fn read_table(name: &str, path: &Path) -> Result<toml::Table, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(name, format!("cannot read {shown}: {error}; name a readable TOML file")))?;
    let table: toml::Table = text.parse().map_err(|error| not_toml(path, &text, &error))?;
    let unknown: Vec<Problem> = table.keys().filter(|key| !is_of_file(key)).map(|key| unknown_key(key, path)).collect();
    if unknown.is_empty() { Ok(table) } else { Err(unknown.into()) }
}

/// Where the text stops being TOML. The parser's own message would quote the line, which may hold a secret.
fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or(text).matches('\n').count();
    let problem = match text.lines().nth(before) {
        Some(line) if holds_too_long_a_number(line) => "the number has too many digits; write a smaller one".to_owned(),
        _ => format!("is not TOML: {}", error.message()),
    };
    Problem::new(format!("{}:{}", path.display(), before + 1), problem)
}

/// Whether a line sets a whole number beyond 64 bits, of which the parser speaks in the names of Rust's types.
fn holds_too_long_a_number(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value).split('#').next().unwrap_or_default();
    let digits = value.trim().replace('_', "");
    let bare = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    !bare.is_empty() && bare.bytes().all(|octet| octet.is_ascii_digit()) && digits.parse::<i64>().is_err()
}

fn unknown_key(key: &str, path: &Path) -> Problem {
    let flat = key.replace('-', "_").to_ascii_lowercase();
    let text = if is_of_file(&flat) {
        format!("is not a setting; did you mean {flat}?")
    } else {
        format!("is not a setting; remove it, or use one of: {}", keys_of_file().join(", "))
    };
    Problem::new(named_in(key, path), text)
}

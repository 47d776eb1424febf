//! What `check-config` prints.

use std::fmt::Write as _;

use super::layers::Source;
use super::settings::{DATABASE_URL, Form, Setting};
use crate::store::without_password;

/// What stands for a secret.
const HIDDEN: &str = "***";

/// A setting as it is in force, safe to show.
#[derive(Debug, Clone)]
pub(super) struct InForce {
    key: &'static str,
    /// The value as TOML; `None` when unset.
    value: Option<String>,
    /// Where it comes from, or what being unset means.
    remark: String,
}

impl InForce {
    pub(super) fn unset(setting: &Setting) -> Self {
        Self { key: setting.key, value: None, remark: setting.unset.to_owned() }
    }

    pub(super) fn set(setting: &Setting, text: &str, source: &Source) -> Self {
        let shown = match setting.key {
            _ if !setting.secret => text.to_owned(),
            key if key == DATABASE_URL.key => without_secret(text),
            _ => HIDDEN.to_owned(),
        };
        let value = match setting.form {
            Form::Text => toml::Value::String(shown).to_string(),
            Form::Number => shown,
        };
        Self { key: setting.key, value: Some(value), remark: source.to_string() }
    }
}

/// A database address without its password: the part before `@`, and parameters that hold one.
fn without_secret(text: &str) -> String {
    // A path, without a place for a password.
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    url::Url::parse(text).map_or_else(|_| HIDDEN.to_owned(), |url| without_password(&url))
}

/// All of it as TOML, the remarks in one column.
pub(super) fn toml(in_force: &[InForce]) -> String {
    let lines: Vec<(String, &str)> = in_force
        .iter()
        .map(|line| match &line.value {
            Some(value) => (format!("{} = {value}", line.key), &*line.remark),
            None => (format!("# {} is not set", line.key), &*line.remark),
        })
        .collect();
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (left, remark) in lines {
        let pad = width - left.chars().count();
        let _ = writeln!(text, "{left}{:pad$}  # {remark}", "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_they_stand() {
        for (given, shown) in [
            ("sqlite:./data/attachlink.db", "sqlite:./data/attachlink.db"),
            ("postgres://al:s3cret@db:5432/al", "postgres://al:***@db:5432/al"),
            ("postgres://db/al?user=al&password=s3cret", "postgres://db/al?user=al&password=***"),
            ("postgres://db/al?sslmode=require&sslpassword=s3cret", "postgres://db/al?sslmode=require&sslpassword=***"),
            ("host=db password=s3cret", "***"),
        ] {
            assert_eq!(without_secret(given), shown);
        }
    }
}

//! What `check-config` prints.

use std::fmt::Write as _;

use super::layers::Source;
use super::settings::{DATABASE_URL, Form, Setting};
use crate::store::without_password;

/// What stands for a secret.
const HIDDEN: &str = "***";
/// The furthest to the right that the remarks are put; beyond it they follow their line.
const MAX_WIDTH: usize = 60;

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

/// All of it as TOML, the remarks in one column, but for lines that are too long for it.
pub(super) fn toml(in_force: &[InForce]) -> String {
    let lines: Vec<(String, &str)> = in_force
        .iter()
        .map(|line| match &line.value {
            Some(value) => (format!("{} = {value}", line.key), &*line.remark),
            None => (format!("# {} is not set", line.key), &*line.remark),
        })
        .collect();
    let widths = lines.iter().map(|(left, _)| left.chars().count());
    let width = widths.filter(|width| *width <= MAX_WIDTH).max().unwrap_or(0);
    let mut text = String::new();
    for (left, remark) in lines {
        let pad = width.saturating_sub(left.chars().count());
        let _ = writeln!(text, "{left}{:pad$}  # {remark}", "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_does_not_move_the_remarks_of_the_others() {
        let line = |key, value: &str| InForce { key, value: Some(value.to_owned()), remark: "default".to_owned() };
        let (longest, longer) = ("7".repeat(MAX_WIDTH - "b = ".len()), "8".repeat(MAX_WIDTH - "b = ".len() + 1));
        let few = [line("a", "1"), line("bc", "22"), line("d", &longer)];
        assert_eq!(toml(&few), format!("a = 1    # default\nbc = 22  # default\nd = {longer}  # default\n"));
        let full = toml(&[line("a", "1"), line("b", &longest)]);
        assert!(full.lines().all(|line| line.find('#') == Some(MAX_WIDTH + 2)), "{full}");
    }

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

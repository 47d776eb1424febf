//! Which database, as the settings say it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which database: `sqlite:PATH`. Neither `Debug` nor `Display` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The embedded database, in this file.
    Sqlite(PathBuf),
}

/// Why a text names no database. It may hold a password, so no message repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// Another scheme, or none.
    #[error("must be sqlite:PATH, such as sqlite:./data/attachlink.db")]
    Scheme,
    /// `postgres://…` or `postgresql://…`.
    #[error("PostgreSQL is not supported by this build: use sqlite:PATH")]
    Postgres,
    /// No path after the scheme.
    #[error("sqlite: must be followed by the path of a file")]
    NoPath,
    /// `sqlite::memory:`.
    #[error("a database in memory would forget every revocation: name a file")]
    Memory,
    /// A `?` in the path, where other programs take parameters.
    #[error("takes no parameters after '?'")]
    Parameters,
}

impl DatabaseUrl {
    /// The file of the embedded database; `None` for a database on a server.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    /// Reads `sqlite:PATH` or `sqlite://PATH`. The path is taken as it is, without percent-decoding.
    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Err(InvalidDatabaseUrl::Postgres);
        }
        let rest = text.strip_prefix("sqlite:").ok_or(InvalidDatabaseUrl::Scheme)?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            "" => Err(InvalidDatabaseUrl::NoPath),
            ":memory:" => Err(InvalidDatabaseUrl::Memory),
            path if path.contains('?') => Err(InvalidDatabaseUrl::Parameters),
            path => Ok(Self::Sqlite(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_file() {
        for (text, path) in [
            ("sqlite:data/a.db", "data/a.db"),
            ("sqlite:/var/a.db", "/var/a.db"),
            ("sqlite://data/a.db", "data/a.db"),
            ("sqlite:///var/a b.db", "/var/a b.db"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.file(), Some(Path::new(path)), "{text}");
            assert_eq!(url.to_string(), format!("sqlite:{path}"));
        }
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        for (text, why) in [
            ("", InvalidDatabaseUrl::Scheme),
            ("data/a.db", InvalidDatabaseUrl::Scheme),
            ("mysql://u:hunter2@h/d", InvalidDatabaseUrl::Scheme),
            ("postgres://u:hunter2@h/d", InvalidDatabaseUrl::Postgres),
            ("postgresql://u:hunter2@h/d", InvalidDatabaseUrl::Postgres),
            ("sqlite:", InvalidDatabaseUrl::NoPath),
            ("sqlite://", InvalidDatabaseUrl::NoPath),
            ("sqlite::memory:", InvalidDatabaseUrl::Memory),
            ("sqlite:a.db?mode=memory", InvalidDatabaseUrl::Parameters),
        ] {
            let refused = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(refused, why, "{text}");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"));
        }
    }
}

//! Which database, as the settings say it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// Which database: `sqlite:PATH` or `postgres://…`. Neither `Debug` nor `Display` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The embedded database, in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(ServerUrl),
}

/// The address of a PostgreSQL server, as libpq takes it
/// (<https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING>).
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// Why a text names no database. It may hold a password, so no message repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// Another scheme, or none.
    #[error("must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Scheme,
    /// Not a URL, although it begins like one.
    #[error(
        "is no address of a server: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters \
         percent-encoded"
    )]
    Server,
    /// A parameter after `?` that is not understood.
    #[error("has a parameter that is not known; known are {}", PARAMETERS.join(", "))]
    Parameter,
    /// `sslmode` is something else.
    #[error("its sslmode must be disable, prefer, require, verify-ca or verify-full")]
    SslMode,
    /// `port` is something else.
    #[error("its port must be a number from 1 to 65535")]
    Port,
    /// Several hosts, which libpq tries in turn.
    #[error("names several hosts; name one, which leads to the primary")]
    Hosts,
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

/// What may follow the `?` of a server's address.
const PARAMETERS: [&str; 9] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "user", "password", "dbname"];
/// What is shown in place of a password.
const HIDDEN: &str = "***";

impl DatabaseUrl {
    /// The file of the embedded database; `None` for a database on a server.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    /// Reads `sqlite:PATH` or `sqlite://PATH`, whose path is taken as it is, or `postgres://…` or `postgresql://…`.
    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return ServerUrl::read(text).map(Self::Postgres);
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

impl ServerUrl {
    fn read(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let url = Url::parse(text).map_err(|_| InvalidDatabaseUrl::Server)?;
        let names_a_place = text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
        if url.cannot_be_a_base() || !names_a_place || url.fragment().is_some() {
            return Err(InvalidDatabaseUrl::Server);
        }
        if url.port() == Some(0) {
            return Err(InvalidDatabaseUrl::Port);
        }
        let mut hosts = vec![url.host_str().unwrap_or_default().to_owned()];
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" if value != "allow" && value.parse::<PgSslMode>().is_ok() => {}
                "sslmode" => return Err(InvalidDatabaseUrl::SslMode),
                "port" if !value.parse::<u16>().is_ok_and(|port| port > 0) => return Err(InvalidDatabaseUrl::Port),
                "host" => hosts.push(value.into_owned()),
                name if PARAMETERS.contains(&name) => {}
                _ => return Err(InvalidDatabaseUrl::Parameter),
            }
        }
        if hosts.iter().any(|host| host.contains(',')) {
            return Err(InvalidDatabaseUrl::Hosts);
        }
        Ok(Self(url))
    }

    /// How to connect. What the address leaves out comes from where libpq takes it: `PGPASSWORD`, `~/.pgpass` and the
    /// like.
    pub(super) fn connect_options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_url(&self.0)?;
        // An authority is named to be asked: libpq does so with `require` too, and here it goes for `prefer` as well.
        let named = self.0.query_pairs().any(|(name, _)| name == "sslrootcert");
        let lax = matches!(options.get_ssl_mode(), PgSslMode::Prefer | PgSslMode::Require);
        Ok(if named && lax { options.ssl_mode(PgSslMode::VerifyCa) } else { options })
    }
}

/// An address with its password hidden, wherever it stands.
pub(crate) fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query().is_some() {
        let kept: Vec<(String, String)> = url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        let mut pairs = url.query_pairs_mut();
        pairs.clear();
        for (name, value) in kept {
            let secret = name.to_ascii_lowercase().contains("pass");
            pairs.append_pair(&name, if secret { HIDDEN } else { &value });
        }
    }
    url.to_string()
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => {
                let path = path.display().to_string();
                // Two slashes in front are read as none of the path.
                write!(f, "sqlite:{}{path}", if path.starts_with("//") { "//" } else { "" })
            }
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
        let odd: DatabaseUrl = "sqlite:////var/a.db".parse().unwrap();
        assert_eq!((odd.to_string().parse(), odd.file()), (Ok(odd.clone()), Some(Path::new("//var/a.db"))));
    }

    #[test]
    fn names_a_server() {
        for (text, host, port, user, database, mode) in [
            ("postgres://al:hunter2@db/links", "db", 5432, "al", "links", PgSslMode::Prefer),
            ("postgresql://al:hunter2@db:6432/links?sslmode=require", "db", 6432, "al", "links", PgSslMode::Require),
            ("postgres://db/links?user=al&password=hunter2&port=7", "db", 7, "al", "links", PgSslMode::Prefer),
            ("postgres://a%40b:hunter2@[::1]/l%20s?sslmode=disable", "[::1]", 5432, "a@b", "l s", PgSslMode::Disable),
            ("postgres://al:hunter2@db/l?sslrootcert=/ca.pem", "db", 5432, "al", "l", PgSslMode::VerifyCa),
            (
                "postgres://al:hunter2@db/l?sslrootcert=/ca.pem&sslmode=require",
                "db",
                5432,
                "al",
                "l",
                PgSslMode::VerifyCa,
            ),
            ("postgres://al:hunter2@db/l?sslmode=verify-full", "db", 5432, "al", "l", PgSslMode::VerifyFull),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.file(), None);
            let shown = format!("{url} {url:?}");
            assert!(shown.contains(HIDDEN) && !shown.contains("hunter2"), "{shown}");
            let DatabaseUrl::Postgres(server) = url else { panic!("{text}") };
            let options = server.connect_options().unwrap();
            assert_eq!((options.get_host(), options.get_port(), options.get_username()), (host, port, user), "{text}");
            assert_eq!(options.get_database(), Some(database), "{text}");
            assert_eq!(format!("{:?}", options.get_ssl_mode()), format!("{mode:?}"), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        for (text, why) in [
            ("", InvalidDatabaseUrl::Scheme),
            ("data/a.db", InvalidDatabaseUrl::Scheme),
            ("mysql://u:hunter2@h/d", InvalidDatabaseUrl::Scheme),
            ("postgres:hunter2", InvalidDatabaseUrl::Server),
            ("postgres:/h/d?user=postgres://hunter2", InvalidDatabaseUrl::Server),
            ("postgres://u:hunter2@h:port/d", InvalidDatabaseUrl::Server),
            ("postgres://u:hunter2@h:0/d", InvalidDatabaseUrl::Port),
            ("postgres://u:hunter2@h/d?port=hunter2", InvalidDatabaseUrl::Port),
            ("postgres://u:hunter2@h/d?sslmode=hunter2", InvalidDatabaseUrl::SslMode),
            ("postgres://u:hunter2@h/d?sslmode=allow", InvalidDatabaseUrl::SslMode),
            ("postgres://u:hunter2@h/d?hunter2=1", InvalidDatabaseUrl::Parameter),
            ("postgres://u:hunter2@h/d?options=-cx=y", InvalidDatabaseUrl::Parameter),
            ("postgres://u:hunter2@a,b/d", InvalidDatabaseUrl::Hosts),
            ("postgres://u:hunter2@h/d?host=a,b", InvalidDatabaseUrl::Hosts),
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

//! What the server's errors mean.

use std::io;

use sqlx::Error;

const LOCK_NOT_AVAILABLE: &str = "55P03";
const TOO_MANY_CONNECTIONS: &str = "53300";

/// The server, or what lies between, did not answer in time.
pub(super) fn silent() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the server was silent for too long"))
}

/// Whether the connection is gone, and not only the statement.
///
/// The codes: <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
pub(super) fn is_lost(error: &Error) -> bool {
    match error {
        Error::Database(cause) => {
            let code = cause.code().unwrap_or_default();
            // 57P: the server shuts down, has crashed, starts, or ended an idle session. 25P03: an idle transaction.
            // 08: the connection itself; poolers say so of the server behind them.
            code.starts_with("57P") || code.starts_with("08") || code == "25P03"
        }
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) => true,
        _ => false,
    }
}

/// Whether the server takes no further connection.
pub(super) fn has_no_room(error: &Error) -> bool {
    matches!(error, Error::Database(cause) if cause.code().as_deref() == Some(TOO_MANY_CONNECTIONS))
}

/// Whether another transaction was in the way, and the same one may succeed in a moment.
pub(in crate::store) fn is_conflict(error: &Error) -> bool {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    matches!(error, Error::Database(cause)
        if cause.code().is_some_and(|code| code == SERIALIZATION_FAILURE || code == DEADLOCK_DETECTED))
}

/// Whether a statement gave up waiting for a lock.
pub(in crate::store) fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Database(cause) if cause.code().as_deref() == Some(LOCK_NOT_AVAILABLE))
}

/// Whether the server's disk is full.
pub(in crate::store) fn is_full(code: &str) -> bool {
    const DISK_FULL: &str = "53100";
    code == DISK_FULL
}

/// Whether the server takes no writes: a standby, or read-only by its settings.
pub(in crate::store) fn is_read_only(code: &str) -> bool {
    const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    code == READ_ONLY_SQL_TRANSACTION
}

const TLS_FAILS: &str = "TLS to the server of database_url fails: see its sslmode, its name in the certificate, and \
     sslrootcert for an authority of your own";

/// What to change when a connection or a statement fails.
pub(in crate::store) fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Database(cause) => match cause.code().as_deref()? {
            "28P01" => Some("the server refuses the password in database_url"),
            "28000" => Some(
                "the server refuses the user in database_url, or connections from here (pg_hba.conf), or asks for TLS",
            ),
            "3D000" => Some("the server has no database of the name in database_url: create it, or name another"),
            "42501" => Some("the user in database_url may not do that: let it own the database or its schema"),
            TOO_MANY_CONNECTIONS => {
                Some("the server has no connection left: lower database_pool_size, or raise its max_connections")
            }
            "42P01" => Some("the database of database_url has lost its tables: restore it"),
            "57014" => Some("the server takes longer than database_statement_timeout_ms: see what keeps it busy"),
            LOCK_NOT_AVAILABLE => {
                Some("a migration waits for a table that another session holds: end that (pg_locks), and try again")
            }
            "57P03" => Some("the server is starting or stopping: try again in a moment"),
            // What pgbouncer answers to parameters that it does not know.
            "08P01" => Some(
                "the server of database_url refuses how we connect: for a pooler, set database_pooler to transaction",
            ),
            _ => None,
        },
        Error::Tls(_) => Some(TLS_FAILS),
        Error::Io(cause) => match cause.kind() {
            io::ErrorKind::ConnectionRefused => {
                Some("nothing listens at the address in database_url: start the server, or correct host and port")
            }
            io::ErrorKind::NotFound => Some("there is no such socket: correct the host in database_url"),
            io::ErrorKind::TimedOut => {
                Some("the server of database_url does not answer: correct host and port, or see the network between")
            }
            // A certificate that does not do.
            io::ErrorKind::InvalidData => Some(TLS_FAILS),
            _ => Some("the server of database_url cannot be reached: correct host and port"),
        },
        _ => None,
    }
}

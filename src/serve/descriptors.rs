//! How many descriptors the process may have: sockets, and files that are kept open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, as servers do: the soft one is low for programs that use `select`.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
}

/// What each of `max_connections` may take: one on each of the three listeners, and a file for a download.
const FOR_EACH_CONNECTION: u64 = 4;

/// Warns where connections could leave none for the database, the files of others and the calls that revoke. A quarter is
/// for files that are kept open (`http/public/cache.rs`).
pub(super) fn warn_if_few(max_connections: usize) {
    let (most, wanted) = (most(), (max_connections as u64).saturating_mul(FOR_EACH_CONNECTION) / 3 * 4);
    if most < wanted {
        tracing::warn!(
            limit = most,
            wanted,
            "the limit on open files (ulimit -n, LimitNOFILE) is lower than what max_connections may take: raise the one \
             or lower the other, or connections can leave none for calls that revoke"
        );
    }
}

/// How many there may be.
pub(super) fn most() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

//! How commands get at a database that should be there already.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::blame;
use crate::config::Config;
use crate::store::{self, Store};

/// What must be there before a command opens the database. Only `serve` makes a data directory of its own accord, and
/// `key create` for a first key, which says so: a slip in `--data-dir` must not end in an empty one that looks right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// The database.
    Database,
    /// The directory it lies in.
    Directory,
    /// Nothing: the store makes both when it may migrate.
    Nothing,
}

/// What changes every project of a site, or of all, does so in one transaction, and a server's commit does what the
/// triggers have left for it: that takes longer than any call may.
const PATIENT_STATEMENT_TIMEOUT: Duration = Duration::from_hours(1);

/// As [`open`], and a server ends no statement soon.
pub(super) async fn open_patiently(config: &Config, expect: Expect, migrate: store::Migrate) -> anyhow::Result<Store> {
    let mut config = config.clone();
    config.database.server.statement_timeout = PATIENT_STATEMENT_TIMEOUT;
    open(&config, expect, migrate).await
}

/// Opens the database in force.
pub(super) async fn open(config: &Config, expect: Expect, migrate: store::Migrate) -> anyhow::Result<Store> {
    check(config, expect)?;
    let store = Store::open_with(&config.database.url, &config.database.server, migrate).await;
    store.context("cannot open the database").map_err(|error| blame::named(error, config))
}

/// Whether there is a database to work on.
pub(super) fn has_database(config: &Config) -> bool {
    config.database.url.file().is_none_or(Path::exists)
}

fn check(config: &Config, expect: Expect) -> anyhow::Result<()> {
    // A database on a server answers for itself.
    let Some(path) = config.database.url.file() else { return Ok(()) };
    // The parent of a bare name is "", which stands for the current directory.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if expect == Expect::Nothing {
        return Ok(());
    }
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        anyhow::bail!(
            "there is no directory {}; name the service's data directory with --data-dir, or run attachlink serve once",
            directory.display()
        );
    }
    anyhow::ensure!(
        expect == Expect::Directory || has_database(config),
        "there is no database {}; name the service's data directory with --data-dir, or run attachlink serve once",
        path.display()
    );
    Ok(())
}

//! What the two databases' schemas have in common.

use sqlx::migrate::{MigrateError, Migrator};

use super::error::{SchemaMismatch, StoreError};

/// The migrations that a database has seen.
pub(super) const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";
/// The oldest build that may run on a database, by the number of the newest migration that it knows.
pub(super) const OLDEST_BUILD: &str = "SELECT oldest_build FROM schema_compatibility WHERE one = 1";

/// How a schema that this build may be able to run on stands to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// It is this build's.
    Same,
    /// A later build migrated it. Whether this one may run on it, the database says.
    Ahead,
}

fn newest(ours: &Migrator) -> i64 {
    ours.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Compares the migrations that a database has seen, by number and checksum, with this build's.
pub(super) fn compare(ours: &Migrator, applied: &[(i64, Vec<u8>)]) -> Result<Stand, SchemaMismatch> {
    let (known, later): (Vec<_>, Vec<_>) = applied.iter().partition(|(version, _)| *version <= newest(ours));
    for (version, checksum) in &known {
        let same = |ours: &sqlx::migrate::Migration| ours.version == *version && *ours.checksum == **checksum;
        if !ours.iter().any(same) {
            return Err(SchemaMismatch::Different);
        }
    }
    match (known.len() < ours.iter().count(), later.is_empty()) {
        (false, true) => Ok(Stand::Same),
        (false, false) => Ok(Stand::Ahead),
        (true, true) => Err(SchemaMismatch::Older),
        (true, false) => Err(SchemaMismatch::Different),
    }
}

/// Whether this build may run on a database that is ahead of it: its schema has only been added to since.
pub(super) fn may_run_ahead(ours: &Migrator, oldest_build: i64) -> Result<(), SchemaMismatch> {
    if newest(ours) < oldest_build {
        return Err(SchemaMismatch::Newer);
    }
    tracing::warn!(
        ours = newest(ours),
        oldest_build,
        "a later build has migrated the database, and this one may still run on it: go on with the upgrade"
    );
    Ok(())
}

/// Why migrating failed.
pub(super) fn run_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(_) => SchemaMismatch::Newer.into(),
        MigrateError::VersionMismatch(_) => SchemaMismatch::Different.into(),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::from(error),
        other => sqlx::Error::Migrate(Box::new(other)).into(),
    }
}

#[cfg(test)]
mod tests;

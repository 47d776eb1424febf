//! What the two databases' schemas have in common.

use sqlx::migrate::{MigrateError, Migrator};

use super::error::{SchemaMismatch, StoreError};

/// Compares the migrations that a database has seen, by number and checksum, with this build's.
pub(super) fn compare(ours: &Migrator, applied: &[(i64, Vec<u8>)]) -> Result<(), SchemaMismatch> {
    for (version, checksum) in applied {
        match ours.iter().find(|ours| ours.version == *version) {
            None => return Err(SchemaMismatch::Newer),
            Some(ours) if *ours.checksum != **checksum => return Err(SchemaMismatch::Different),
            Some(_) => {}
        }
    }
    if applied.len() < ours.iter().count() { Err(SchemaMismatch::Older) } else { Ok(()) }
}

/// Why migrating failed.
pub(super) fn run_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(_) => SchemaMismatch::Newer.into(),
        MigrateError::VersionMismatch(_) => SchemaMismatch::Different.into(),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::from(error),
        other => StoreError::Unavailable(sqlx::Error::Migrate(Box::new(other))),
    }
}

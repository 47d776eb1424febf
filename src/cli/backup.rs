//! `attachlink backup`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::existing::{Expect, open};
use super::{Usage, output};
use crate::config::Config;
use crate::store;

const EXAMPLES: &str = "\
Examples:
  attachlink backup /backups/attachlink-$(date +%F).db
  attachlink backup --data-dir /var/lib/attachlink copy.db

The copy is consistent while the service runs. It holds the embedded database only: copy the
objects after it, so that every object that the database names is there.

To restore, follow docs/OPERATIONS.md, Restoring: stop the service, put the copy in the database's
place with no -wal or -shm file of the old one beside it (that log would be written over the copy),
start the service, and run attachlink recover. Revocations since the copy are lost: a service that
finds that out refuses every link until then.";

const NOT_EMBEDDED: &str = "backup copies the embedded database only, and database_url names a server: use its own \
     tools, such as pg_dump --format=custom";

/// Write a consistent copy of the embedded database to FILE
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// Where the copy goes; nothing may be there yet
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        if config.database.url.file().is_none() {
            return Err(Usage(NOT_EMBEDDED.to_owned()).into());
        }
        let shown = self.file.display();
        anyhow::ensure!(
            self.file.symlink_metadata().is_err(),
            "{shown} exists already; name another file, or move that one away"
        );
        let store = open(config, Expect::Database, store::Migrate::No).await?;
        store.backup(&self.file).await.with_context(|| format!("cannot write {shown}"))?;
        let octets = self.file.metadata().with_context(|| format!("cannot read {shown} back"))?.len();
        output::print(&format!("copied the database to {shown} ({} octets)\n", output::grouped(octets)))
    }
}

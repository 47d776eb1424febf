//! `attachlink migrate`.

use clap::Args;

use super::existing::{Expect, open};
use super::output;
use crate::config::Config;
use crate::store;

const EXAMPLES: &str = "\
Examples:
  attachlink migrate
  attachlink migrate --data-dir /var/lib/attachlink && attachlink serve --no-migrate

Running it again changes nothing.";

/// Bring the database's schema up to date
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Migrate {}

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    open(config, Expect::Directory, store::Migrate::Yes).await?;
    output::print("the database is up to date\n")
}

//! `attachlink serve`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{DEFAULT_FILTER, blame, start_log};
use crate::clock::SystemClock;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  attachlink serve
  attachlink serve --public-url https://files.example.com --public-listen 0.0.0.0:8080
  ATTACHLINK_CONFIG=/etc/attachlink.toml attachlink serve

The first start on a fresh data directory makes an API key in DATA_DIR/first-api-key.
Most settings have no flag: attachlink check-config lists them all, by their names in the TOML file
of --config. As a variable, max_connections is ATTACHLINK_MAX_CONNECTIONS, and so on.
SIGTERM or Ctrl-C lets running downloads end; a second one ends at once.";

/// Run the service: its three listeners, until it is told to stop
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Refuse a database with an old schema instead of migrating it
    #[arg(long)]
    no_migrate: bool,
}

impl Serve {
    pub(super) fn run(self, mut config: Config) -> anyhow::Result<ExitCode> {
        config.database.migrate = !self.no_migrate;
        let _logging = start_log(&config, DEFAULT_FILTER)?;
        crate::serve::run(config.clone(), Arc::new(SystemClock)).map_err(|error| blame::named(error, &config))?;
        Ok(ExitCode::SUCCESS)
    }
}

//! `attachlink check-config`.

use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  attachlink check-config --config /etc/attachlink.toml
  ATTACHLINK_PUBLIC_URL=https://files.example.com attachlink check-config

Every setting is listed, by its name in the TOML file; as a variable, max_connections is
ATTACHLINK_MAX_CONNECTIONS, and so on.";

/// Check the settings and print what is in force, as TOML, with secrets hidden
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckConfig {}

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    output::print(&config.to_toml())?;
    Ok(ExitCode::SUCCESS)
}

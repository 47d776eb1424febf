//! `attachlink openapi`.

use std::process::ExitCode;

use clap::Args;

use super::output;

const EXAMPLES: &str = "\
Examples:
  attachlink openapi > openapi.yaml

A running service has the same at /openapi.yaml and /openapi.json of its api listener. It is OpenAPI 3.1.";

/// Print the description of the HTTP API as YAML
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct OpenApi {}

pub(super) fn run() -> anyhow::Result<ExitCode> {
    output::print(&crate::http::openapi::yaml())?;
    Ok(ExitCode::SUCCESS)
}

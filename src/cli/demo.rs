//! `attachlink demo`.

use std::process::ExitCode;

use clap::Args;

use super::{load, start_log};
use crate::config::Flags;

const EXAMPLES: &str = "\
Examples:
  attachlink demo                         stays up until Ctrl-C, with links to click
  attachlink demo --once                  ends after the check; code 0 when all went as it should
  attachlink demo --log attachlink=info   with the service's log on standard error

It runs on free ports of this machine and in a temporary directory that is removed at the end.
Of the settings, only the log's concern it.";

/// Its story is on standard output; the log has only what went wrong.
const DEMO_FILTER: &str = "warn";

/// Show the whole job on this machine: upload, two emails, a download, a revocation
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// End after the check instead of staying up with links to click
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) fn run(self, flags: &Flags) -> anyhow::Result<ExitCode> {
        let config = load(flags)?;
        let _logging = start_log(&config, DEMO_FILTER)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(crate::demo::run(self.once))?;
        Ok(ExitCode::SUCCESS)
    }
}

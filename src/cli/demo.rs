//! `attachlink demo`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use super::start_log;
use crate::config::{Config, ConfigError, Flags};

const EXAMPLES: &str = "\
Examples:
  attachlink demo                         stays up until Ctrl-C, with links to click
  attachlink demo --once                  ends after the check; code 0 when all went as it should
  attachlink demo --log attachlink=info   with the service's log on standard error

It runs on free ports of this machine and in a temporary directory that is removed at the end.
Of the settings, only the log's flags and variables concern it.";

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
        let config = config(flags)?;
        let _logging = start_log(&config, DEMO_FILTER)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(crate::demo::run(self.once))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What concerns it: flags, and variables.
const OF_THE_LOG: [(&str, &str); 2] = [("log", "ATTACHLINK_LOG"), ("log_format", "ATTACHLINK_LOG_FORMAT")];

/// What is set for a service here may be wrong, and does not keep the demo from starting.
fn config(flags: &Flags) -> Result<Config, ConfigError> {
    let of_the_log = OF_THE_LOG.into_iter();
    let flags = of_the_log.clone().filter_map(|(flag, _)| Some((flag, flags.get(flag)?.clone()))).collect();
    let variable = |(_, name)| Some((OsString::from(name), std::env::var_os(name)?));
    Config::load(&flags, &of_the_log.filter_map(variable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_logs_settings_concerns_it() {
        let wrong = [("public_listen", "localhost:8080"), ("objects", "s3://no_bucket"), ("config", "/no/such.toml")];
        let flags = wrong.into_iter().chain([("log", "debug")]).map(|(key, value)| (key, value.to_owned())).collect();
        assert_eq!(config(&flags).unwrap().log.filter.as_deref(), Some("debug"));
        assert!(config(&[("log_format", "xml".to_owned())].into()).is_err());
    }
}

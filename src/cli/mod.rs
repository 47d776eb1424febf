//! The command line: one command a file.
//!
//! Exit codes: 0 done, 2 wrong usage or configuration, 1 a failure. What a command is for goes to standard output,
//! everything else to standard error.

mod backup;
mod blame;
mod check_config;
mod demo;
mod existing;
mod healthcheck;
mod key;
mod migrate;
mod openapi;
mod options;
pub(crate) mod output;
mod recover;
mod revoke;
mod serve;
mod unknown_flag;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Environment, Flags};
use crate::logging::{self, DEFAULT_FILTER, InvalidFilter, Logging, QUIET_FILTER};

const EXIT_FAILURE: u8 = 1;
const EXIT_USAGE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  attachlink demo                        see what it does, in a minute
  attachlink serve                       run it on ./data
  attachlink key create --scope notify   an API key for the notification service
  attachlink check-config                what is in force, and where it comes from

Settings come from flags, ATTACHLINK_… variables and a TOML file, in this order. Few have a flag:
--help lists those, and attachlink check-config all.
Exit codes: 0 done, 2 wrong usage or configuration, 1 a failure.";

/// Secured, revocable 28-day links for help-desk email attachments
#[derive(Parser)]
#[command(
    name = "attachlink",
    bin_name = "attachlink",
    version,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    max_term_width = 100,
    propagate_version = true
)]
struct Cli {
    #[command(flatten)]
    options: options::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Migrate(migrate::Migrate),
    Key(key::Key),
    Revoke(revoke::Revoke),
    Recover(recover::Recover),
    Backup(backup::Backup),
    CheckConfig(check_config::CheckConfig),
    Healthcheck(healthcheck::Healthcheck),
    Openapi(openapi::OpenApi),
}

/// A command was used in a way that cannot work; says what to do. No text of it repeats what may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return print_clap(&unknown_flag::explained(error)),
    };
    match cli.command.run(&cli.options.flags()) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&logging::causes(&*error));
            ExitCode::from(code_of(&error))
        }
    }
}

/// Help and version go to standard output with code 0, wrong usage to standard error with code 2.
fn print_clap(error: &clap::Error) -> ExitCode {
    let printed = output::unless_reader_left(error.print()).is_ok();
    let code = u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE);
    ExitCode::from(if code == 0 && !printed { EXIT_FAILURE } else { code })
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.is::<ConfigError>() || error.is::<InvalidFilter>() {
        EXIT_USAGE
    } else {
        EXIT_FAILURE
    }
}

impl Command {
    fn run(self, flags: &Flags) -> anyhow::Result<ExitCode> {
        match self {
            // The demo lives in a place of its own, so nothing of this place's settings but the log concerns it.
            Self::Demo(demo) => demo.run(flags),
            Self::Openapi(_) => openapi::run(),
            Self::CheckConfig(_) => check_config::run(&load(flags)?),
            Self::Serve(serve) => serve.run(load(flags)?),
            Self::Migrate(_) => quietly(flags, async |config| migrate::run(&config).await),
            Self::Key(key) => quietly(flags, async |config| key.run(&config).await),
            Self::Revoke(revoke) => quietly(flags, async |config| revoke.run(&config).await),
            Self::Recover(_) => quietly(flags, async |config| recover::run(&config).await),
            Self::Backup(backup) => quietly(flags, async |config| backup.run(&config).await),
            Self::Healthcheck(_) => quietly(flags, async |config| healthcheck::run(&config).await),
        }
    }
}

fn load(flags: &Flags) -> Result<Config, ConfigError> {
    let environment: Environment = std::env::vars_os().collect();
    let config = Config::load(flags, &environment)?;
    for note in config.notes() {
        output::note(note);
    }
    Ok(config)
}

fn start_log(config: &Config, default: &str) -> Result<Logging, InvalidFilter> {
    logging::start(config.log.filter.as_deref().unwrap_or(default), config.log.format)
}

/// Runs a command that ends by itself.
fn quietly(flags: &Flags, command: impl AsyncFnOnce(Config) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    let config = load(flags)?;
    let _logging = start_log(&config, QUIET_FILTER)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(command(config))?;
    Ok(ExitCode::SUCCESS)
}

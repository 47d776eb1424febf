//! Where the demo plays: a service of its own, in a directory of its own.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;

use super::DRAIN;
use super::desk::Desk;
use crate::clock::SystemClock;
use crate::config::{Config, Environment, Flags};
use crate::serve::{self, Running};

/// A free port of this machine, which nobody else can reach.
const ANY_PORT: &str = "127.0.0.1:0";
/// Where `serve` leaves the first key, under the data directory.
const FIRST_KEY: &str = "first-api-key";

/// A running service and the desk that calls it.
pub(super) struct Stage {
    directory: TempDir,
    running: Running,
    pub(super) desk: Desk,
}

impl Stage {
    /// Starts the service, and takes its first key as an operator would.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("attachlink-demo-").tempdir()?;
        let running = serve::start(config(directory.path())?, Arc::new(SystemClock)).await?;
        let file = directory.path().join(FIRST_KEY);
        let key = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let desk = Desk::new(format!("http://{}", running.api_addr), key.trim());
        Ok(Self { directory, running, desk })
    }

    /// Stops the service and removes its directory.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        self.running.shutdown().await;
        self.directory.close().context("the demo's directory could not be removed")
    }

    /// Its directory.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where its first key is.
    pub(super) fn key_file(&self) -> std::path::PathBuf {
        self.directory.path().join(FIRST_KEY)
    }

    /// The base of its links.
    pub(super) fn public(&self) -> &str {
        &self.running.public_url
    }

    /// Its operators' listener.
    pub(super) fn ops(&self) -> String {
        format!("http://{}", self.running.ops_addr)
    }
}

/// The defaults, in a place of the demo's own: nothing that is set on this machine concerns it.
fn config(directory: &Path) -> anyhow::Result<Config> {
    let data_dir = directory.to_str().context("the temporary directory's name is not UTF-8")?;
    let flags: Flags =
        [("data_dir", data_dir), ("public_listen", ANY_PORT), ("api_listen", ANY_PORT), ("ops_listen", ANY_PORT)]
            .map(|(key, value)| (key, value.to_owned()))
            .into();
    let mut config = Config::load(&flags, &Environment::new())?;
    config.downloads.drain = DRAIN;
    Ok(config)
}

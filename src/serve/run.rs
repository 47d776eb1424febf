//! The service as a process: signals, and whoever supervises it.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{descriptors, start};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::liveness::CutReason;

/// What a second signal leaves for resetting connections.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Runs the service until SIGTERM or SIGINT, or SIGHUP at a terminal; a second signal ends it at once.
///
/// # Errors
/// As [`start`].
pub fn run(config: Config, clock: SharedClock) -> anyhow::Result<()> {
    descriptors::raise();
    descriptors::warn_if_few(config.edge.max_connections);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        // Over a limit on the size of files the kernel would end the process; a handler makes it an error of the write.
        let _file_size_limit = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        let mut signals = StopSignals::new()?;
        let running = tokio::select! {
            running = start(config, clock) => running?,
            // What was begun is given up: a migration too, which then has changed nothing.
            () = signals.next() => {
                tracing::info!("stopped before it served");
                return Ok(());
            }
        };
        tell_supervisor(sd_notify::NotifyState::Ready);
        signals.next().await;
        tracing::info!(drain_seconds = running.drain.as_secs(), "stopping: running downloads may end");
        tell_supervisor(sd_notify::NotifyState::Stopping);
        let (app, reset) = (Arc::clone(&running.app), running.reset.clone());
        let mut shutdown = std::pin::pin!(running.shutdown());
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = signals.next() => {}
        }
        app.downloads.cut_all(CutReason::Shutdown);
        reset.cancel();
        // What is reset in this time is reset cleanly; nobody waits longer.
        let _ = tokio::time::timeout(AT_ONCE, shutdown).await;
        anyhow::bail!("ended at once by a second signal")
    });
    // What waits in the kernel, for a disk or a name server, is waited for no longer.
    runtime.shutdown_timeout(AT_ONCE);
    ended
}

/// SIGTERM, SIGINT and, at a terminal, SIGHUP, each counted from the start on.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Closing the terminal ends what runs at it. A service has none: who sends it SIGHUP wants its settings to be read.
    at_terminal: bool,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            at_terminal: io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal(),
        })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {}
            }
            if self.at_terminal {
                return;
            }
            tracing::warn!("SIGHUP changes nothing: settings are read at the start only, so restart to change them");
        }
    }
}

/// Without a supervisor that listens this does nothing.
fn tell_supervisor(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "the supervisor could not be told");
    }
}

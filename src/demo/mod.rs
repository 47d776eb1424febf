//! `attachlink demo`: the whole job on one machine, told to a person while it happens.
//!
//! It starts the real service in this process, and from then on knows it only over HTTP, as a help desk and a recipient
//! do. Every answer is checked: what is printed is what happened.

mod desk;
mod mail;
mod screen;
mod stage;
mod story;

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use screen::Screen;
use stage::Stage;

/// Nobody waits for a download of the demo for longer.
const DRAIN: Duration = Duration::from_secs(1);

/// Shows everything; then, unless `once`, stays up with fresh links until Ctrl-C.
///
/// # Errors
/// Whatever did not go as the product promises.
pub async fn run(once: bool) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Its terminal was closed.
    let mut hangup = signal(SignalKind::hangup())?;
    let stopped = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    let screen = Screen::of_stdout();
    let stage = Stage::set().await.context("the demo's service did not start")?;
    let told = tell(&screen, &stage, once, stopped).await;
    let cleared = stage.clear().await;
    told.and(cleared)
}

async fn tell(screen: &Screen, stage: &Stage, once: bool, stopped: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::pin!(stopped);
    tokio::select! {
        told = story::tell(screen, stage) => told?,
        () = &mut stopped => anyhow::bail!("stopped before everything was checked"),
    }
    if once {
        return Ok(());
    }
    tokio::select! {
        invited = story::invite(screen, stage) => invited?,
        () = &mut stopped => return Ok(()),
    }
    stopped.await;
    screen.say("")
}

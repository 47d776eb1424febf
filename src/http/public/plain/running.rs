//! What takes more than one write: a running download.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use super::super::PublicService;
use super::super::file::{self, Candidate, Source};
use super::head::{self, Heads};
use super::request::Plain;
use super::{Grant, Next, ask};
use crate::edge::GatedSocket;
use crate::liveness::{CutReason, Entry};
use crate::logging::causes;
use crate::objects::{ObjectBody, ObjectError, Portion};

/// What one download hands to the kernel before others get their turn: less than a millisecond's work. With a turn after each
/// call, a gigabyte took 3,700 of them where it takes 2,100, most of the others to learn that the socket was full.
const TURN_OCTETS: u64 = 1024 * 1024;

/// Why a download ended before its end.
enum Broken {
    /// Its client is gone.
    Client,
    /// The object store gave less than it promised.
    Store(Option<ObjectError>),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Client
    }
}

impl Broken {
    /// Of a call that both reads and writes.
    fn of_sending(error: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable, NotConnected, TimedOut,
        };
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | HostUnreachable | NetworkUnreachable | NotConnected
            | TimedOut => Self::Client,
            _ => Self::Store(Some(ObjectError::Unavailable(error))),
        }
    }
}

/// Sends a large file. It is entered before the database is asked, so the one that told its size does not count.
pub(super) async fn large(service: &PublicService, socket: &mut GatedSocket, plain: &Plain) -> Next {
    let public = &*service.public;
    let mut candidate = Candidate::enter_get(public, socket.gate(), plain.presented.id);
    let Some(Grant { holder, served, sent }) = ask(service, plain, Instant::now()).await else { return Next::Hyper };
    let Some(heads) = Heads::of(&served) else { return Next::Hyper };
    let source = file::open(public, &served, heads.etag(), None, &holder, sent).await;
    let Ok(Source::Store(body)) = source else { return Next::Hyper };
    let Some(entry) = candidate.take() else { return Next::Hyper };
    if !entry.begin(sent, file::end_of(public, &plain.log, StatusCode::OK, &holder)) {
        entry.abandon();
        return Next::Hyper;
    }
    public.app.metrics.file_requested(plain.log.client, true);
    socket.consume(plain.octets);
    let (head, more) = (heads.head(&served, plain.wish, plain.now), head::rest(plain.now));
    let sending = async {
        socket.write_all(&mut [IoSlice::new(&head), IoSlice::new(&more)]).await?;
        send(socket, &entry, body, served.object.size).await
    };
    ended(sending.await, socket, &entry)
}

/// What the kernel did not take at once of a small file.
pub(super) struct Rest<'a, 'b> {
    /// What is in memory of the answer, its head included.
    pub(super) parts: &'a mut [IoSlice<'b>],
    /// What was sent of the file.
    pub(super) sent: u64,
    /// The rest of the file, if it is not among the parts.
    pub(super) body: Option<ObjectBody>,
}

/// Sends the rest of a small file. It runs under the answer that it has, for the rest of the write window, and under what
/// the database says once it is entered.
pub(super) async fn rest(
    service: &PublicService,
    socket: &mut GatedSocket,
    plain: &Plain,
    grant: Grant,
    Rest { parts, sent, body }: Rest<'_, '_>,
) -> Next {
    let public = &*service.public;
    let entry = public.app.downloads.enter(plain.presented.id, socket.gate());
    let begun = entry.begin(grant.sent, file::end_of(public, &plain.log, StatusCode::OK, &grant.holder));
    entry.took(sent);
    let answer = public.batcher.ask(plain.presented.id).await;
    if !begun || answer.is_ok_and(|answer| answer.row.is_none_or(|row| row.withdrawn)) {
        entry.cut(CutReason::Revoked);
        return Next::Over;
    }
    let rest = grant.served.object.size - sent;
    let sending = async {
        socket.write_all(parts).await?;
        let Some(body) = body else {
            entry.took(rest);
            return Ok(());
        };
        send(socket, &entry, body, rest).await
    };
    ended(sending.await, socket, &entry)
}

fn ended(sent: Result<(), Broken>, socket: &GatedSocket, entry: &Arc<Entry>) -> Next {
    match sent {
        Ok(()) => {
            entry.body_over(true);
            socket.answered(Instant::now());
            return Next::Request;
        }
        Err(Broken::Client) => {}
        Err(Broken::Store(error)) => {
            let link_id = entry.capability().link().map(tracing::field::display);
            let error = error.as_ref().map(|error| tracing::field::display(causes(error)));
            tracing::error!(error, link_id, "the object store failed in mid-stream");
            entry.cut(CutReason::StoreFailed);
        }
    }
    Next::Over
}

/// Sends exactly `octets` octets: straight from the page cache or from the store's socket where the kernel can, else as
/// they come.
async fn send(socket: &mut GatedSocket, entry: &Entry, mut body: ObjectBody, octets: u64) -> Result<(), Broken> {
    let (mut rest, mut turn) = (octets, 0);
    while rest > 0 {
        if body.is_at_hand() {
            rest = by_kernel(socket, entry, rest, &mut turn, |socket| body.send_to(socket)).await?;
            continue;
        }
        match poll_fn(|cx| body.poll_portion(cx)).await {
            Some(Ok(Portion::Memory(octets))) => {
                let sent = octets.len() as u64;
                rest = left(rest, sent)?;
                socket.write_all(&mut [IoSlice::new(&octets)]).await?;
                entry.took(sent);
            }
            Some(Ok(Portion::Kernel(mut pipe))) => {
                while pipe.octets() > 0 {
                    rest = by_kernel(socket, entry, rest, &mut turn, |socket| pipe.send_to(socket)).await?;
                }
            }
            Some(Err(error)) => return Err(Broken::Store(Some(error))),
            None => return Err(Broken::Store(None)),
        }
    }
    Ok(())
}

/// Has the kernel send by `call` what the socket takes, and says what is left then. `turn` counts the octets of this turn.
async fn by_kernel(
    socket: &mut GatedSocket,
    entry: &Entry,
    rest: u64,
    turn: &mut u64,
    mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
) -> Result<u64, Broken> {
    let sent = poll_fn(|cx| socket.poll_send(cx, &mut call)).await.map_err(Broken::of_sending)? as u64;
    entry.took(sent);
    let rest = left(rest, sent)?;
    *turn += sent;
    // Others want theirs: a socket may take for long what costs no wait.
    if rest > 0 && *turn >= TURN_OCTETS {
        *turn = 0;
        tokio::task::yield_now().await;
    }
    Ok(rest)
}

/// Nothing, or more than there is, is not what was promised.
fn left(rest: u64, sent: u64) -> Result<u64, Broken> {
    rest.checked_sub(sent).filter(|_| sent > 0).ok_or(Broken::Store(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    /// A client that left is nobody's failure; a disk that fails must not look like one, nor end a file cleanly.
    #[test]
    fn who_is_to_blame_when_the_kernel_cannot_send() {
        for (errno, is_client) in [
            (Errno::PIPE, true),
            (Errno::CONNRESET, true),
            (Errno::CONNABORTED, true),
            (Errno::NOTCONN, true),
            (Errno::TIMEDOUT, true),
            (Errno::HOSTUNREACH, true),
            (Errno::NETUNREACH, true),
            (Errno::IO, false),
            (Errno::NOMEM, false),
            (Errno::STALE, false),
            (Errno::OVERFLOW, false),
        ] {
            let blamed = Broken::of_sending(errno.into());
            assert_eq!(matches!(blamed, Broken::Client), is_client, "{errno:?}");
        }
    }
}

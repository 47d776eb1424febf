//! The short way of plain requests: `GET` of a whole file under a link that is alive, without hyper.
//!
//! Whatever is not plain, and whatever is not answered with the file, is left to hyper from its first octet on: so every
//! refusal and every finer rule of HTTP has one place, and here is only how a file gets out at the least cost
//! (docs/BENCHMARKS.md says what it is).
//!
//! The promise is kept as everywhere: a small file is handed to the kernel at once, within the write window of a statement
//! that was sent after the request arrived. What the kernel does not take at once is a running download, which the sweep
//! and the gate know.

mod head;
mod request;
mod running;
mod small;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::cache::LARGEST_OBJECT_OCTETS;
use super::file::{self, Source};
use super::holder::Holder;
use super::{Public, PublicService, download};
use crate::edge::GatedSocket;
use crate::liveness::WRITE_WINDOW;
use crate::store::ServedObject;
use head::Heads;
use request::{Plain, Seen};

/// How it goes on after a request.
enum Next {
    /// With the next one.
    Request,
    /// With the same one, by hyper.
    Hyper,
    /// Not at all.
    Over,
}

/// Whoever may have the file, the file, and when the database was asked.
struct Grant {
    holder: Holder,
    served: Arc<ServedObject>,
    sent: Instant,
}

/// Serves a connection as long as its requests are plain. `None`: the connection is over.
pub(super) async fn serve(service: PublicService, mut socket: GatedSocket) -> Option<GatedSocket> {
    loop {
        let next = match next_request(&service.public, &mut socket).await {
            Some(Seen::Plain(plain)) => answer(&service, &mut socket, &plain).await,
            Some(_) => Next::Hyper,
            None => Next::Over,
        };
        match next {
            Next::Request => {}
            Next::Hyper => return Some(socket),
            Next::Over => return None,
        }
    }
}

/// Waits for the head of a request. `None`: no further one comes.
async fn next_request(public: &Public, socket: &mut GatedSocket) -> Option<Seen> {
    let mut heard = None;
    loop {
        // hyper answers what has come or begun to come, and ends the connection after it.
        if socket.gate().is_stopping() {
            return Some(Seen::Other);
        }
        if !socket.received().is_empty() {
            // What came with an earlier request starts when that is answered.
            let started = heard.unwrap_or_else(Instant::now);
            let (now, by_tls) = (public.app.clock.now(), public.app.settings.is_reached_by_tls());
            match request::read(socket.received(), started, now, by_tls) {
                Seen::Part => {}
                seen => return Some(seen),
            }
        }
        let received = poll_fn(|cx| {
            if socket.gate().is_stopping() {
                return Poll::Ready(None);
            }
            socket.poll_receive(cx).map(Some)
        });
        match received.await {
            Some(Ok(1..)) => heard = Some(socket.heard()),
            None => {}
            Some(Ok(0)) if !socket.received().is_empty() => return Some(Seen::Other),
            Some(Ok(0) | Err(_)) => return None,
        }
    }
}

async fn answer(service: &PublicService, socket: &mut GatedSocket, plain: &Plain) -> Next {
    let public = &*service.public;
    socket.begin_answer();
    let Some(mut grant) = ask(service, plain, plain.log.started).await else { return Next::Hyper };
    if grant.served.object.size > LARGEST_OBJECT_OCTETS {
        return running::large(service, socket, plain).await;
    }
    let served = Arc::clone(&grant.served);
    let Some(heads) = Heads::of(&served) else { return Next::Hyper };
    let source = file::open(public, &served, heads.etag(), None, &grant.holder, grant.sent).await;
    let Ok(source) = source else { return Next::Hyper };
    let (head, more) = (heads.head(&served, plain.wish, plain.now), head::rest(plain.now));
    let head = [&*head, &*more];
    if grant.sent.elapsed() >= WRITE_WINDOW {
        // The store took its time. What it gave is what the link leads to if the row is the same, and hyper's downloads
        // wait for a better answer if the database takes its time too.
        match ask(service, plain, Instant::now()).await {
            Some(again) if is_same_file(&again, &grant) && again.sent.elapsed() < WRITE_WINDOW => grant = again,
            _ => return Next::Hyper,
        }
    }
    match source {
        Source::Memory(octets) => small::from_memory(service, socket, plain, grant, head, &octets).await,
        Source::Store(body) => small::from_file(service, socket, plain, grant, head, body).await,
    }
}

fn is_same_file(one: &Grant, other: &Grant) -> bool {
    Arc::ptr_eq(&one.served, &other.served)
}

/// Asks the database, at `now`. `None`: hyper is to refuse.
async fn ask(service: &PublicService, plain: &Plain, now: Instant) -> Option<Grant> {
    let public = &*service.public;
    let Ok(answer) = public.batcher.ask_at(plain.presented.id, now).await else {
        service.unknown(plain.log.started);
        return None;
    };
    let row = download::genuine(answer.row, plain.presented).ok()?;
    let served = download::living(&row, plain.now).ok()?;
    let holder = Holder::Link(row);
    (!holder.is_brief()).then_some(Grant { holder, served, sent: answer.sent })
}

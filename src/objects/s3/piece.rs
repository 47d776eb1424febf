//! The body of an answer on its way from the store.

use std::io;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper_rustls::MaybeHttpsStream;

use super::plain::{Idle, poll_read};
use super::wire::ToServer;
use crate::objects::body::Portion;
use crate::objects::chunk::{CHUNK_OCTETS, Chunk};
use crate::objects::mend;
use crate::objects::pace::{Pace, SMALL_READ_OCTETS};
use crate::objects::pipe::Pipe;

/// One piece of an object.
pub(in crate::objects) enum Piece {
    /// Of a plain answer.
    Plain(Arriving),
    /// By hyper.
    Hyper(Incoming),
}

impl Piece {
    /// The next octets, which stay with the kernel where that pays. `None`: it is cut, or over.
    pub(in crate::objects) fn poll_portion(&mut self, cx: &mut Context<'_>) -> Poll<Option<Portion>> {
        match self {
            Self::Plain(body) => body.poll_portion(cx).map(|portion| portion?.ok()),
            Self::Hyper(body) => mend::octets(body, cx).map(|octets| octets.map(Portion::Memory)),
        }
    }
}

impl Body for Piece {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Plain(body) => body.poll_octets(cx).map_ok(Frame::data),
            Self::Hyper(body) => Pin::new(body).poll_frame(cx).map_err(io::Error::other),
        }
    }
}

/// The body of a plain answer: exactly as many octets as its head told, or an error.
pub(in crate::objects) struct Arriving {
    /// There until all has come.
    server: Option<ToServer>,
    /// Where its connection is kept afterwards.
    home: Option<Weak<Idle>>,
    /// What came with the head.
    begun: Bytes,
    /// What is still to come.
    rest: u64,
    pace: Pace,
    /// The kernel passes octets of this connection on.
    passes: bool,
}

impl Arriving {
    /// A body of which `begun` is here already, and `rest` is still to come.
    pub(super) fn new(server: ToServer, home: Option<Weak<Idle>>, begun: Bytes, rest: u64) -> Self {
        let mut pace = Pace::new();
        pace.came(begun.len());
        let passes = matches!(*server, MaybeHttpsStream::Http(_));
        Self { server: Some(server), home, begun, rest, pace, passes }
    }

    /// Counts what came. After the last octet, and not before somebody took it for an answer, the connection is free for
    /// others.
    fn came(&mut self, octets: usize) {
        self.rest = self.rest.saturating_sub(octets as u64);
        self.pace.came(octets);
        if self.rest > 0 {
            return;
        }
        if let (Some(server), Some(home)) = (self.server.take(), self.home.take().and_then(|home| home.upgrade())) {
            home.keep(server);
        }
    }

    /// The next octets, in memory.
    fn poll_octets(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if !self.begun.is_empty() || self.rest == 0 {
            self.came(0);
            let begun = std::mem::take(&mut self.begun);
            return Poll::Ready((!begun.is_empty()).then_some(Ok(begun)));
        }
        let Some(server) = &mut self.server else { return Poll::Ready(None) };
        let keeps_up = self.pace.keeps_up();
        let most = if keeps_up { CHUNK_OCTETS } else { SMALL_READ_OCTETS };
        let most = usize::try_from(self.rest).unwrap_or(most).min(most);
        let mut chunk = Chunk::of(CHUNK_OCTETS as u64);
        let octets = ready!(poll_read(server, cx, &mut chunk.room()[..most]))?;
        // What may wait for long takes no more memory than it needs.
        let octets = if keeps_up { chunk.into_bytes(octets) } else { Bytes::copy_from_slice(&chunk.room()[..octets]) };
        if octets.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.came(octets.len());
        Poll::Ready(Some(Ok(octets)))
    }

    /// The next octets, with the kernel where that pays: for a recipient that keeps up.
    fn poll_portion(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Portion>>> {
        if self.passes
            && self.begun.is_empty()
            && self.pace.keeps_up()
            && let Some(MaybeHttpsStream::Http(tcp)) = self.server.as_deref_mut()
            && let Some(mut pipe) = Pipe::take()
        {
            match ready!(tcp.poll_pass(cx, |socket| pipe.fill(socket, self.rest))) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Ok(octets) => {
                    self.came(octets);
                    return Poll::Ready(Some(Ok(Portion::Kernel(pipe))));
                }
                // If it is the connection that failed, reading says so.
                Err(_) => self.passes = false,
            }
        }
        self.poll_octets(cx).map_ok(Portion::Memory)
    }
}

//! An object on its way out, from whichever store.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::ObjectError;
use super::local_read::LocalBody;
use super::mend::{Mended, Octets, Owner};
use super::pipe::Pipe;
use super::s3::Piece;

/// Where the octets of an object on its way come from.
pub(super) enum Body {
    Local(LocalBody),
    S3(Box<Mended<Piece>>),
}

/// Some of the octets of an object.
pub enum Portion {
    /// In memory.
    Memory(Bytes),
    /// With the kernel, which gives them to sockets only.
    Kernel(Pipe),
}

impl Octets for Portion {
    fn octets(&self) -> usize {
        match self {
            Self::Memory(octets) => octets.len(),
            Self::Kernel(pipe) => pipe.octets(),
        }
    }
}

/// The octets of a range of one version: exactly as many as asked for, or an error as the last item. Never a clean
/// short end. A transfer from S3 that is cut is mended.
pub struct ObjectBody(pub(super) Body);

impl ObjectBody {
    /// Names who is asked before a cut transfer is mended, and told how that went. Without an owner it is mended.
    #[must_use]
    pub fn owned_by(mut self, owner: Owner) -> Self {
        match &mut self.0 {
            Body::Local(_) => {}
            Body::S3(body) => body.owned_by(owner),
        }
        self
    }
}

impl ObjectBody {
    /// Whether the kernel can send the next octets by itself, without waiting for a disk.
    #[must_use]
    pub fn is_at_hand(&mut self) -> bool {
        match &mut self.0 {
            Body::Local(body) => body.is_at_hand(),
            Body::S3(_) => false,
        }
    }

    /// Has the kernel send the next octets to a socket, and says how many it took. To be called only while they are at
    /// hand; what was sent is not given by the stream again.
    ///
    /// # Errors
    /// The socket's, or the file's.
    pub fn send_to(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        match &mut self.0 {
            Body::Local(body) => body.send_to(socket),
            Body::S3(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// As the stream, for whoever has a socket to send to: where the kernel can pass the octets on by itself, they need
    /// not come to memory.
    pub fn poll_portion(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Portion, ObjectError>>> {
        match &mut self.0 {
            Body::Local(body) => Pin::new(body).poll_next(cx).map_ok(Portion::Memory),
            Body::S3(body) => body.poll_by(cx, Piece::poll_portion),
        }
    }
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody").finish_non_exhaustive()
    }
}

impl Stream for ObjectBody {
    type Item = Result<Bytes, ObjectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Body::Local(body) => Pin::new(body).poll_next(cx),
            Body::S3(body) => Pin::new(body).poll_next(cx),
        }
    }
}

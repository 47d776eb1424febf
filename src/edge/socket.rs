//! The socket below hyper: asks the gate before each write, and is reset instead of closed when it was cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Watch;
use crate::liveness::Gate;

/// A connection's socket.
pub struct GatedSocket {
    stream: TcpStream,
    gate: Arc<Gate>,
    watch: Arc<Watch>,
}

impl GatedSocket {
    /// Puts the gate before the socket, and tells the watch what passes.
    #[must_use]
    pub fn new(stream: TcpStream, gate: Arc<Gate>, watch: Arc<Watch>) -> Self {
        Self { stream, gate, watch }
    }

    /// Whether the gate is open. While it is not, the client is not waited for.
    fn may_write(&self, cx: &Context<'_>) -> bool {
        let allowed = self.gate.poll_write_allowed(cx).is_ready();
        if !allowed {
            self.watch.paused();
        }
        allowed
    }

    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(octets)) => self.watch.took(*octets),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.full(),
        }
        result
    }
}

impl Drop for GatedSocket {
    fn drop(&mut self) {
        if self.gate.is_cut() {
            // The client sees an error, never a short file that looks whole.
            reset_when_dropped(&self.stream);
        }
        self.gate.closed();
    }
}

impl AsyncRead for GatedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.watch.received();
        }
        read
    }
}

impl AsyncWrite for GatedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.may_write(cx) {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.may_write(cx) {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when its own buffers are empty, which is how we know that a download's last byte is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.gate.flushed();
            self.watch.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Closing with a linger time of zero sends RST and throws away what the kernel still holds. It cannot fail on a socket
/// that is open.
pub(super) fn reset_when_dropped(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

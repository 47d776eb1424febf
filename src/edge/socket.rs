//! The socket below hyper: asks the gate before each write, and is reset instead of closed when it was cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::liveness::Gate;

/// A client that takes nothing for this long is gone.
#[derive(Debug, Clone, Copy)]
pub struct Stall(pub Duration);

/// A connection's socket.
pub struct GatedSocket {
    stream: TcpStream,
    gate: Arc<Gate>,
    stall: Duration,
    /// Runs while the kernel takes no bytes.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl GatedSocket {
    /// Puts the gate before the socket.
    #[must_use]
    pub fn new(stream: TcpStream, gate: Arc<Gate>, Stall(stall): Stall) -> Self {
        Self { stream, gate, stall, stalled: None }
    }

    fn written(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        match stalled.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.gate.cut();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl Drop for GatedSocket {
    fn drop(&mut self) {
        if self.gate.is_cut() {
            // Closing with a linger time of zero sends RST and throws away what the kernel still holds: the client
            // sees an error, never a short file that looks whole. It cannot fail on a socket that is open.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
        self.gate.closed();
    }
}

impl AsyncRead for GatedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for GatedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.gate.poll_write_allowed(cx).is_pending() {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gate.poll_write_allowed(cx).is_pending() {
            return Poll::Pending;
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when its own buffers are empty, which is how we know that a download's last byte is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.gate.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

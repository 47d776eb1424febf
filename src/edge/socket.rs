//! The socket below hyper and what comes before it: asks the gate before each write, and is reset instead of closed when
//! it was cut.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::Watch;
use super::unsent::Unsent;
use crate::liveness::Gate;

/// What is made room for at a time: the heads of most requests.
const RECEIVED_OCTETS: usize = 2048;

/// A connection's socket.
pub struct GatedSocket {
    stream: TcpStream,
    gate: Arc<Gate>,
    watch: Arc<Watch>,
    unsent: Unsent,
    /// What came, and was not consumed.
    received: BytesMut,
    /// When the last of it came.
    heard: Instant,
}

impl GatedSocket {
    /// Puts the gate before the socket, and tells the watch what passes.
    #[must_use]
    pub fn new(stream: TcpStream, gate: Arc<Gate>, watch: Arc<Watch>) -> Self {
        let unsent = Unsent::begin(&stream);
        Self { stream, gate, watch, unsent, received: BytesMut::new(), heard: Instant::now() }
    }

    /// What came, and was not consumed.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// When octets came last by [`poll_receive`](Self::poll_receive).
    #[must_use]
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Receives more, or nothing when the client sends no more.
    ///
    /// # Errors
    /// The client is gone.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.received.capacity() == self.received.len() {
            self.received.reserve(RECEIVED_OCTETS);
        }
        let read = poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.received);
        if let Poll::Ready(Ok(1..)) = read {
            self.heard = Instant::now();
            self.watch.received(|| self.heard);
        }
        read
    }

    /// A request has been read, and is being answered.
    pub fn begin_answer(&self) {
        self.watch.request();
    }

    /// Forgets the first octets of what came: a request, once it is answered here.
    pub fn consume(&mut self, octets: usize) {
        self.received.advance(octets);
        if self.received.is_empty() {
            // The next one comes into the same memory, which is in the processor's cache still. It cannot fail: nobody shares it.
            let _ = self.received.try_reclaim(RECEIVED_OCTETS);
        }
    }

    /// The answer has been written.
    pub fn answered(&self, now: Instant) {
        self.gate.flushed();
        self.watch.body_over();
        self.watch.flushed(|| now);
        if !self.received.is_empty() {
            self.watch.received(|| now);
        }
    }

    /// The gate before it.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Writes as much as the kernel takes at once.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn write_now(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        poll_fn(|cx| match Pin::new(&mut *self).poll_write_vectored(cx, parts) {
            Poll::Pending => Poll::Ready(Ok(0)),
            written @ Poll::Ready(_) => written,
        })
        .await
    }

    /// As [`write_now`](Self::write_now), of what is to leave together with what is written next.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn write_before_more(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let (mut nothing, flags) = (SendAncillaryBuffer::default(), SendFlags::MORE | SendFlags::NOSIGNAL);
        self.send_now(|socket| Ok(sendmsg(socket, parts, &mut nothing, flags)?)).await
    }

    /// As [`poll_send`](Self::poll_send), without waiting for the client.
    ///
    /// # Errors
    /// As there.
    pub async fn send_now(&mut self, mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>) -> io::Result<usize> {
        poll_fn(|cx| match self.poll_send(cx, &mut call) {
            Poll::Pending => Poll::Ready(Ok(0)),
            sent @ Poll::Ready(_) => sent,
        })
        .await
    }

    /// Writes everything.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn write_all(&mut self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        while parts.iter().any(|part| !part.is_empty()) {
            let written = poll_fn(|cx| Pin::new(&mut *self).poll_write_vectored(cx, parts)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(())
    }

    /// Has the kernel take octets from elsewhere, by a call that says how many it took (`sendfile(2)`).
    ///
    /// # Errors
    /// The client is gone, or the call's own.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if !self.may_write(cx) {
                return Poll::Pending;
            }
            if self.stream.poll_write_ready(cx)?.is_pending() {
                return self.written(Poll::Pending);
            }
            match self.stream.try_io(Interest::WRITABLE, || call(self.stream.as_fd())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return self.written(Poll::Ready(sent)),
            }
        }
    }

    /// Reads what the kernel has, though the runtime has not heard of it yet: who closes a connection now must know.
    fn read_unheard(&self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match (&*SockRef::from(&self.stream)).read(buf.initialize_unfilled()) {
            Ok(octets) => {
                buf.advance(octets);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Whether the gate is open. While it is not, the client is not waited for.
    fn may_write(&self, cx: &Context<'_>) -> bool {
        let allowed = self.gate.poll_write_allowed(cx).is_ready();
        if !allowed {
            self.watch.paused();
        }
        allowed
    }

    fn written(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(octets)) => {
                self.unsent.took(*octets, &self.stream);
                self.watch.took(*octets);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                self.unsent.full();
                self.watch.full();
            }
        }
        result
    }
}

impl Drop for GatedSocket {
    fn drop(&mut self) {
        // After this no download of it can be cut any more: what was counted as cut is reset.
        self.gate.closed();
        if self.gate.is_cut() {
            // The client sees an error, never a short file that looks whole.
            reset_when_dropped(&self.stream);
        }
    }
}

impl AsyncRead for GatedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if !self.received.is_empty() {
            let octets = self.received.len().min(buf.remaining());
            buf.put_slice(&self.received.split_to(octets));
            self.watch.received(Instant::now);
            return Poll::Ready(Ok(()));
        }
        let mut read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() && self.gate.is_stopping() {
            read = self.read_unheard(buf);
        }
        if buf.filled().len() > before {
            self.watch.received(Instant::now);
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
        bufs: &[IoSlice<'_>],
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
            self.watch.flushed(Instant::now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::task::Waker;
    use tokio::net::TcpListener;

    use crate::edge::Patience;

    const PATIENCE: Patience =
        Patience { header: Duration::MAX, idle: Duration::MAX, stall: Duration::MAX, rate: None };

    async fn pair() -> (std::net::TcpStream, GatedSocket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (client, GatedSocket::new(stream, Gate::new(), Arc::new(Watch::new(PATIENCE))))
    }

    /// The runtime hears of them only when its one thread has nothing else to do.
    #[tokio::test]
    async fn what_came_before_the_stop_is_read_after_it() {
        let (mut client, mut socket) = pair().await;
        let (mut room, mut cx) = ([0; 8], Context::from_waker(Waker::noop()));
        let mut buf = ReadBuf::new(&mut room);
        assert!(Pin::new(&mut socket).poll_read(&mut cx, &mut buf).is_pending());
        client.write_all(b"GET").unwrap();
        assert!(Pin::new(&mut socket).poll_read(&mut cx, &mut buf).is_pending(), "it is not heard of");
        socket.gate.stop();
        assert!(Pin::new(&mut socket).poll_read(&mut cx, &mut buf).is_ready());
        assert_eq!(buf.filled(), b"GET");
        assert!(Pin::new(&mut socket).poll_read(&mut cx, &mut buf).is_pending(), "there is no more");
        drop(client);
        assert!(Pin::new(&mut socket).poll_read(&mut cx, &mut buf).is_ready());
        assert_eq!(buf.filled(), b"GET", "its end");
    }
}

//! One connection, from its first octet to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::serve::{Accepted, Front};
use super::{GatedSocket, Watch};
use crate::liveness::Gate;

/// What hyper may hold of one connection, in each direction: several reads of a file, and all headers of a request.
const CONNECTION_BUFFER_OCTETS: usize = 64 * 1024;

/// The head of a request, its first line included: as much as nginx takes by default, so that no proxy lets more
/// through. More is answered with 431, and so are more than a hundred headers, which is hyper's own limit.
const HEAD_OCTETS: usize = 32 * 1024;

/// Serves a connection until its client, the service or a limit ends it: first by `front`, then by hyper.
pub(super) async fn connection<S, B>(stream: TcpStream, accepted: Accepted, front: Option<Front>, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Accepted { gate, watch, .. } = &accepted;
    // Small responses must not wait for an acknowledgement (Nagle). This fails only when the peer is gone already.
    let _ = stream.set_nodelay(true);
    let mut socket = GatedSocket::new(stream, Arc::clone(gate), Arc::clone(watch));
    if let Some(front) = front {
        // It looks at the stop itself, each time it is polled.
        match supervised(front(socket), |_| {}, gate).await.flatten() {
            Some(left) => socket = left,
            None => return,
        }
    }
    let told = Arc::clone(watch);
    let watched = service_fn(move |request| {
        told.request();
        let (answer, watch) = (service.call(request), Arc::clone(&told));
        async move { answer.await.map(|response| response.map(|body| WatchedBody { body, watch })) }
    });
    let served = http1::Builder::new()
        // The watch has it, and lets a connection that is kept alive wait for longer than a head.
        .header_read_timeout(None)
        .max_buf_size(CONNECTION_BUFFER_OCTETS)
        .max_header_size(HEAD_OCTETS)
        .serve_connection(TokioIo::new(socket), watched);
    if let Some(Err(error)) = supervised(served, http1::Connection::graceful_shutdown, gate).await {
        // What a client did wrong is its own affair; the text never holds what it sent.
        tracing::debug!(kind = kind(&error), "a connection ended early");
    }
}

/// Runs what serves a connection until it ends, or has to: then `None`, and with what served it the socket is dropped:
/// closed, or reset when the gate was cut.
///
/// All orders come through the gate: a connection shares nothing with the others that it would have to look at each time
/// that it is polled, and has no timer.
async fn supervised<F: Future>(served: F, stop: impl Fn(Pin<&mut F>), gate: &Gate) -> Option<F::Output> {
    let mut served = std::pin::pin!(served);
    let mut stopping = false;
    poll_fn(|cx| {
        gate.has_task(cx);
        if gate.is_over() {
            return Poll::Ready(None);
        }
        let mut ended = served.as_mut().poll(cx);
        if ended.is_pending() && gate.is_stopping() && !std::mem::replace(&mut stopping, true) {
            // Not before it was polled: hyper would end it without an answer to what has come already.
            stop(served.as_mut());
            ended = served.as_mut().poll(cx);
        }
        ended.map(Some)
    })
    .await
}

/// A response's body that tells the watch when it is over.
struct WatchedBody<B> {
    body: B,
    watch: Arc<Watch>,
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        self.watch.body_over();
    }
}

fn kind(error: &hyper::Error) -> &'static str {
    if error.is_parse() {
        "malformed"
    } else if error.is_incomplete_message() {
        "incomplete"
    } else if error.is_body_write_aborted() {
        "body"
    } else {
        "io"
    }
}

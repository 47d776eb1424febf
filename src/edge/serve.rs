//! Accepting and serving connections until the service stops.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{GatedSocket, Stall};
use crate::liveness::Gate;
use crate::metrics::ListenerMetrics;

/// What hyper may hold of one connection, in each direction: several reads of a file, and all headers of a request.
const CONNECTION_BUFFER_OCTETS: usize = 64 * 1024;

/// After this pause the loop accepts again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of one listener, and what stops it.
#[derive(Clone)]
pub struct Edge {
    /// From the first byte of a connection, or the end of the last response, to the end of the request's head.
    pub header_timeout: Duration,
    /// A client that takes nothing for this long is reset.
    pub stall_timeout: Duration,
    /// Connections at once; more wait in the kernel's queue. Shared by the threads of a listener.
    pub connections: Arc<Semaphore>,
    /// Stop accepting; let what is running end.
    pub stop: CancellationToken,
    /// The drain deadline has passed: reset what is left.
    pub reset: CancellationToken,
    /// Counts connections.
    pub metrics: ListenerMetrics,
}

/// Accepts connections until `edge.stop`, and serves each with what `service` makes for it. Returns when the last
/// connection has ended.
pub async fn serve<S, B>(listener: TcpListener, edge: Edge, service: impl Fn(Arc<Gate>, SocketAddr) -> S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = edge.stop.cancelled() => break,
            accepted = accept(&listener, &edge.connections) => accepted,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let gate = Gate::new();
        let service = service(Arc::clone(&gate), peer);
        let edge = edge.clone();
        connections.spawn(async move {
            edge.metrics.connections.increment(1.0);
            connection(stream, gate, service, &edge).await;
            edge.metrics.connections.decrement(1.0);
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

async fn connection<S, B>(stream: TcpStream, gate: Arc<Gate>, service: S, edge: &Edge)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Small responses must not wait for an acknowledgement (Nagle). It fails only when the peer is gone already.
    let _ = stream.set_nodelay(true);
    let socket = GatedSocket::new(stream, Arc::clone(&gate), Stall(edge.stall_timeout));
    let mut served = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(edge.header_timeout)
            .max_buf_size(CONNECTION_BUFFER_OCTETS)
            .serve_connection(TokioIo::new(socket), service)
    );
    let mut stopping = false;
    loop {
        // When this returns, `served` and with it the socket is dropped: closed, or reset when the gate was cut.
        tokio::select! {
            biased;
            () = gate.cut_requested() => return,
            () = edge.reset.cancelled() => {
                gate.cut();
                return;
            }
            () = edge.stop.cancelled(), if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
            }
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    // What a client did wrong is its own affair; the text never holds what it sent.
                    tracing::debug!(kind = kind(&error), "a connection ended early");
                }
                return;
            }
        }
    }
}

fn kind(error: &hyper::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_parse() {
        "malformed"
    } else if error.is_incomplete_message() {
        "incomplete"
    } else if error.is_body_write_aborted() {
        "body"
    } else {
        "io"
    }
}

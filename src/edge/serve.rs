//! Accepting connections until the service stops.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::connection;
use super::live::Live;
use super::socket::reset_when_dropped;
use super::{GatedSocket, Patience, Place, Places, Watch};
use crate::liveness::Gate;
use crate::metrics::ListenerMetrics;

/// After this pause the loop accepts again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of one listener, and what stops it.
#[derive(Clone)]
pub struct Edge {
    /// How long clients may take.
    pub patience: Patience,
    /// Connections at once, shared by the threads of a listener. More wait in the kernel's queue: a burst is late, not
    /// lost.
    pub connections: Arc<Semaphore>,
    /// Connections of one client at once. More are reset, so that the others find places.
    pub places: Arc<Places>,
    /// Stop accepting; let what is running end.
    pub stop: CancellationToken,
    /// The drain deadline has passed: reset what is left.
    pub reset: CancellationToken,
    /// Counts connections.
    pub metrics: ListenerMetrics,
}

/// What a service is told of its connection.
pub struct Accepted {
    /// Who called.
    pub peer: SocketAddr,
    /// Stands before its socket, and tells when no further request is to be answered.
    pub gate: Arc<Gate>,
    /// Knows what it waits for.
    pub watch: Arc<Watch>,
}

/// What serves a connection before hyper does. It gives the socket back to leave the rest to hyper, with what it has
/// received and not consumed; `None`: the connection is over.
pub type Front = Box<dyn FnOnce(GatedSocket) -> BoxFuture<'static, Option<GatedSocket>> + Send>;

/// Accepts connections until `edge.stop`, and serves each with what `service` makes for it: what answers for
/// hyper, and what comes before hyper, if anything. Returns when the last connection has ended.
pub async fn serve<S, B>(listener: TcpListener, edge: Edge, service: impl Fn(&Accepted) -> (S, Option<Front>))
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let live = Live::default();
    let serving = async {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = edge.stop.cancelled() => break,
                accepted = accept(&listener, &edge) => accepted,
            };
            let (stream, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let watch = Arc::new(Watch::new(edge.patience));
            let accepted = Accepted { peer, gate: Gate::new(), watch };
            let (service, front) = service(&accepted);
            let known = live.enter(&accepted, edge.metrics.connections.clone());
            connections.spawn(async move {
                connection(stream, accepted, front, service).await;
                drop((known, place));
            });
        }
        drop(listener);
        connections.close();
        live.each(Gate::stop);
        tokio::select! {
            () = connections.wait() => return,
            () = edge.reset.cancelled() => live.each(Gate::cut),
        }
        connections.wait().await;
    };
    tokio::select! {
        () = serving => {}
        never = live.look_for_ever(&edge) => match never {},
    }
}

/// The next connection that there is a place for. Those of a client that has all its places are refused here, so that
/// they take no place from others, also while all are taken.
async fn accept(
    listener: &TcpListener,
    edge: &Edge,
) -> io::Result<(TcpStream, SocketAddr, (Place, OwnedSemaphorePermit))> {
    loop {
        let (stream, peer) = listener.accept().await?;
        let Some(place) = edge.places.take(peer.ip()) else {
            edge.metrics.refused.increment(1);
            reset_when_dropped(&stream);
            continue;
        };
        let permit = Arc::clone(&edge.connections).acquire_owned().await.map_err(io::Error::other)?;
        return Ok((stream, peer, (place, permit)));
    }
}

//! The HTTP client that goes to S3 for whatever is no plain `GET` (`plain.rs`), and what both have in common: how
//! connections are opened, one TLS, and sockets that acknowledge at once.
//!
//! Some S3 servers (Garage, s3s) write an answer in two pieces and let Nagle hold the second back until the first is
//! acknowledged; with Linux's delayed acknowledgements a small object then takes 44 ms on a kept connection. The client
//! ends it with `TCP_QUICKACK`, which the kernel forgets at each turn of the talk and which is therefore set anew
//! whenever a part of an answer has come and more is waited for.

use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as SdkConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use thread_local::ThreadLocal;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// For a TCP connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that nobody used for this long is closed: before the server does so in the middle of a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections kept for later, by each thread.
pub(super) const IDLE_CONNECTIONS: usize = 64;
/// What a connection reads at once. hyper's own bound is 400 kB.
const READ_AHEAD_OCTETS: usize = 128 * 1024;
/// A request's body may take as long as at this rate, on top of the read timeout: 64 KiB/s.
const SLOWEST_UPLOAD_OCTETS_PER_SECOND: u64 = 64 * 1024;

type Connector = HttpsConnector<Acknowledging>;
/// A connection to the server. Boxed, for it goes from hand to hand, and TLS takes a kilobyte.
pub(super) type ToServer = Box<MaybeHttpsStream<AtOnce>>;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the connection failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// The client, one for each thread: a connection's task lives on the runtime that opened it, and an answer that crosses
/// threads costs two wake-ups more.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    connector: Connector,
    clients: Arc<ThreadLocal<Client<Connector, SdkBody>>>,
}

impl Wire {
    /// A client that trusts the machine's certificates (`SSL_CERT_FILE` names others).
    pub(super) fn new() -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .wrap_connector(Acknowledging(tcp));
        Ok(Self { connector, clients: Arc::default() })
    }

    fn client(&self) -> &Client<Connector, SdkBody> {
        self.clients.get_or(|| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .http1_max_buf_size(READ_AHEAD_OCTETS)
                .build(self.connector.clone())
        })
    }

    /// Opens a connection of its own.
    pub(super) async fn connect(&self, server: Uri) -> Result<ToServer, NoAnswer> {
        let connected = tower::ServiceExt::oneshot(self.connector.clone(), server).await;
        connected.map(Box::new).map_err(NoAnswer::Failed)
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<SdkBody>,
        read_timeout: Duration,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let octets = request.body().size_hint().exact().unwrap_or(0);
        let patience = read_timeout + Duration::from_secs(octets / SLOWEST_UPLOAD_OCTETS_PER_SECOND);
        match tokio::time::timeout(patience, self.client().request(request)).await {
            Ok(answer) => answer.map_err(|failed| NoAnswer::Failed(failed.into())),
            Err(_) => Err(NoAnswer::Timeout(patience)),
        }
    }
}

/// The client as the SDK sees it.
#[derive(Debug)]
struct ForSdk {
    wire: Wire,
    read_timeout: Duration,
}

impl SdkConnector for ForSdk {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (wire, read_timeout) = (self.wire.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let answer = wire.send(request, read_timeout).await.map_err(|failed| match failed {
                NoAnswer::Timeout(_) => ConnectorError::timeout(failed.into()),
                NoAnswer::Failed(_) => ConnectorError::io(failed.into()),
            })?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Used where the SDK was told no timeout, as for credentials from the network.
const OTHER_READ_TIMEOUT: Duration = Duration::from_secs(10);

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let read_timeout = settings.read_timeout().unwrap_or(OTHER_READ_TIMEOUT);
        SharedHttpConnector::new(ForSdk { wire: self.clone(), read_timeout })
    }
}

/// Opens connections that acknowledge at once.
#[derive(Clone, Debug)]
struct Acknowledging(HttpConnector);

impl tower::Service<Uri> for Acknowledging {
    type Response = AtOnce;
    type Error = <HttpConnector as tower::Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<AtOnce, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.call(server);
        Box::pin(async move { Ok(AtOnce::new(connecting.await?)) })
    }
}

/// A connection that acknowledges at once.
#[derive(Debug)]
pub(super) struct AtOnce {
    io: TokioIo<TcpStream>,
    /// Something came that may not be acknowledged yet.
    unacknowledged: bool,
}

impl AtOnce {
    fn new(io: TokioIo<TcpStream>) -> Self {
        Self { io, unacknowledged: false }
    }

    /// An answer has come whole: nothing more is waited for.
    pub(super) fn over(&mut self) {
        self.unacknowledged = false;
    }

    /// Has the kernel pass on what came, by a call that says how many octets it took; none at the end of all.
    pub(super) fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let passed = loop {
            let tcp = self.io.inner();
            if tcp.poll_read_ready(cx)?.is_pending() {
                break Poll::Pending;
            }
            match tcp.try_io(Interest::READABLE, || call(tcp.as_fd())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                passed => break Poll::Ready(passed),
            }
        };
        self.received(passed.is_ready());
        passed
    }

    fn received(&mut self, something: bool) {
        if !something && self.unacknowledged {
            // Where it cannot be had, answers are only slower.
            let _ = socket2::SockRef::from(self.io.inner()).set_tcp_quickack(true);
        }
        self.unacknowledged = something;
    }
}

impl Connection for AtOnce {
    fn connected(&self) -> Connected {
        self.io.inner().connected()
    }
}

impl Read for AtOnce {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, room);
        self.received(read.is_ready());
        read
    }
}

impl Write for AtOnce {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

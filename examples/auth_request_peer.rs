//! What somebody would put behind nginx's `auth_request` to make its links revocable: a service that reads a link's row
//! from PostgreSQL for each request. `scripts/bench postgres` measures attachlink against it.
//!
//! `auth_request_peer PORT CONNECTIONS_PER_THREAD`, with `DATABASE_URL`. The token is in the header `x-token`; the answer is
//! 204 or 403. It is made as well as one would: a runtime and a listener for each core, kept connections, a statement that
//! is prepared once, and no question to the database but the one that has to be asked.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const TOKEN_PREFIX: &str = "al1_";
const LINK_ID_OCTETS: usize = 16;
const BACKLOG: i32 = 4096;

/// The same row by the same joins as attachlink's (`src/store/liveness.rs`), for one link.
const LIVENESS: &str = "SELECT l.secret_hash, l.expires_at, \
     (l.revoked_at IS NULL AND p.project_id IS NOT NULL AND c.comment IS NULL) AS alive FROM links AS l \
     LEFT JOIN attachments AS a ON a.attachment_id = l.attachment_id \
     AND a.comment = l.comment AND a.attachment = l.attachment \
     LEFT JOIN projects AS p ON p.project_id = a.project_id AND l.generation IN (p.generation, p.portal_generation) \
     AND p.site = l.site AND p.project = l.project \
     LEFT JOIN comments AS c ON c.site = l.site AND c.project = l.project AND c.comment = l.comment \
     AND c.deleted_at IS NOT NULL WHERE l.link_id = $1";

#[expect(clippy::disallowed_methods, reason = "this is no part of attachlink, and has no Clock")]
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// The link's id and its secret.
fn token(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get("x-token")?.to_str().ok()?.strip_prefix(TOKEN_PREFIX)?;
    let octets = URL_SAFE_NO_PAD.decode(text).ok()?;
    (octets.len() > LINK_ID_OCTETS).then_some(octets)
}

/// The hash of the secret, when the link expires, and whether it is alive apart from that.
type Row = (Vec<u8>, i64, bool);

/// The connections of one thread to the database. `PgPool` would ask the server, each time that one comes back, whether it
/// still answers.
struct Connections {
    options: PgConnectOptions,
    /// Those that nobody uses; the one that came back last is taken first.
    idle: Mutex<Vec<PgConnection>>,
    /// As many as may be in use; who comes later waits in turn.
    permits: Semaphore,
}

impl Connections {
    async fn open(options: PgConnectOptions, count: usize) -> Result<Self, sqlx::Error> {
        let mut idle = Vec::with_capacity(count);
        for _ in 0..count {
            idle.push(PgConnection::connect_with(&options).await?);
        }
        Ok(Self { options, idle: Mutex::new(idle), permits: Semaphore::new(count) })
    }

    /// A connection that fails, or whose answer nobody waits for any more, is dropped: another is opened in its place.
    async fn row(&self, link_id: &[u8]) -> Result<Option<Row>, sqlx::Error> {
        let _permit = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = self.idle.lock().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options).await?,
        };
        let row = sqlx::query_as(LIVENESS).bind(link_id).fetch_optional(&mut connection).await?;
        self.idle.lock().push(connection);
        Ok(row)
    }
}

async fn is_alive(connections: &Connections, token: &[u8]) -> Result<bool, sqlx::Error> {
    let (link_id, secret) = token.split_at(LINK_ID_OCTETS);
    let Some((hash, expires_at, alive)) = connections.row(link_id).await? else { return Ok(false) };
    let presented = ring::digest::digest(&ring::digest::SHA256, secret);
    Ok(alive && unix_seconds() < expires_at && bool::from(presented.as_ref().ct_eq(&hash)))
}

async fn answer(
    connections: Arc<Connections>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let alive = match token(request.headers()) {
        Some(token) => is_alive(&connections, &token).await,
        None => Ok(false),
    };
    let status = match alive {
        Ok(true) => StatusCode::NO_CONTENT,
        Ok(false) => StatusCode::FORBIDDEN,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}

/// A listener that shares its port with those of the other threads.
fn listener(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn serve(port: u16, options: PgConnectOptions, count: usize) -> anyhow::Result<()> {
    let connections = Arc::new(Connections::open(options, count).await?);
    let listener = listener(port)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let connections = Arc::clone(&connections);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&connections), request));
            // A connection that breaks is nginx's to open again.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().ok_or_else(|| anyhow::anyhow!("PORT CONNECTIONS_PER_THREAD"));
    let (port, count) = (number()?.parse()?, number()?.parse()?);
    let options = std::env::var("DATABASE_URL")?.parse::<PgConnectOptions>()?.disable_statement_logging();
    // As attachlink has it: the statement is planned once, too.
    let options = options.options([("plan_cache_mode", "force_generic_plan")]);
    let threads: Vec<_> = (0..std::thread::available_parallelism()?.get())
        .map(|_| {
            let options = options.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(serve(port, options, count))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    Ok(())
}

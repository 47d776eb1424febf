//! What the planted bugs put in front of a replica's listeners, in its own process.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::download::little_room;

/// What one read of a connection takes: little, so that little more is in between.
const BUFFER_OCTETS: usize = 4 * 1024;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

struct Memory {
    api: SocketAddr,
    client: Client<HttpConnector, Body>,
    tried: Mutex<HashSet<Uri>>,
}

/// In front of the API: a `DELETE` that was tried before is answered with success, whatever became of it.
pub async fn remembering(api: SocketAddr) -> SocketAddr {
    let (listener, address) = listener().await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let memory = Arc::new(Memory { api, client, tried: Mutex::default() });
    let router = Router::new().fallback(remember).with_state(memory);
    tokio::spawn(async move { serve(listener, router).await });
    address
}

async fn remember(State(memory): State<Arc<Memory>>, mut request: Request) -> Response {
    if request.method() == Method::DELETE && !memory.tried.lock().insert(request.uri().clone()) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let onwards = format!("http://{}{}", memory.api, request.uri());
    *request.uri_mut() = onwards.parse().expect("an address");
    match memory.client.request(request).await {
        Ok(answer) => answer.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn serve(listener: TcpListener, router: Router) {
    while let Ok((socket, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let socket = hyper_util::rt::TokioIo::new(socket);
            // A client that leaves is no concern of ours.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await;
        });
    }
}

/// In front of the public listener: the length is taken out of heads, so that the end of the connection is the end of the
/// body, and a reset becomes such an end.
pub async fn ending_cleanly(public: SocketAddr) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            // When it fails, so does the download.
            tokio::spawn(async move { pass_without_length(client, public).await });
        }
    });
    address
}

async fn pass_without_length(client: TcpStream, public: SocketAddr) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = little_room()?.connect(public).await?.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let (mut head, mut buffer) = (Vec::new(), vec![0; BUFFER_OCTETS]);
    let body = loop {
        let octets = from_server.read(&mut buffer).await?;
        head.extend_from_slice(&buffer[..octets]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break head.split_off(end);
        }
        if octets == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&head).replace("content-length:", "x-length:") + "\r\nconnection: close";
    to_client.write_all(&[head.as_bytes(), &body].concat()).await?;
    while let Ok(octets @ 1..) = from_server.read(&mut buffer).await {
        to_client.write_all(&buffer[..octets]).await?;
    }
    to_client.shutdown().await
}

//! Plain `GET`s of the store: their connections are kept, the kernel passes large objects on, and what is not plain is
//! left to hyper.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attachlink::liveness::AskedBy;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, crypto};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::failing_store::{Place, sample};
use crate::authority::Authority;
use crate::binary::{self, curl};
use crate::fault_server::{Fault, FaultServer, Mood};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_used_again_and_one_that_was_closed_is_no_failure() {
    let place = Place::start(&[]).await;
    let octets = sample(20_000);
    let url = place.link("small", &octets).await;
    place.server.forget_connections();
    for round in 0..5 {
        for _ in 0..10 {
            assert!(place.service.open(&url).await.ok(200).body == octets);
        }
        // One for each public thread that was asked.
        assert!(place.server.connections() <= (round + 1) * 2, "{} in round {round}", place.server.connections());
        place.server.close_idle();
    }
    assert!(place.server.connections() > 2, "those that were closed are not used");
}

/// What is kept is asked about each time: by an octet, which is taken, or the connection could not be used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_used_again_where_small_objects_are_kept() {
    let place = Place::start(&[("ATTACHLINK_CACHE_BYTES", "1000000")]).await;
    let octets = sample(20_000);
    let url = place.link("small", &octets).await;
    place.server.forget_connections();
    let before = place.server.gets();
    for _ in 0..40 {
        assert!(place.service.open(&url).await.ok(200).body == octets);
    }
    assert_eq!(place.server.gets() - before, 40, "it is asked about each time");
    // As above.
    assert!(place.server.connections() <= 2, "{}", place.server.connections());
}

/// Such a store is asked twice, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_do_not_say_how_long_they_are_are_left_to_hyper() {
    let place = Place::start(&[]).await;
    let (small, large) = (sample(20_000), sample(600_000));
    let (small_url, large_url) = (place.link("small", &small).await, place.link("large", &large).await);
    place.server.plan(|_| Fault::CleanShortEnd(u64::MAX));
    let before = place.server.gets();
    for _ in 0..3 {
        assert!(place.download(&small_url, None).await.unwrap() == small);
        assert!(place.download(&large_url, None).await.unwrap() == large);
        assert!(place.download(&large_url, Some(&(5..500_000))).await.unwrap() == large[5..500_000]);
    }
    assert_eq!(place.server.gets() - before, 9 + 1);
}

/// The database's first yes is too old by then: it is asked again, and the store is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_takes_its_time_is_asked_once() {
    const TAKES: Duration = Duration::from_secs(1);
    let place = Place::start(&[]).await;
    let octets = sample(20_000);
    let url = place.link("small", &octets).await;
    let (doomed, doomed_id) = place.service.link("c1", "small").await;
    place.server.mood(Mood::Slow(TAKES));
    let before = place.server.gets();
    for round in 1..=3 {
        assert!(place.service.open(&url).await.ok(200).body == octets);
        assert_eq!(place.server.gets() - before, round);
    }
    let revoke = async {
        tokio::time::sleep(TAKES / 2).await;
        place.service.delete(&format!("/sites/acme/links/{doomed_id}")).await.ok(204);
    };
    let (refused, ()) = tokio::join!(place.service.open(&doomed), revoke);
    refused.ok(410);
    assert_eq!(place.server.gets() - before, 4);
}

/// Where the database takes its time as well, what it says of a file at last is older than what may be written under.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_that_comes_late_lets_nothing_out() {
    const TAKES: Duration = Duration::from_secs(1);
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    let place = Place::start_around(&[], move |query| {
        Arc::new(move |links| match links.by {
            AskedBy::Request => Box::pin(std::future::pending()),
            AskedBy::Sweep => query(links),
            AskedBy::Batcher => {
                let late = counted.fetch_add(1, Ordering::SeqCst) == 1;
                let rows = query(links);
                Box::pin(async move {
                    let rows = rows.await;
                    if late {
                        tokio::time::sleep(TAKES).await;
                    }
                    rows
                })
            }
        })
    })
    .await;
    place.link("small", &sample(20_000)).await;
    let (doomed, doomed_id) = place.service.link("c1", "small").await;
    place.server.mood(Mood::Slow(TAKES));
    let revoke = async {
        tokio::time::sleep(TAKES + TAKES / 2).await;
        assert_eq!(asked.load(Ordering::SeqCst), 2, "it has said yes, and nobody has heard it yet");
        place.service.delete(&format!("/sites/acme/links/{doomed_id}")).await.ok(204);
    };
    let (refused, ()) = tokio::join!(place.service.open(&doomed), revoke);
    refused.ok(410);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

/// Sends a request for a whole file, and reads the answer's head and its first `octets`.
async fn begun(place: &Place, url: &str, octets: usize) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(place.service.public()).await.unwrap();
    let request = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", binary::path_of(url));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    let end = loop {
        stream.read_buf(&mut came).await.unwrap();
        if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(came.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&came[..end]));
    came.drain(..end);
    came.reserve(octets);
    while came.len() < octets {
        assert!(stream.read_buf(&mut came).await.unwrap() > 0);
    }
    (stream, came)
}

async fn ended(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut came = Vec::new();
    let end = stream.read_to_end(&mut came).await;
    (came, end.map(drop))
}

/// Pipes that this process has open.
fn pipes() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("Linux");
    let leads_to_pipe = |link: PathBuf| link.to_string_lossy().starts_with("pipe:");
    descriptors.filter(|it| it.as_ref().is_ok_and(|it| std::fs::read_link(it.path()).is_ok_and(leads_to_pipe))).count()
}

/// After half a megabyte octets of such downloads are not in our memory but in a pipe, and what a recipient does not take
/// stays there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kernel_passes_on_is_cut_like_all_else_and_reaches_nobody_else() {
    const OBJECT: u64 = 40_000_000;
    let place = Place::start(&[]).await;
    let octets = sample(OBJECT);
    let (url, other_octets) = (place.link("large", &octets).await, vec![b'x'; 8_000_000]);
    let other = place.link("other", &other_octets).await;
    let pipes_before = pipes();
    for _ in 0..8 {
        let (doomed, doomed_id) = place.service.link("c1", "large").await;
        let (mut stream, mut came) = begun(&place, &doomed, 4_000_000).await;
        // Nothing is taken: the kernel's buffers fill, and a pipe with them.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(pipes() > pipes_before, "none is used");
        place.service.delete(&format!("/sites/acme/links/{doomed_id}")).await.ok(204);
        let (rest, end) = tokio::time::timeout(Duration::from_secs(1), ended(&mut stream)).await.expect("it is cut");
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        came.extend_from_slice(&rest);
        assert!(came.len() < octets.len() && octets.starts_with(&came));
        assert!(place.download(&other, None).await.unwrap() == other_octets);
    }
    assert!(place.download(&url, None).await.unwrap() == octets);
}

/// Octets come by pipe, by memory, and by pipe again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_pauses_gets_all_of_it() {
    const OBJECT: u64 = 30_000_000;
    let place = Place::start(&[]).await;
    let octets = sample(OBJECT);
    let url = place.link("large", &octets).await;
    let (mut stream, mut came) = begun(&place, &url, 6_000_000).await;
    while came.len() < octets.len() {
        if came.len() % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        let most = (octets.len() - came.len()).min(1_500_000);
        let mut next = vec![0; most];
        stream.read_exact(&mut next).await.unwrap();
        came.extend_from_slice(&next);
    }
    assert!(came == octets);
}

/// Ends TLS in front of a server, and counts its connections.
async fn behind_tls(authority: &Authority, server: &FaultServer) -> (String, Arc<AtomicUsize>) {
    let certificate = CertificateDer::from_pem_file(authority.path("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(authority.path("server.key")).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (behind, connections) = (server.endpoint.replace("http://", ""), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut from = acceptor.accept(socket).await?;
                let mut to = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    (format!("https://{address}"), connections)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_behind_tls_is_read_in_the_same_way() {
    let (authority, server) = (Authority::for_host("IP:127.0.0.1"), FaultServer::start().await);
    let (endpoint, connections) = behind_tls(&authority, &server).await;
    let place = binary::Place::new();
    let mut settings = server.environment();
    settings.extend([
        ("ATTACHLINK_S3_ENDPOINT", endpoint),
        ("ATTACHLINK_CACHE_BYTES", "0".to_owned()),
        ("SSL_CERT_FILE", authority.text("ca.pem")),
    ]);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    tokio::task::block_in_place(|| {
        let service = place.serve(&settings);
        service.acme();
        let (small, large) = (sample(20_000), sample(5_000_000));
        service.attach("c1", "small", "small.bin", "application/octet-stream", &small);
        service.attach("c1", "large", "large.bin", "application/octet-stream", &large);
        let (small_url, _) = service.link("c1", "small");
        let (large_url, _) = service.link("c1", "large");
        let before = connections.load(Ordering::SeqCst);
        for _ in 0..10 {
            assert!(curl(&[&small_url]).ok(200).body == small);
            assert!(curl(&[&large_url]).ok(200).body == large);
            assert!(curl(&["-r", "100000-4000000", &large_url]).ok(206).body == large[100_000..=4_000_000]);
        }
        let opened = connections.load(Ordering::SeqCst) - before;
        assert!(opened < 20, "{opened} connections for 30 downloads: they are kept");
    });
}

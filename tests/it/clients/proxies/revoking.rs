//! A revocation reaches who downloads through a proxy: as an error, and soon.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::super::world::{World, curl, mebibytes, wait_for_octets};
use super::proxy::{Behind, Kind, Proxy};
use crate::binary::{Background, comment_path, curl as call, drain, path_of, pause};
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(a_cut_reaches_the_client_as_an_error, nothing_is_fetched_ahead);

/// The head of an answer and some of the file.
const FIRST_OCTETS: usize = 4096;
/// More than all buffers of kernels and proxies on the way.
const MEBIBYTES: usize = 64;
/// The promise, and as much again for the proxy.
const CUT_WITHIN: Duration = Duration::from_secs(2);
/// In this time a proxy that fetches ahead would have all of it.
const FETCHED_WITHIN: Duration = Duration::from_secs(2);

/// A file of a comment of its own, and the proxy.
fn proxied(world: &World, kind: Kind, octets: &[u8]) -> (Proxy, String) {
    let behind = Behind { public: world.service.public, api: world.service.api, ops: world.service.ops };
    let proxy = Proxy::start(kind, behind, &world.folder(&format!("{kind:?}")));
    let comment = format!("{kind:?}");
    world.service.attach(&comment, "a1", "big.bin", "application/octet-stream", octets);
    let (link, _) = world.service.link(&comment, "a1");
    (proxy, link)
}

/// Begins a download by hand, and reads a little of it.
fn begin(proxy: &Proxy, link: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", path_of(link)).unwrap();
    let mut first = [0; FIRST_OCTETS];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..200]));
    stream
}

async fn a_cut_reaches_the_client_as_an_error(keeps: Keeps) {
    let world = World::on(keeps).await;
    let octets = mebibytes(MEBIBYTES, 0);
    for kind in Kind::ALL {
        let (proxy, link) = proxied(&world, kind, &octets);
        let file = world.folder("curl").join(format!("{kind:?}"));
        let mut slow = curl(&world.folder("curl"));
        slow.args(["--limit-rate", "4M", "-o"]).arg(&file).arg(proxy.through(&link)).stderr(Stdio::null());
        let mut running = Background::start(&mut slow);
        let mut stalled = begin(&proxy, &link);
        wait_for_octets(&file);

        world.service.delete(&comment_path(&format!("{kind:?}"))).ok(204);
        let answered = Instant::now();
        let (rest, _) = drain(&mut stalled);
        let took = answered.elapsed();
        assert!(took < CUT_WITHIN, "{kind:?}: {took:?}");
        assert!(rest < octets.len() / 2, "{kind:?}: {rest} octets were still on their way");
        assert!(!running.wait().success(), "{kind:?}: a part was taken for the whole");
        assert!(std::fs::metadata(&file).unwrap().len() < octets.len() as u64);
        call(&[&proxy.through(&link)]).refused(410, "link_withdrawn");
    }
}

/// A client that stands still holds what buffers hold, and the service has not sent the file away.
async fn nothing_is_fetched_ahead(keeps: Keeps) {
    let world = World::on(keeps).await;
    let octets = mebibytes(MEBIBYTES, 0);
    for kind in Kind::ALL {
        let (proxy, link) = proxied(&world, kind, &octets);
        let ended = || world.service.requests().iter().filter(|line| line["route"] == "/a/{token}/{filename}").count();
        let before = ended();
        let mut stalled = begin(&proxy, &link);
        pause(FETCHED_WITHIN);
        assert_eq!(ended(), before, "{kind:?} has fetched all of it");
        let mut received = Vec::new();
        stalled.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        // The connection is kept: what is read after the whole file is silence.
        let _ = stalled.read_to_end(&mut received);
        assert!(received.len() > octets.len() - FIRST_OCTETS, "{kind:?}: {} octets", received.len());
        assert!(octets.ends_with(&received), "{kind:?}");
        crate::binary::eventually(FETCHED_WITHIN, "its end", || (ended() > before).then_some(()));
    }
}

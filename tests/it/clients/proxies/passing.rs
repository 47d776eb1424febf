//! What goes through a proxy, in both directions.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::super::world::{World, aria2c, curl, done, mebibytes, take_the_only_file, wget};
use super::proxy::{Behind, Kind, Proxy};
use crate::binary::curl as call;
use crate::keeps::{Keeps, with_each_object_store};

with_each_object_store!(recipients_get_the_same);

/// The name of the file, and as it is in a URL.
const NAME: &str = "отчёт 100% \u{202b}1.bin";
const SAVED: &str = "отчёт 100% 1.bin";
/// What a proxy adds or takes away is its own affair (RFC 9110 section 7.6.1); the last is a word to nginx.
const OWN_FIELDS: [&str; 6] = ["server", "date", "connection", "keep-alive", "via", "x-accel-buffering"];

fn behind(world: &World) -> Behind {
    Behind { public: world.service.public, api: world.service.api, ops: world.service.ops }
}

/// The fields of an answer, in their order, without a proxy's own.
fn fields(head: &str) -> Vec<String> {
    // Names compare without case (RFC 9110 section 5.1).
    let lower = |(name, value): (&str, &str)| format!("{}: {value}", name.to_lowercase());
    let fields = head.lines().map(|line| line.split_once(": ").map_or_else(|| line.to_owned(), lower));
    let own = |line: &String| OWN_FIELDS.iter().any(|name| line.starts_with(&format!("{name}:")));
    let mut fields: Vec<_> = fields.filter(|line| !own(line)).collect();
    fields.sort();
    fields
}

async fn recipients_get_the_same(keeps: Keeps) {
    let world = World::on(keeps).await;
    let octets = mebibytes(24, 0);
    let name = percent_encoding::utf8_percent_encode(NAME, percent_encoding::NON_ALPHANUMERIC).to_string();
    let link = world.upload("a1", &name, "application/octet-stream", &octets);
    let nowhere = format!("http://{}/a/nothing", world.service.public);
    for kind in Kind::ALL {
        let proxy = Proxy::start(kind, behind(&world), &world.folder(&format!("{kind:?}")));
        let tag = call(&["-I", &link]).header("etag").to_owned();
        let (tag, other) = (format!("If-None-Match: {tag}"), "If-Match: \"other\"".to_owned());
        for (arguments, url) in [
            (vec!["-I", "-o", "/dev/null"], &link),
            (vec!["-I", "-o", "/dev/null", "-H", "Accept: text/html"], &nowhere),
            (vec!["-r", "5-104"], &link),
            (vec!["-r", "-100", "-H", "If-Range: \"other\""], &link),
            (vec!["-r", "99999999-"], &link),
            (vec!["-H", &tag], &link),
            (vec!["-H", &other], &link),
            (vec!["-H", "If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT"], &link),
            (vec!["-X", "POST"], &link),
            (vec!["-X", "OPTIONS"], &link),
            (vec!["-H", "Accept: text/html"], &nowhere),
        ] {
            let asked = |url: &str| call(&[&arguments[..], &[url]].concat());
            let (direct, proxied) = (asked(url), asked(&proxy.through(url)));
            assert_eq!(fields(&direct.head), fields(&proxied.head), "{kind:?} {arguments:?}");
            assert!(direct.body == proxied.body, "{kind:?} {arguments:?}");
        }
        programs_get_it(&world, &proxy, &link, &octets);
    }
}

fn programs_get_it(world: &World, proxy: &Proxy, link: &str, octets: &[u8]) {
    let (kind, url, folder) = (proxy.kind, proxy.through(link), world.folder("saved"));
    for program in [
        curl(&folder).args(["-OJ", &url]),
        wget(&folder).args(["--content-disposition", &url]),
        aria2c(&folder).args(["-x8", "-s8", "-k1M", &url]),
    ] {
        done(program);
        let (name, content) = take_the_only_file(&folder);
        assert_eq!(name, SAVED, "{program:?}");
        assert!(content == octets, "{program:?}: whole and equal");
    }
    done(curl(&folder).args(["-r", "0-999999", "-o", "part", &url]));
    done(curl(&folder).args(["-C", "-", "-o", "part", &url]));
    assert!(take_the_only_file(&folder).1 == octets, "{kind:?}: resumed");
    done(curl(&folder).args(["--http1.0", "-o", "old", &url]));
    assert!(take_the_only_file(&folder).1 == octets, "{kind:?}: HTTP/1.0");
    let counts = done(curl(&folder).args(["-I", "-o", "/dev/null", "-o", "/dev/null"]).args([
        "-w",
        "%{num_connects} ",
        &url,
        &url,
    ]));
    assert_eq!(counts.stdout, b"1 0 ", "{kind:?} keeps the connection");
    // What it printed holds no token.
    let printed = std::fs::read_to_string(world.folder(&format!("{kind:?}")).join("printed")).unwrap();
    let token = link.split('/').nth(4).unwrap();
    assert!(printed.lines().count() > 10 && !printed.contains(token), "{printed}");
}

/// Answers everybody, and keeps the heads of requests.
fn recorder() -> (std::net::SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (heads, received)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = vec![0; 16 * 1024];
            let octets = stream.read(&mut head).unwrap_or(0);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if heads.send(String::from_utf8_lossy(&head[..octets]).into_owned()).is_err() {
                break;
            }
        }
    });
    (address, received)
}

/// The target is passed on as it came, octet by octet; the host is the one that was asked for, and the last address is
/// the client's, whatever the client wrote there.
#[test]
fn what_attachlink_gets_to_see() {
    let folder = tempfile::tempdir().unwrap();
    for kind in Kind::ALL {
        let (address, heads) = recorder();
        let behind = Behind { public: address, api: address, ops: address };
        let proxy = Proxy::start(kind, behind, &folder.path().join(format!("{kind:?}")));
        let path = "/a/x/%E2%82%AC%2520%2Fa+b;c?download&x=%zz";
        let url = format!("http://{}{path}", proxy.address);
        let forged = "X-Forwarded-For: 203.0.113.66";
        call(&["--path-as-is", "--interface", "127.0.0.2", "-H", forged, "-H", "Host: files.acme.example:8443", &url]);
        let head = loop {
            let head = heads.recv_timeout(Duration::from_secs(10)).expect("a request");
            if !head.contains("/readyz") && !head.is_empty() {
                break head;
            }
        };
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some(&*format!("GET {path} HTTP/1.1")), "{kind:?}");
        let values = |name: &str| -> Vec<String> {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            fields.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
        };
        assert_eq!(values("host"), ["files.acme.example:8443"], "{kind:?}");
        let forwarded = values("x-forwarded-for").join(", ");
        assert_eq!(forwarded.rsplit(", ").next(), Some("127.0.0.2"), "{kind:?}: {forwarded}");
        assert!(!values("connection").iter().any(|value| value.eq_ignore_ascii_case("upgrade")), "{kind:?}");
    }
}

//! Steps of a download, each done so often as it is told, and nothing else: `scripts/instructions` runs this under valgrind
//! twice, and the difference of the two counts is what the step costs, whatever starting and ending cost.
//!
//!     instructions STEP TIMES

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use attachlink::clock::SettableClock;
use attachlink::config::{Config, Environment, Flags};
use attachlink::domain::attachment::{ObjectKey, ObjectVersion};
use attachlink::domain::ids::{AttachmentPath, CommentPath};
use attachlink::domain::media::Kind;
use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::domain::token::{LINK_PREFIX, Minted, mint, parse_link};
use attachlink::objects::Small;
use attachlink::serve::{self, Running};
use attachlink::store::{IssueContext, NewAttachment, NewLink, Wanted};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);
/// The size of what is downloaded.
const SMALL_OCTETS: usize = 20_000;
/// The links of a liveness batch.
const BATCH: usize = 64;
/// Before the steps are counted: connections are open, statements prepared, the object is in the cache.
const WARM_UP: usize = 20;
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// What the program ends with where the step cannot be had.
const NOT_HERE: i32 = 3;
/// With the checkout, as most data directories are.
const ON_DISK: &str = env!("CARGO_TARGET_TMPDIR");
/// On a file system in memory a file is not kept open: it does not tell what is cached.
const IN_MEMORY: &str = "/dev/shm";

/// A service in this process, with one attachment and links to it.
struct Prepared {
    runtime: tokio::runtime::Runtime,
    running: Running,
    object: ObjectVersion,
    links: Vec<Minted>,
    _directory: tempfile::TempDir,
}

/// With its data on the disk of this checkout, or in memory.
fn prepared(under: &str) -> Prepared {
    let directory = tempfile::tempdir_in(under).unwrap_or_else(|error| not_here(&format!("{under}: {error}")));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let config = Config::load(&Flags::new(), &environment(directory.path())).expect("a right configuration");
    let running = runtime.block_on(serve::start(config, SettableClock::at(NOW))).expect("the service starts");
    let (object, links) = runtime.block_on(issue(&running));
    Prepared { runtime, running, object, links, _directory: directory }
}

fn not_here(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(NOT_HERE);
}

/// With the attachment kept as an open file, or as octets.
fn prepared_as(under: &str, is_meant: fn(&Small) -> bool) -> Prepared {
    let prepared = prepared(under);
    let small = prepared.runtime.block_on(prepared.running.app().objects.small(&prepared.object));
    if !is_meant(&small.expect("the object is there")) {
        not_here(&format!("{under}: files are kept otherwise on this file system"));
    }
    prepared
}

fn environment(directory: &Path) -> Environment {
    let listeners = ["ATTACHLINK_PUBLIC_LISTEN", "ATTACHLINK_API_LISTEN", "ATTACHLINK_OPS_LISTEN"];
    let mut environment: Environment = listeners.map(|name| (name.into(), "127.0.0.1:0".into())).into();
    environment.insert("ATTACHLINK_DATA_DIR".into(), directory.into());
    // Real time, and valgrind is slow.
    environment.insert("ATTACHLINK_LIVENESS_DEADLINE_MS".into(), "30000".into());
    environment
}

async fn issue(running: &Running) -> (ObjectVersion, Vec<Minted>) {
    let app = running.app();
    let comment = CommentPath {
        site: "acme".parse().expect("an id"),
        project: "SUP".parse().expect("an id"),
        comment: "c1".parse().expect("an id"),
    };
    let settings =
        SiteSettings { plan: Plan::Standard, safe_notifications: false, portal_url: None, object_prefix: None };
    let site = app.store.update_site(&comment.site, NOW, |_| Ok::<_, ()>(settings.clone())).await;
    site.expect("the database answers").expect("nothing refuses");
    app.store.set_mode(&comment.site, &comment.project, Mode::SecuredLink, NOW).await.expect("the database answers");
    let object = register(running, &comment.attachment("a1".parse().expect("an id"))).await;
    let links: Vec<Minted> = (0..BATCH).map(|_| mint(LINK_PREFIX, NOW)).collect();
    let new = |minted: &Minted| NewLink { id: minted.id, hash: minted.hash, attachment: 0, recipient: None };
    let build = |_: &IssueContext| Ok::<_, ()>(((), links.iter().map(new).collect()));
    let wanted = Wanted { request: None, attachments: None };
    app.store.issue(&comment, wanted, NOW, build).await.expect("the database answers");
    (object, links)
}

async fn register(running: &Running, path: &AttachmentPath) -> ObjectVersion {
    let (app, key) = (running.app(), ObjectKey::for_upload([7; 16]));
    app.store.intend_object(&key, NOW).await.expect("the database answers");
    let mut upload = app.objects.begin_upload(&key, None).await.expect("room for a file");
    upload.write(vec![7_u8; SMALL_OCTETS].into()).await.expect("room for a file");
    let object = upload.finish(NOW).await.expect("room for a file");
    let (filename, media_type) = ("report.bin".to_owned(), "application/octet-stream".to_owned());
    let new = NewAttachment { filename, media_type, kind: Kind::File, object: object.clone(), uploaded: true };
    app.store.register(path, new, NOW).await.expect("the database answers");
    object
}

/// One step after the other on a kept-alive connection: `method` for the link's path.
fn requests(prepared: &Prepared, method: &str, times: usize) {
    let mut stream = TcpStream::connect(prepared.running.public_addr).expect("it listens");
    stream.set_nodelay(true).expect("a socket option");
    stream.set_read_timeout(Some(READ_TIMEOUT)).expect("a socket option");
    let body = if method == "GET" { SMALL_OCTETS } else { 0 };
    let mut answer = vec![0; 2 * SMALL_OCTETS];
    for number in 0..WARM_UP + times {
        let token = prepared.links[number % BATCH].reveal();
        write!(stream, "{method} /a/{token}/report.bin HTTP/1.1\r\nHost: files.acme.example\r\n\r\n")
            .expect("it is taken");
        let (mut octets, mut head) = (0, None);
        while head.is_none_or(|head| octets < head + body) {
            let read = stream.read(&mut answer[octets..]).expect("an answer");
            assert!(read > 0, "the connection was closed");
            octets += read;
            // Looked for once: it comes in one piece, and this is counted too.
            head = head.or_else(|| Some(4 + answer[..octets].windows(4).position(|window| window == b"\r\n\r\n")?));
        }
        let whole = head.is_some_and(|head| octets == head + body);
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && whole, "{octets} octets");
    }
}

fn liveness_batches(prepared: &Prepared, times: usize) {
    let links: Vec<_> = prepared.links.iter().map(|link| link.id).collect();
    prepared.runtime.block_on(async {
        for _ in 0..WARM_UP + times {
            let rows = prepared.running.app().store.liveness(&links).await.expect("the database answers");
            assert!(rows.len() == BATCH && rows.iter().all(|row| !row.withdrawn), "all of them live");
        }
    });
}

fn token_parses(times: usize) {
    let token = mint(LINK_PREFIX, NOW);
    for _ in 0..WARM_UP + times {
        assert!(parse_link(black_box(token.reveal()), NOW).is_ok());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, times] = &*arguments else { panic!("instructions STEP TIMES") };
    let times = times.parse().expect("a number");
    match &**step {
        "token_parse" => token_parses(times),
        "liveness_batch" => liveness_batches(&prepared(ON_DISK), times),
        "response_head" => requests(&prepared(ON_DISK), "HEAD", times),
        "small_download" => requests(&prepared_as(ON_DISK, |small| matches!(small, Small::File(_))), "GET", times),
        "small_download_from_memory" => {
            requests(&prepared_as(IN_MEMORY, |small| matches!(small, Small::Octets(_))), "GET", times);
        }
        other => panic!("no such step: {other}"),
    }
    // What the service would do to end in good order is no part of the step.
    std::process::exit(0);
}

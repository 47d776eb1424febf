//! Three nodes of Garage, each object on all of them: `scripts/test --genuine --long`. A node is killed in the middle of
//! uploads and downloads. What is answered is right, what cannot be done is a `503` or a reset, and it ends by itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::bucket::Bucket;
use super::server::{Keep, S3Server, free_port};
use crate::binary::Background;
use crate::harness::{Service, comment_path};

const NODES: usize = 3;
/// Some parts of an upload.
const OBJECT_OCTETS: usize = 20_000_000;
/// How long a failure may last once the nodes that are needed run. They were seen to need half a minute to find each
/// other again.
const RECOVERS_WITHIN: Duration = Duration::from_mins(3);

/// One node: a process with a folder of its own.
struct Node {
    program: String,
    config: PathBuf,
    s3_port: u16,
    process: Option<Background>,
}

fn config(dir: &Path, rpc_port: u16, s3_port: u16) -> String {
    let dir = dir.display();
    format!(
        "metadata_dir = \"{dir}/meta\"\ndata_dir = \"{dir}/data\"\ndb_engine = \"sqlite\"\nreplication_factor = {NODES}\n\
         rpc_bind_addr = \"127.0.0.1:{rpc_port}\"\nrpc_public_addr = \"127.0.0.1:{rpc_port}\"\n\
         rpc_secret = \"{}\"\n[s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"127.0.0.1:{s3_port}\"\n",
        "5".repeat(64)
    )
}

impl Node {
    fn start(dir: &Path) -> Self {
        let program = std::env::var("ATTACHLINK_TEST_GARAGE_PROGRAM");
        let program = program.expect("run by: scripts/test --genuine --long, which builds Garage");
        let s3_port = free_port();
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("garage.toml"), config(dir, free_port(), s3_port)).unwrap();
        let mut node = Self { program, config: dir.join("garage.toml"), s3_port, process: None };
        node.run();
        node
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&self.config).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&mut self) {
        let log = self.config.with_file_name("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut server = self.command(&["server"]);
        self.process = Some(Background::start(server.stdout(log.try_clone().unwrap()).stderr(log)));
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.process = None;
    }

    /// What a command for this node prints, once it succeeds.
    fn ask(&self, arguments: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let output = self.command(arguments).output().unwrap();
            if output.status.success() {
                return String::from_utf8(output.stdout).unwrap();
            }
            assert!(begun.elapsed() < RECOVERS_WITHIN, "{arguments:?}: {output:?}");
            crate::binary::pause(Duration::from_millis(200));
        }
    }
}

/// Three nodes that know each other, and a bucket on them, asked through the first.
fn cluster(dir: &TempDir) -> (Vec<Node>, S3Server) {
    let nodes: Vec<_> = (0..NODES).map(|number| Node::start(&dir.path().join(number.to_string()))).collect();
    let ids: Vec<_> = nodes.iter().map(|node| node.ask(&["node", "id", "-q"]).trim().to_owned()).collect();
    for id in &ids {
        nodes[0].ask(&["node", "connect", id]);
        let id = id.split('@').next().unwrap();
        nodes[0].ask(&["layout", "assign", "--zone", "here", "--capacity", "1G", id]);
    }
    nodes[0].ask(&["layout", "apply", "--version", "1"]);
    let key = nodes[0].ask(&["key", "create", "tests"]);
    let field = |name: &str| {
        let line = key.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the key");
        line.trim().to_owned()
    };
    let pair = [field("Key ID:"), field("Secret key:")];
    nodes[0].ask(&["key", "allow", "--create-bucket", &pair[0]]);
    let endpoint = format!("http://127.0.0.1:{}", nodes[0].s3_port);
    (nodes, S3Server::new(endpoint, "garage".into(), pair, Keep::Nothing))
}

fn sample(seed: usize) -> Vec<u8> {
    (0..OBJECT_OCTETS).map(|n| n.wrapping_mul(31).wrapping_add(seed).to_le_bytes()[1]).collect()
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Right,
    Unavailable,
    Reset,
}

/// Uploads, one after the other, and downloads of what was answered.
struct Work {
    service: Service,
    /// The links to what was uploaded, by seed.
    links: Vec<String>,
}

impl Work {
    async fn upload(&mut self) -> Ended {
        let seed = self.links.len();
        let content = format!("{}/attachments/a{seed}/content", comment_path("c1"));
        let reply = self.service.upload(&content, "application/octet-stream", sample(seed)).await;
        match reply.status.as_u16() {
            200 | 201 => {
                self.links.push(self.service.link("c1", &format!("a{seed}")).await.0);
                Ended::Right
            }
            503 => Ended::Unavailable,
            status => panic!("an upload was answered {status}: {:?}", reply.body),
        }
    }

    async fn download(&self, seed: usize) -> Ended {
        let request = http::Request::get(&self.links[seed]).body(http_body_util::Full::<Bytes>::default()).unwrap();
        let response = self.service.client.request(request).await.unwrap();
        match response.status().as_u16() {
            200 => match response.into_body().collect().await {
                Ok(body) => {
                    assert!(body.to_bytes() == sample(seed), "wrong octets of {seed}");
                    Ended::Right
                }
                Err(_) => Ended::Reset,
            },
            503 => Ended::Unavailable,
            status => panic!("a download was answered {status}"),
        }
    }

    /// One upload, and a download of each object at the same time.
    async fn round(&mut self) -> Vec<Ended> {
        let reads = futures_util::future::join_all((0..self.links.len()).map(|seed| self.download(seed))).await;
        let written = self.upload().await;
        reads.into_iter().chain([written]).collect()
    }

    /// Works until a whole round went right, and says what went wrong before.
    async fn until_right(&mut self, what: &str) {
        let begun = Instant::now();
        let (mut failed, mut rounds) = (Vec::new(), 0);
        loop {
            let round = self.round().await;
            rounds += 1;
            if round.iter().all(|ended| *ended == Ended::Right) {
                let (failed, took) = (failed.len(), begun.elapsed());
                println!("{what}: right after {rounds} rounds and {took:?}, {failed} failures before that");
                return;
            }
            failed.extend(round.into_iter().filter(|ended| *ended != Ended::Right));
            assert!(begun.elapsed() < RECOVERS_WITHIN, "{what}: not again within {RECOVERS_WITHIN:?}: {failed:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let (mut nodes, server) = tokio::task::block_in_place(|| cluster(&dir));
    let service = Bucket::fresh(server).await.service(&[("ATTACHLINK_S3_READ_TIMEOUT_MS", "5000")]).await;
    service.acme().await;
    let mut work = Work { service, links: Vec::new() };
    work.until_right("three nodes").await;

    // One of three, in the middle of a round: two are a majority.
    let killed = tokio::join!(work.round(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        nodes[2].kill();
    });
    println!("while a node was killed: {:?}", killed.0);
    work.until_right("two nodes").await;
    nodes[2].run();
    work.until_right("the third is back").await;

    // The one that is asked: nothing goes, and it is said so.
    let asked = tokio::join!(work.round(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        nodes[0].kill();
    });
    println!("while the node that is asked was killed: {:?}", asked.0);
    assert_eq!(work.upload().await, Ended::Unavailable);
    let ready = format!("http://{}/readyz", work.service.running.ops_addr);
    assert_eq!(work.service.open(&ready).await.ok(503).json()["objects"], "it does not answer");
    nodes[0].run();
    let back = Instant::now();
    while work.service.open(&ready).await.status.as_u16() != 200 {
        assert!(back.elapsed() < RECOVERS_WITHIN, "it is not ready again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("ready {:?} after the node that is asked is back", back.elapsed());
    work.until_right("the one that is asked is back").await;

    // No majority: no answered upload may be lost, and none is answered.
    nodes[1].kill();
    nodes[2].kill();
    assert_eq!(work.upload().await, Ended::Unavailable);
    nodes[1].run();
    nodes[2].run();
    work.until_right("all are back").await;
    work.service.running.shutdown().await;
}

//! A replica: this test's own binary, run again as a process that serves.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attachlink::clock::SystemClock;
use attachlink::config::{Config, Environment, Flags, LogFormat};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use serde_json::{Value, json};

use super::bugs::Bug;
use super::fronts;
use crate::binary::pause;

/// What the process is told besides the service's settings.
const ADDRESSES: &str = "CHAOS_ADDRESSES";
const PARENT: &str = "CHAOS_PARENT";
const BUG: &str = "CHAOS_BUG";
const TEST: &str = "chaos::replica::serves_as_a_replica";
/// How long a replica may take to serve, on a machine that has much else to do.
const START_TIME: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// Not a test: what [`Replica::start`] runs. The build that is shipped has no way to this code.
#[test]
#[ignore = "a replica of the chaos test, which runs it as a process of its own"]
fn serves_as_a_replica() {
    let environment: Environment = std::env::vars_os().collect();
    let text = |name: &str| environment.get(name.as_ref() as &std::ffi::OsStr).and_then(|value| value.to_str());
    // However the test ends, this process does not outlive it.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("Linux does that");
    let parent = getppid().map(|parent| parent.as_raw_nonzero().to_string());
    assert_eq!(parent.as_deref(), Some(text(PARENT).expect("run by the chaos test alone")));
    let bug = text(BUG).map(|name| Bug::of_name(name).expect("a bug that is known"));
    let config = Config::load(&Flags::new(), &environment).expect("right settings");
    let _logging = attachlink::logging::start("warn", LogFormat::Json).expect("a right filter");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let around = |query| bug.map_or_else(|| Arc::clone(&query), |bug| bug.around(Arc::clone(&query)));
        let started = attachlink::serve::start_around(config, Arc::new(SystemClock), around).await;
        let running = started.expect("it starts");
        let (mut public, mut api) = (running.public_addr, running.api_addr);
        match bug {
            Some(Bug::RememberedRevocation) => api = fronts::remembering(api).await,
            Some(Bug::CleanCut) => public = fronts::ending_cleanly(public).await,
            _ => {}
        }
        let addresses = json!({"public": public, "api": api});
        let file = PathBuf::from(text(ADDRESSES).expect("a file's name"));
        // Renamed, so that nobody reads half of it.
        fs::write(file.with_extension("new"), addresses.to_string()).expect("room for it");
        fs::rename(file.with_extension("new"), &file).expect("it is ours");
        std::future::pending::<()>().await;
    });
}

/// Where a replica listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub public: SocketAddr,
    pub api: SocketAddr,
}

/// A replica's process. It is killed when this is dropped, and when the thread ends that started it.
pub struct Replica {
    child: Child,
    dir: PathBuf,
}

impl Replica {
    /// Starts one in its own directory `dir`, with what it shares with the others.
    pub fn start(dir: &Path, database: &str, objects: &Path, bug: Option<Bug>) -> Self {
        let file = dir.join("addresses");
        let _ = fs::remove_file(&file);
        let mut command = Command::new(std::env::current_exe().expect("the test's binary"));
        command.args(["--exact", TEST, "--ignored", "--nocapture"]).env_clear().current_dir(dir);
        for name in ["PUBLIC", "API", "OPS"] {
            command.env(format!("ATTACHLINK_{name}_LISTEN"), "127.0.0.1:0");
        }
        command.env("ATTACHLINK_DATA_DIR", dir).env("ATTACHLINK_DATABASE_URL", database);
        command.env("ATTACHLINK_OBJECTS", format!("file:{}", objects.display()));
        command.env(ADDRESSES, &file).env(PARENT, std::process::id().to_string());
        if let Some(bug) = bug {
            command.env(BUG, bug.name());
        }
        let log = File::options().create(true).append(true).open(dir.join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self { child: command.spawn().expect("it starts"), dir: dir.to_owned() }
    }

    /// Waits until it serves.
    pub fn listens(&mut self) -> Addresses {
        let (begun, file) = (Instant::now(), self.dir.join("addresses"));
        while !file.exists() {
            let ended = self.child.try_wait().expect("its own child");
            let log = || fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < START_TIME, "a replica does not serve:\n{}", log());
            pause(POLL);
        }
        let addresses = fs::read_to_string(file).expect("it is there");
        let addresses: Value = serde_json::from_str(&addresses).expect("JSON");
        let address = |name: &str| addresses[name].as_str().expect("a text").parse().expect("an address");
        Addresses { public: address("public"), api: address("api") }
    }

    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // `kill -9`, also of one that is stopped. A test that fails must not panic twice.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The built binary, as an operator runs it: a process of its own with a data directory, driven from outside.
//!
//! Each process is ended by its own id when its handle is dropped. Everything that it writes is kept.

mod curl;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use curl::{Answer, curl, curl_command};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a process may take to listen, or to end when it should. Only a defect takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
const LISTENERS: [&str; 3] = ["public", "api", "ops"];
const PORTAL: &str = "https://help.acme.example/portal/{project}/{request}";

/// Waits a little, in a test's own thread.
#[expect(clippy::disallowed_methods, reason = "these tests have no runtime, and wait for another process")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks again until there is an answer.
#[track_caller]
pub fn eventually<T>(within: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        pause(POLL);
    }
}

/// A data directory, which outlives the processes on it.
pub struct Place {
    dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The command line with settings for this place and for nothing else.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("ATTACHLINK_DATA_DIR", self.data()).env("ATTACHLINK_LOG_FORMAT", "json");
        for name in LISTENERS {
            command.env(format!("ATTACHLINK_{}_LISTEN", name.to_uppercase()), "127.0.0.1:0");
        }
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command that ends by itself.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(binary()).args(arguments).output().expect("the binary runs")
    }

    /// Runs a command that must succeed: its standard output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Starts the service and returns once it listens.
    pub fn serve(&self, more: &[(&str, &str)]) -> Binary {
        let mut command = self.command(binary());
        command.arg("serve").envs(more.iter().copied());
        Binary::start(command, &self.data())
    }

    /// Asks the database by the `sqlite3` command line, beside the service: the lines of the answer.
    #[track_caller]
    pub fn sql(&self, statement: &str) -> Vec<String> {
        let output = Command::new("sqlite3")
            .args(["-batch", "-cmd", ".timeout 10000"])
            .arg(self.data().join("attachlink.db"))
            .arg(statement)
            .output()
            .expect("the tests need sqlite3 (Debian: sqlite3)");
        assert!(output.status.success(), "{statement}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
    }
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_attachlink")
}

/// A process that is ended when this is dropped.
pub struct Background(Child);

impl Background {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it starts"))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it runs");
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        eventually(PATIENCE, "the process ends", || self.0.try_wait().expect("its own child"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended long ago, and a test that fails must not panic twice.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `attachlink serve`.
pub struct Binary {
    child: Background,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    pub public: SocketAddr,
    pub api: SocketAddr,
    pub ops: SocketAddr,
    pub key: String,
}

impl Binary {
    /// Starts `command`, which becomes a `serve`, and waits until it listens.
    pub fn start(command: Command, data: &Path) -> Self {
        Self::start_seeing(command, |_| data.to_owned())
    }

    /// As [`Binary::start`]; `data` says where this process sees the data directory of the process with that id.
    pub fn start_seeing(mut command: Command, data: impl FnOnce(u32) -> PathBuf) -> Self {
        let mut child = Background::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let output = Arc::new(Mutex::new(Vec::new()));
        let (lines, listening) = channel();
        let (stdout, stderr) = (child.0.stdout.take().expect("piped"), child.0.stderr.take().expect("piped"));
        let collect = |stream: Box<dyn Read + Send>| {
            let (output, lines) = (Arc::clone(&output), lines.clone());
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut line = Vec::new();
                while stream.read_until(b'\n', &mut line).is_ok_and(|octets| octets > 0) {
                    output.lock().unwrap().extend_from_slice(&line);
                    // Nobody asks any more once the service listens.
                    let _ = lines.send(std::mem::take(&mut line));
                }
            })
        };
        let readers = vec![collect(Box::new(stdout)), collect(Box::new(stderr))];
        drop(lines);
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut this = Self { child, output, readers, public: nowhere, api: nowhere, ops: nowhere, key: String::new() };
        let mut addresses = this.addresses(&listening);
        let mut address = |name: &str| addresses.remove(name).expect("each is there");
        (this.public, this.api, this.ops) = (address("public"), address("api"), address("ops"));
        let key = std::fs::read_to_string(data(this.id()).join("first-api-key")).expect("a first key");
        key.trim().clone_into(&mut this.key);
        this
    }

    fn addresses(&mut self, lines: &Receiver<Vec<u8>>) -> HashMap<String, SocketAddr> {
        let (begun, mut found) = (Instant::now(), HashMap::new());
        while found.len() < LISTENERS.len() {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let line = lines.recv_timeout(left).unwrap_or_else(|_| panic!("it does not listen:\n{}", self.log()));
            let line: Value = serde_json::from_slice(&line).unwrap_or_default();
            if line["message"] == "listening" {
                let text = |name: &str| line[name].as_str().expect("a text").to_owned();
                found.insert(text("listener"), text("address").parse().expect("an address"));
            }
        }
        found
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Everything that it has written so far, to both outputs.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill(&mut self) {
        self.child.0.kill().expect("it can be killed");
        self.wait();
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.0.try_wait().expect("its own child")
    }

    /// Waits for its end, and for all that it wrote.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait();
        for reader in self.readers.drain(..) {
            reader.join().expect("it only reads");
        }
        status
    }

    /// Waits until it has written `text`.
    #[track_caller]
    pub fn says(&self, text: &str) {
        eventually(PATIENCE, text, || self.log().contains(text).then_some(()));
    }

    /// The log's lines about requests that were answered.
    pub fn requests(&self) -> Vec<Value> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "attachlink::request").collect()
    }

    /// Calls the API, with `curl`.
    pub fn call_as(&self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let (url, bearer) = (format!("http://{}/v1{path}", self.api), format!("Authorization: Bearer {key}"));
        let mut arguments = vec!["-X", method, "-H", &bearer, &url];
        let body = body.map(Value::to_string);
        if let Some(body) = &body {
            arguments.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
        }
        curl(&arguments)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call_as(&self.key, "GET", path, None)
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.call_as(&self.key, "PUT", path, Some(body))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call_as(&self.key, "POST", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call_as(&self.key, "DELETE", path, None)
    }

    /// Uploads as `curl -T` does it.
    pub fn upload(&self, path: &str, media_type: &str, bytes: &[u8]) -> Answer {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("room for it");
        let name = file.path().to_str().expect("UTF-8");
        let (media_type, bearer) =
            (format!("Content-Type: {media_type}"), format!("Authorization: Bearer {}", self.key));
        curl(&["-T", name, "-H", &media_type, "-H", &bearer, &format!("http://{}/v1{path}", self.api)])
    }

    /// The site `acme` on a paid plan.
    pub fn site(&self) {
        self.put("/sites/acme", &json!({"plan": "standard", "safe_notifications": false, "portal_url": PORTAL}))
            .ok(200);
    }

    pub fn mode(&self, mode: &str) -> Answer {
        self.put("/sites/acme/projects/SUP/attachment-security", &json!({"mode": mode}))
    }

    /// The site `acme` with the project `SUP` in `secured_link`.
    pub fn acme(&self) {
        self.site();
        self.mode("secured_link").ok(200);
    }

    /// Uploads an attachment of a comment in `acme`/`SUP`.
    #[track_caller]
    pub fn attach(&self, comment: &str, attachment: &str, filename: &str, media_type: &str, bytes: &[u8]) {
        let path = format!("{}/content?filename={filename}", attachment_path(comment, attachment));
        let answer = self.upload(&path, media_type, bytes);
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    }

    /// Issues one link without an email: its URL and its id.
    #[track_caller]
    pub fn link(&self, comment: &str, attachment: &str) -> (String, String) {
        let path = format!("{}/links", attachment_path(comment, attachment));
        let answer = self.post(&path, &json!({"recipients": ["r-1"]})).ok(201).json();
        let text = |name: &str| answer["links"][0][name].as_str().expect("a text").to_owned();
        (text("url"), text("link_id"))
    }

    /// Sends a request for `path` of a link and reads the head and the first octets of the answer, then nothing more.
    pub fn slow_download(&self, url: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.public).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a right timeout");
        write!(stream, "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", path_of(url)).expect("a request");
        let mut first = [0; 4096];
        stream.read_exact(&mut first).expect("an answer");
        assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..200]));
        stream
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = (self.child.0.kill(), self.child.0.wait());
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

pub fn comment_path(comment: &str) -> String {
    format!("/sites/acme/projects/SUP/comments/{comment}")
}

pub fn attachment_path(comment: &str, attachment: &str) -> String {
    format!("{}/attachments/{attachment}", comment_path(comment))
}

/// `a/TOKEN/NAME` of a link: its host is a former one after a restart on another port.
pub fn path_of(url: &str) -> &str {
    url.splitn(4, '/').nth(3).expect("a link has a path")
}

/// Sends octets as they are and reads to the end of the connection.
pub fn exchange(address: SocketAddr, octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(octets)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Reads to the end: the octets, and how it ended.
pub fn drain(stream: &mut TcpStream) -> (usize, io::Result<()>) {
    let (mut octets, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (octets, Ok(())),
            Ok(n) => octets += n,
            Err(error) => return (octets, Err(error)),
        }
    }
}

//! A real Chromium, by the `WebDriver` protocol (<https://www.w3.org/TR/webdriver2/>).

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::binary::pause;
use crate::harness::HttpClient;

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// For a browser that was told to end.
const TIME_TO_END: Duration = Duration::from_secs(5);
/// The name of an element's reference (`WebDriver` section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The port that it finds free for one family of addresses may be taken for the other, and then it ends.
const TRIES: usize = 5;

/// A driver that listens, what it says, and its port.
async fn started(folder: &Path) -> (Child, Lines<BufReader<ChildStdout>>, String) {
    let mut said = Vec::new();
    for _ in 0..TRIES {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            // The browser leaves its own temporary files there.
            .env("TMPDIR", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Debian's chromium-driver is installed: scripts/test does it");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
        while let Some(line) = lines.next_line().await.expect("text") {
            if let Some((_, port)) = line.rsplit_once("started successfully on port ") {
                let port = port.trim_end_matches('.').to_owned();
                return (driver, lines, port);
            }
            said.push(line);
        }
    }
    panic!("chromedriver does not start: {said:?}");
}

/// One browser with a profile of its own.
pub struct Browser {
    driver: Child,
    /// The browser's process, which outlives its driver.
    process: Option<Pid>,
    client: HttpClient,
    base: String,
    folder: TempDir,
    /// Held, so that whatever the driver still says is no error.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let (driver, lines, port) = started(folder.path()).await;
        let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let base = format!("http://127.0.0.1:{port}");
        let mut browser = Self { driver, process: None, client, base, folder, _output: lines };
        let session = browser.call(Method::POST, "/session", browser.capabilities()).await;
        let process = session["capabilities"]["goog:processID"].as_i64().expect("the browser's process");
        browser.process = Pid::from_raw(process.try_into().expect("a number of a process"));
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.base = format!("{}/session/{session}", browser.base);
        browser
    }

    fn capabilities(&self) -> Value {
        let profile = format!("--user-data-dir={}", self.folder.path().join("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &profile,
        ];
        let downloads = std::fs::create_dir_all(self.downloads()).map(|()| self.downloads()).expect("a directory");
        let options = json!({"args": arguments, "prefs": {"download.default_directory": downloads}});
        let logging = json!({"performance": "ALL"});
        json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": logging}}})
    }

    fn downloads(&self) -> std::path::PathBuf {
        self.folder.path().join("downloads")
    }

    /// A command of the session, with its value.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let body = if method == Method::GET { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = request.header("content-type", "application/json").body(Full::new(body)).expect("a request");
        let answer = self.client.request(request).await.expect("an answer").into_body();
        let answer = answer.collect().await.expect("a whole answer").to_bytes();
        serde_json::from_slice::<Value>(&answer).expect("JSON")["value"].take()
    }

    pub async fn go(&self, url: &str) {
        self.call(Method::POST, "/url", json!({"url": url})).await;
    }

    pub async fn title(&self) -> String {
        self.call(Method::GET, "/title", Value::Null).await.as_str().unwrap_or_default().to_owned()
    }

    async fn element(&self, selector: &str) -> Option<String> {
        let found = self.call(Method::POST, "/element", json!({"using": "css selector", "value": selector})).await;
        found[ELEMENT].as_str().map(str::to_owned)
    }

    /// Waits for an element.
    async fn wait_for(&self, selector: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(element) = self.element(selector).await {
                return element;
            }
            assert!(Instant::now() < end, "no {selector} in: {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn click(&self, selector: &str) {
        let element = self.wait_for(selector).await;
        self.call(Method::POST, &format!("/element/{element}/click"), json!({})).await;
    }

    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.wait_for(selector).await;
        self.call(Method::POST, &format!("/element/{element}/value"), json!({"text": text})).await;
    }

    /// What a person reads.
    pub async fn text(&self) -> String {
        let Some(body) = self.element("body").await else { return String::new() };
        let text = self.call(Method::GET, &format!("/element/{body}/text"), Value::Null).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the heading says this.
    pub async fn reads(&self, heading: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.text().await.contains(heading) {
            assert!(Instant::now() < end, "not {heading:?} but: {} {}", self.title().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Logs in at the provider's own pages, and agrees.
    pub async fn log_in(&self, email: &str) {
        self.write("input[name=login]", email).await;
        self.write("input[name=password]", "anything").await;
        self.click("button[type=submit]").await;
        // The second page has no field but asks whether the service may know the address.
        self.wait_for("form:not(:has(input[name=login])) button[type=submit]").await;
        self.click("button[type=submit]").await;
    }

    /// Waits for a file that was downloaded.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let (saved, content) = self.next_download().await;
        assert_eq!(saved, name);
        content
    }

    /// Waits for the next file that is downloaded, and takes it away: its name and its content, which is not empty.
    pub async fn next_download(&self) -> (String, Vec<u8>) {
        let end = Instant::now() + PATIENCE;
        loop {
            let files =
                std::fs::read_dir(self.downloads()).expect("a folder").map(|entry| entry.expect("a file").path());
            // While one is on its way, its name is taken by an empty file, with the octets beside it.
            let files: Vec<_> = files.collect();
            if let [file] = &files[..]
                && std::fs::metadata(file).is_ok_and(|metadata| metadata.len() > 0)
                && let Some(name) = file.file_name().and_then(|name| name.to_str())
                && !name.starts_with(".org.chromium.")
                && !name.ends_with(".crdownload")
            {
                let content = std::fs::read(file).expect("a file");
                std::fs::remove_file(file).expect("it is ours");
                return (name.to_owned(), content);
            }
            assert!(Instant::now() < end, "no file in {files:?}: {} {}", self.title().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether nothing was downloaded.
    pub fn has_nothing(&self) -> bool {
        fn is_empty(folder: &Path) -> bool {
            std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_none())
        }
        is_empty(&self.downloads())
    }

    /// The newest address that it asked for and that has this in it.
    pub async fn asked_for(&self, part: &str) -> String {
        let log = self.call(Method::POST, "/se/log", json!({"type": "performance"})).await;
        let messages = log.as_array().into_iter().flatten().filter_map(|entry| entry["message"].as_str());
        let messages = messages.filter_map(|text| serde_json::from_str::<Value>(text).ok());
        let mut urls = messages.filter_map(|it| it["message"]["params"]["request"]["url"].as_str().map(str::to_owned));
        urls.rfind(|url| url.contains(part)).expect("it asked for such an address")
    }

    pub async fn close(mut self) {
        self.call(Method::DELETE, "", Value::Null).await;
        self.driver.kill().await.expect("chromedriver ends");
    }
}

impl Drop for Browser {
    /// The driver does not wait for the browser, and leaves it running when it is killed first.
    fn drop(&mut self) {
        let Some(process) = self.process else { return };
        let end = Instant::now() + TIME_TO_END;
        let _ = kill_process(process, Signal::TERM);
        while test_kill_process(process).is_ok() {
            if Instant::now() > end {
                let _ = kill_process(process, Signal::KILL);
                return;
            }
            pause(Duration::from_millis(10));
        }
    }
}

//! The real `curl`, and what it got.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What `curl` got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The last response of a header dump: interim ones come before it.
    pub fn of(dump: &str, body: Vec<u8>) -> Self {
        let head = dump.trim_end().rsplit("\r\n\r\n").next().unwrap_or_default().to_owned();
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        Self { status: status.unwrap_or_else(|| panic!("no status: {dump:?}")), head, body }
    }

    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// A problem with its stable code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body}");
    }
}

/// The real `curl`, whatever this machine's settings are.
pub fn curl_command() -> Command {
    let mut command = Command::new("curl");
    command.args(["-q", "--noproxy", "*", "-sS", "--max-time", "30"]).stdin(Stdio::null());
    command
}

/// Runs `curl` and reads its answer, which must arrive whole.
#[track_caller]
pub fn curl(arguments: &[&str]) -> Answer {
    let head = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = curl_command().arg("-D").arg(head.path()).args(arguments).output().expect("the tests need curl");
    assert!(output.status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let dump = std::fs::read(head.path()).expect("curl wrote it");
    Answer::of(&String::from_utf8_lossy(&dump), output.stdout)
}

//! oidc-provider in a process of its own.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The provider, for as long as this lives.
pub struct Provider {
    pub issuer: String,
    pub secret: String,
    _process: Child,
    /// Held, so that whatever the provider still says is no error.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// A provider that sends customers back to `redirect`.
    pub async fn start(redirect: &str) -> Self {
        Self::start_with(redirect, &json!({})).await
    }

    /// As [`Provider::start`], with options of `tests/oidc/provider.mjs`.
    pub async fn start_with(redirect: &str, options: &Value) -> Self {
        let folder = std::env::var("ATTACHLINK_TEST_OIDC_PROVIDER")
            .expect("run by scripts/test, which installs oidc-provider from npm and says where");
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
        let secret = format!("secret-{}", uuid::Uuid::from_u128(rand()));
        let mut process = Command::new("node")
            .arg(script)
            .args([&folder, &secret, redirect, &options.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed");
        let mut output = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
        let issuer = output.next_line().await.expect("text").expect("the provider starts");
        Self { issuer, secret, _process: process, _output: output }
    }
}

/// Anything: each provider's secret is another.
fn rand() -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    u128::from(RandomState::new().hash_one(std::process::id())) << 64 | u128::from(std::process::id())
}

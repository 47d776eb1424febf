//! `attachlink healthcheck`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::{Usage, output};
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  attachlink healthcheck
  attachlink healthcheck --ops-listen 127.0.0.1:9090

It asks /readyz of the ops listener and waits three seconds at most.";

const PATIENCE: Duration = Duration::from_secs(3);
/// What `/readyz` calls a part that answers.
const WELL: &str = "ok";
const MAX_REASON_OCTETS: usize = 4096;

/// Ask the running service whether it is ready; exit code 1 and the reason when it is not
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Healthcheck {}

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let address = reachable(config.ops.listen);
    if address.port() == 0 {
        let text = "ops_listen has port 0, which is a new one at each start; name the port in the line 'listening'";
        return Err(Usage(text.to_owned()).into());
    }
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let (status, reason) = match answer {
        Err(_) => anyhow::bail!("not ready: no answer from {address} within {} s", PATIENCE.as_secs()),
        Ok(Err(error)) => anyhow::bail!("not ready: no answer from {address}: {}", root_of(&error)),
        Ok(Ok(answer)) => answer,
    };
    anyhow::ensure!(status == StatusCode::OK, "not ready: {address} says {status}: {}", reason.trim());
    output::print("ready\n")
}

/// A listener on every address is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> anyhow::Result<(StatusCode, String)> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(format!("http://{address}/readyz")).body(Empty::new())?;
    let answer = client.request(request).await?;
    let status = answer.status();
    // The reason is a courtesy: one that is too long or cut does not change the answer.
    let reason = Limited::new(answer.into_body(), MAX_REASON_OCTETS).collect().await;
    let reason = reason.map_or_else(|_| "no reason given".into(), |body| readable(&body.to_bytes()));
    Ok((status, reason))
}

/// The parts that are not well, of an answer that names parts; else the text as it is.
fn readable(body: &[u8]) -> String {
    let parts: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
    let unwell: Vec<String> = parts
        .iter()
        .filter_map(|(part, state)| Some((part, state.as_str()?)))
        .filter(|(_, state)| *state != WELL)
        .map(|(part, state)| format!("{part}: {state}"))
        .collect();
    if unwell.is_empty() { String::from_utf8_lossy(body).into_owned() } else { unwell.join("; ") }
}

fn root_of(error: &anyhow::Error) -> String {
    error.root_cause().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.1.2.3:9090", "10.1.2.3:9090"),
            ("127.0.0.1:1", "127.0.0.1:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn the_reason_names_the_parts_that_are_not_well() {
        let body = br#"{"ready": false, "database": "ok", "objects": "it does not answer"}"#;
        assert_eq!(readable(body), "objects: it does not answer");
        assert_eq!(readable(b"starting\n"), "starting\n");
    }
}

//! Names round and back: generated ones, read from the answers of a running service by somebody else's parser of
//! `Content-Disposition` (werkzeug, from Python's index), and judged by Python's own tables of Unicode.

use std::io::Write as _;
use std::process::{Command, Stdio};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::Service;
use crate::random::Random;

const NAMES: usize = 300;
const LONGEST_NAME: u64 = 90;
/// What is hard, besides characters of all planes.
const HARD: [char; 40] = [
    '.', ' ', '"', '\\', '/', '%', ';', '\'', '*', '\r', '\n', '\u{1b}', '\t', ',', '=', '(', '<', ':', '|', '?', '~',
    '-', '\u{202e}', '\u{2066}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{301}', '\u{fe0f}', '\u{feff}', '\u{3000}',
    'é', 'ß', '報', '😀', 'ا', 'א', 'द', 'C', '1',
];

fn name(random: &mut Random) -> String {
    let device = ["", "", "", "CON", "aux.", "com1 ", "LPT9.x"];
    let mut name = random.pick(&device).unwrap_or_default().to_owned();
    for _ in 0..random.below(LONGEST_NAME) {
        let any = u32::try_from(random.below(0x11_0000)).ok().and_then(char::from_u32);
        let any = any.filter(|c| *c != '\0');
        name.extend(if random.below(3) == 0 { any } else { random.pick(&HARD) });
    }
    name
}

/// What the service answers for a file of this name.
async fn told(service: &Service, name: &str) -> Value {
    let query = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    service.attach("c1", "a1", &query, "application/octet-stream", "x").await;
    let (url, _) = service.link("c1", "a1").await;
    let reply = service.open_with(Method::HEAD, &url, &[]).await.ok(200);
    json!({"given": name, "url": url, "header": reply.header("content-disposition")})
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_names_are_read_as_they_were_meant() {
    let service = Service::start().await;
    service.acme().await;
    let mut random = Random(20_261_124);
    let mut told_names = Vec::new();
    for _ in 0..NAMES {
        told_names.push(told(&service, &name(&mut random)).await);
    }
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/name_judge.py");
    let mut python = Command::new(super::redbot::python("moto"));
    let mut python = python.arg(judge).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python runs");
    let mut input = python.stdin.take().expect("piped");
    input.write_all(Value::from(told_names).to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(said, format!("{NAMES} names are right\n"));
}

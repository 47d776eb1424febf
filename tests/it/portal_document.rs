//! The examples of `docs/PORTAL.md`, run as they stand there, with the real `curl`.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::binary::{Binary, Place};

const DOCUMENT: &str = include_str!("../../docs/PORTAL.md");
/// Where the examples look for the service.
const DEFAULT_API: &str = "http://127.0.0.1:8081";

/// The fenced blocks of a language, in their order, each with what stands before it.
fn blocks(language: &str) -> Vec<(&'static str, &'static str)> {
    let fence = format!("```{language}\n");
    let ends = |begin: usize| begin + DOCUMENT[begin..].find("```").expect("a fence is closed");
    DOCUMENT
        .match_indices(&fence)
        .map(|(at, _)| (&DOCUMENT[..at], &DOCUMENT[at + fence.len()..ends(at + fence.len())]))
        .collect()
}

/// What each example printed. One that fails ends the test.
fn run(service: &Binary, place: &Place) -> Vec<String> {
    const END: &str = "\u{1}end of an example\u{1}";
    let examples = blocks("sh");
    let api = format!("http://{}", service.api);
    let script: String = examples
        .iter()
        .map(|(_, example)| example.replace(DEFAULT_API, &api) + &format!("echo; echo '{END}'\n"))
        .collect();
    let script = format!("set -euo pipefail\n{script}");
    let output = place
        .command("bash")
        .args(["-c", &script])
        .env("KEY", &service.key)
        .env("HOME", place.path("."))
        .stderr(Stdio::piped())
        .output()
        .expect("the tests need bash");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{why}\n{printed}");
    let printed: Vec<String> = printed.split(END).map(|text| text.trim().to_owned()).collect();
    assert_eq!(printed.len(), examples.len() + 1);
    printed
}

/// The JSON texts that one example printed, one after the other.
fn answers(printed: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(printed).into_iter().map(|value| value.expect("JSON")).collect()
}

#[test]
fn every_example_does_what_it_says() {
    let place = Place::new();
    let service = place.serve(&[("ATTACHLINK_PUBLIC_URL", "https://files.acme.example")]);
    let printed = run(&service, &place);
    let of = |text: &str| {
        let index = blocks("sh").iter().position(|(_, example)| example.contains(text)).expect("there is one");
        answers(&printed[index])
    };

    // An answer that the document shows is the one that its example gave.
    for (before, shown) in blocks("json") {
        let example = before.matches("```sh\n").count() - 1;
        assert_eq!(answers(&printed[example]), [serde_json::from_str::<Value>(shown).expect("JSON")]);
    }
    let access = of("/customer-access");
    assert_eq!(access[0]["advisories"], json!(["login_free_active"]));
    assert_eq!(of("/customer-permissions")[0]["advisories"], json!(["anyone_can_raise", "login_free_active"]));
    let accounts = &of("accounts?limit=2")[4];
    assert_eq!(accounts["next"], "ben@customer.example", "{accounts}");
    assert_eq!(of("SUP-43")[0]["agents_comment"].as_str().map(str::is_empty), Some(false));
    let decided = of("required_fields");
    assert_eq!(decided[0]["context"]["because_of"], json!(["labels"]));
    let many: Vec<_> = decided[1]["evaluations"].as_array().unwrap().iter().map(|it| &it["decision"]).collect();
    assert_eq!(many, [true, true, true], "{}", decided[1]);
    assert_eq!(of("login-provider")[0]["redirect_url"], "https://files.acme.example/p/acme/logged-in");
    assert!(of("portal-downloads")[0]["url"].as_str().unwrap().starts_with("https://files.acme.example/a/al1_"));
    assert_eq!(of("redemptions").len(), 1);
}

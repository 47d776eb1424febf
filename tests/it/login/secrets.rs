//! Nothing secret of a login comes out: everything that one needs is collected from a real login, planted on every
//! listener at the most talkative log level, and then searched in all that came out.

use std::process::Output;

use serde_json::json;

use super::provider::Provider;
use super::{ANA, LOG};
use crate::binary::{Binary, Place, Signal, comment_path, curl, curl_command, path_of};
use crate::secrets::{ask, only_templates_were_logged, plant};

/// One secret, and what it is.
type Secret = (&'static str, String);

/// Goes one step of a browser, and gives the heads of all answers on the way, and where it ended.
fn step(place: &Place, url: &str, form: Option<&str>) -> (String, String) {
    let mut command = curl_command();
    let (jar, heads) = (place.path("cookies"), place.path("heads"));
    command.arg("-L").arg("-b").arg(&jar).arg("-c").arg(&jar).arg("-D").arg(&heads);
    command.args(["-o", "/dev/null", "-w", "%{url_effective}", url]);
    command.args(form.iter().flat_map(|form| ["--data", *form]));
    let Output { status, stdout, .. } = command.output().expect("the tests need curl");
    assert!(status.success());
    let end = String::from_utf8(stdout).expect("an address");
    (std::fs::read_to_string(heads).expect("curl wrote it"), end)
}

/// The values of our own cookies.
fn cookies(heads: &str) -> impl Iterator<Item = String> {
    let set = heads.lines().filter_map(|line| line.strip_prefix("set-cookie: attachlink-"));
    let values = set.filter_map(|cookie| cookie.split(';').next()?.split_once('=')).map(|(_, value)| value.to_owned());
    values.filter(|value| !value.is_empty())
}

/// The values of a parameter in the addresses that were led to.
fn parameter(heads: &str, name: &str) -> Option<String> {
    let to = heads.lines().filter_map(|line| line.split_once(": "));
    let to = to.filter(|(header, _)| header.eq_ignore_ascii_case("location")).map(|(_, url)| url);
    to.filter_map(|url| url::Url::parse(url.trim()).ok())
        .find_map(|url| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()))
}

/// A whole login, from the link to the file.
fn log_in(place: &Place, link: &str) -> Vec<Secret> {
    let (begun, at) = step(place, link, None);
    let (_, at) = step(place, &at, Some(&format!("prompt=login&login={ANA}&password=x")));
    let (back, end) = step(place, &at, Some("prompt=consent"));
    assert_eq!(end, link, "{back}");
    let mut secrets: Vec<Secret> = cookies(&begun).map(|value| ("the cookie of a login that goes on", value)).collect();
    secrets.extend(cookies(&back).map(|value| ("the cookie of a session", value)));
    for (what, heads, name) in [("a state", &begun, "state"), ("a nonce", &begun, "nonce"), ("a code", &back, "code")] {
        secrets.push((what, parameter(heads, name).expect(what)));
    }
    assert_eq!(secrets.len(), 5, "{begun}{back}");
    secrets
}

fn of_the_api(service: &Binary) -> Vec<Secret> {
    let text = |answer: crate::binary::Answer, name: &str| answer.json()[name].as_str().expect(name).to_owned();
    let tokens = "/sites/acme/sign-up-tokens";
    let token = text(service.post(tokens, &json!({"email": ANA})).ok(201), "token");
    let redeemed = json!({"token": token, "email": ANA});
    service.post(&format!("{tokens}/redemptions"), &redeemed).ok(200);
    service.post(&format!("{tokens}/redemptions"), &redeemed).refused(409, "sign_up_token_used");
    let wanted = json!({"customer": ANA, "project": "SUP", "comment": "c1", "attachment": "a1"});
    let url = text(service.post("/sites/acme/portal-downloads", &wanted).ok(201), "url");
    curl(&[&url]).ok(200);
    let link = path_of(&url).split('/').nth(1).expect("a token").to_owned();
    vec![("a sign-up token", token), ("a link of five minutes", link)]
}

/// As one part of a path.
fn in_a_path(secret: &str) -> String {
    secret.replace(['/', '+', '='], "-")
}

/// Where such a secret may be by right, or by mistake.
fn plant_in_a_login(service: &Binary, secret: &str) {
    for cookie in ["attachlink-session", "attachlink-login-0", "attachlink-login-1", "__Host-attachlink-session"] {
        let cookie = ("Cookie", format!("{cookie}={secret}"));
        for path in [
            "/p/acme/SUP/c1/a1".to_owned(),
            format!("/p/acme/SUP/c1/a1?{secret}"),
            format!("/p/{secret}/SUP/c1/{secret}"),
            format!("/p/acme/logged-in?state={secret}&code={secret}"),
            format!("/p/acme/logged-in?state=0{secret}&error={secret}&iss={secret}"),
            format!("/p/{secret}/logged-in?{secret}"),
            "/p/acme/log-out".to_owned(),
        ] {
            for method in ["GET", "HEAD", "POST"] {
                ask(service.public, method, &path, (cookie.0, &cookie.1));
            }
        }
    }
    for body in [
        json!({"issuer": secret, "client_id": "c", "client_secret": secret}),
        json!({"issuer": format!("https://{secret}@login.example"), "client_id": "c", "client_secret": secret}),
        json!({"issuer": "https://login.example", "client_id": {secret: 1}, "client_secret": secret}),
        json!({"issuer": "https://login.example", "client_id": "c", "client_secret": [secret], secret: 1}),
    ] {
        service.put("/sites/acme/login-provider", &body).refused(422, "invalid_request");
    }
    for (path, body) in [
        ("sign-up-tokens/redemptions", json!({"token": secret, "email": secret})),
        ("sign-up-tokens/redemptions", json!({"token": format!("{secret}x"), "email": ANA})),
        ("portal-downloads", json!({"customer": secret, "project": secret, "comment": secret, "attachment": secret})),
    ] {
        assert!(service.post(&format!("/sites/acme/{path}"), &body).status >= 400, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_of_a_login_comes_out() {
    let place = Place::new();
    let mut service = place.serve(&[("ATTACHLINK_LOG", "trace")]);
    let base = format!("http://{}", service.public);
    let provider = Provider::start(&format!("{base}/p/acme/logged-in")).await;
    service.site();
    let body = json!({"issuer": provider.issuer, "client_id": "attachlink", "client_secret": provider.secret});
    service.put("/sites/acme/login-provider", &body).ok(200);
    service.attach("c1", "a1", "log.txt", "text/plain", LOG);
    let notification = json!({"request": "SUP-1", "message_size": 1});
    service.post(&format!("{}/notifications", comment_path("c1")), &notification).ok(200);
    service.put("/sites/acme/projects/SUP/requests/SUP-1", &json!({"reporter": ANA, "channel": "portal"})).ok(201);

    let mut secrets = log_in(&place, &format!("{base}/p/acme/SUP/c1/a1"));
    secrets.extend(of_the_api(&service));
    let key = std::fs::read_to_string(place.data().join("portal-key")).expect("the service made it");
    secrets.extend([("the client secret", provider.secret.clone()), ("the portal key", key.trim().to_owned())]);
    for (_, secret) in &secrets {
        for address in [service.public, service.api, service.ops] {
            plant(address, &in_a_path(secret), &service.key);
        }
        plant_in_a_login(&service, &in_a_path(secret));
    }
    let metrics = String::from_utf8(curl(&[&format!("http://{}/metrics", service.ops)]).ok(200).body).unwrap();
    service.signal(Signal::TERM);
    assert_eq!(service.wait().code(), Some(0));
    let log = service.log();

    // There is something to search, and what the provider answered for the code is not in it either.
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains("logged_in") && metrics.contains("attachlink_"));
    secrets.extend(["eyJ", "id_token", "access_token"].map(|sign| ("what a provider answers", sign.to_owned())));
    for (what, secret) in &secrets {
        for part in [secret, &in_a_path(secret)] {
            for (name, text) in [("log", &log), ("metrics", &metrics)] {
                assert_eq!(text.lines().find(|line| line.contains(part.as_str())), None, "{what} in the {name}");
            }
        }
    }
    only_templates_were_logged(&service);
}

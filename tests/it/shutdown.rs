//! How the built binary stops, and what works beside it while it runs.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::{Background, Binary, Place, Signal, binary, curl, drain, eventually, pause};

/// More than a connection's buffers hold, so that a client who does not read keeps a download running.
const LARGE: usize = 32 * 1024 * 1024;
/// How long after the answer of a revocation a byte may still leave (product, rule 10).
const CUT_WITHIN: Duration = Duration::from_secs(1);
/// What [`Binary::slow_download`] has read already, head included.
const READ_ALREADY: usize = 4096;

fn with_a_large_file(place: &Place, more: &[(&str, &str)]) -> (Binary, String, String) {
    let service = place.serve(more);
    service.acme();
    service.attach("c1", "a1", "big.bin", "application/octet-stream", &vec![7; LARGE]);
    let (url, id) = service.link("c1", "a1");
    (service, url, id)
}

#[track_caller]
fn is_reset(stream: &mut TcpStream) {
    let (octets, end) = drain(stream);
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "never a clean short end");
    assert!(octets < LARGE, "{octets}");
}

#[test]
fn sigterm_and_sigint_let_running_downloads_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let (mut service, url, _) = with_a_large_file(&place, &[]);
        let mut running = service.slow_download(&url);
        service.signal(signal);
        for address in [service.public, service.api, service.ops] {
            eventually(Duration::from_secs(5), "it accepts no more", || TcpStream::connect(address).err());
        }
        assert_eq!(service.ended(), None, "a download is running");
        let (octets, end) = drain(&mut running);
        assert!(end.is_ok() && octets > LARGE - READ_ALREADY, "whole: {octets} {end:?}");
        assert_eq!(service.wait().code(), Some(0));
        service.says("\"message\":\"stopped\"");
        assert!(service.requests().iter().any(|line| line["outcome"] == "complete"), "{}", service.log());
    }
}

/// There is nothing that it could read anew, and nobody's terminal is closed.
#[test]
fn sighup_ends_no_service() {
    let place = Place::new();
    let (mut service, url, _) = with_a_large_file(&place, &[]);
    let mut running = service.slow_download(&url);
    service.signal(Signal::HUP);
    service.says("settings are read at the start only");
    curl(&[&url]).ok(200);
    service.signal(Signal::TERM);
    let (octets, end) = drain(&mut running);
    assert!(end.is_ok() && octets > LARGE - READ_ALREADY, "whole: {octets} {end:?}");
    assert_eq!(service.wait().code(), Some(0));
}

/// Nothing that it waits for at its start holds it.
#[test]
fn a_signal_ends_a_start_that_waits() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let mut command = place.command(binary());
        command.arg("serve").env("ATTACHLINK_OBJECTS", "s3://files").env("ATTACHLINK_S3_ENDPOINT", &endpoint);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any").stderr(Stdio::null());
        let mut starting = Background::start(&mut command);
        // It asks the store when its database is there, and the handlers of signals.
        let _asking = silent.accept().unwrap();
        let begun = Instant::now();
        starting.signal(signal);
        assert_eq!(starting.wait().code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_key_of_logins_that_was_cut_short_is_refused() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.signal(Signal::TERM);
    service.wait();
    std::fs::write(place.data().join("portal-key"), "short\n").unwrap();
    let refused = place.run(&["serve"]);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && text.contains("portal-key") && text.contains("backup"), "{text}");
    assert!(!text.contains("short\n") && !text.contains("\"short\""), "{text}");
}

#[test]
fn a_service_without_downloads_stops_at_once() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.acme();
    // A connection that is kept alive is no reason to wait.
    let mut idle = TcpStream::connect(service.public).unwrap();
    let begun = Instant::now();
    service.signal(Signal::TERM);
    assert_eq!(service.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
}

/// Whether it is read by the short way, by hyper after it, or by hyper alone.
#[test]
fn a_request_that_has_begun_to_come_is_answered() {
    let place = Place::new();
    let mut service = place.serve(&[]);
    service.acme();
    let mut halves: Vec<_> = [service.public, service.public, service.api]
        .iter()
        .zip(["/a/al1_nothing", "/robots.txt", "/openapi.json"])
        .map(|(address, path)| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n").unwrap();
            stream
        })
        .collect();
    // Time to be accepted.
    pause(Duration::from_secs(1));
    service.signal(Signal::TERM);
    pause(Duration::from_millis(300));
    for (stream, status) in halves.iter_mut().zip([404, 200, 200]) {
        stream.write_all(b"\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert_eq!(service.wait().code(), Some(0));
}

#[test]
fn at_the_drain_deadline_what_is_left_is_reset() {
    let place = Place::new();
    let (mut service, url, _) = with_a_large_file(&place, &[("ATTACHLINK_DRAIN_SECONDS", "1")]);
    let mut running = service.slow_download(&url);
    let begun = Instant::now();
    service.signal(Signal::TERM);
    assert_eq!(service.wait().code(), Some(0));
    let took = begun.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(6)).contains(&took), "{took:?}");
    is_reset(&mut running);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM)] {
        let place = Place::new();
        let (mut service, url, _) = with_a_large_file(&place, &[]);
        let mut running = service.slow_download(&url);
        service.signal(first);
        service.says("stopping");
        // The first one is being obeyed when nothing is accepted any more.
        eventually(Duration::from_secs(5), "it accepts no more", || TcpStream::connect(service.public).err());
        let begun = Instant::now();
        service.signal(second);
        let status = service.wait();
        assert!(status.code() != Some(0), "{status:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        // Nothing was left to reset it: the client knows by the length that it is short.
        assert!(drain(&mut running).0 < LARGE - READ_ALREADY);
    }
}

#[test]
fn a_second_serve_on_the_same_data_is_refused() {
    let place = Place::new();
    let service = place.serve(&[]);
    let second = place.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    let (said, data) = (String::from_utf8(second.stderr).unwrap(), place.data());
    assert!(said.contains(data.to_str().unwrap()) && said.contains("another `attachlink serve`"), "{said}");
    assert!(second.stdout.is_empty());
    curl(&[&format!("http://{}/readyz", service.ops)]).ok(200);
    // However it ended, its data directory is free again.
    drop(service);
    place.serve(&[]).site();
}

#[test]
fn the_other_commands_work_beside_a_running_service() {
    let place = Place::new();
    let service = place.serve(&[]);
    service.acme();
    service.attach("c1", "a1", "log.txt", "text/plain", b"hello");
    let (url, id) = service.link("c1", "a1");

    let key = place.done(&["key", "create", "--scope", "notify", "--site", "acme"]);
    let (key, path) = (key.trim(), format!("/sites/acme/links/{id}"));
    service.call_as(key, "GET", &path, None).ok(200);
    let keys: Value = serde_json::from_str(&place.done(&["key", "list", "--json"])).unwrap();
    let bound = keys.as_array().unwrap().iter().find(|listed| listed["site"] == "acme").unwrap();
    place.done(&["key", "revoke", bound["id"].as_str().unwrap()]);
    service.call_as(key, "GET", &path, None).refused(401, "unauthorized");

    place.done(&["migrate"]);
    assert!(place.done(&["check-config"]).contains(place.data().to_str().unwrap()));
    let ops = service.ops.to_string();
    assert_eq!(place.done(&["healthcheck", "--ops-listen", &ops]), "ready\n");
    let copy = place.path("copy.db");
    place.done(&["backup", copy.to_str().unwrap()]);

    curl(&[&url]).ok(200);
    place.done(&["revoke", "--site", "acme", "--project", "SUP", "--comment", "c1"]);
    curl(&[&url]).refused(410, "link_withdrawn");
    drop(service);
    assert_eq!(place.run(&["healthcheck", "--ops-listen", &ops]).status.code(), Some(1));

    // The copy is a database of its own, from the time it was made.
    let restored = Place::new();
    std::fs::create_dir(restored.data()).unwrap();
    std::fs::copy(&copy, restored.data().join("attachlink.db")).unwrap();
    assert_eq!(restored.sql("SELECT count(*) FROM links WHERE revoked_at IS NULL"), ["1"]);
    assert_eq!(restored.done(&["key", "list"]).lines().count(), 3, "a head, the first key, the revoked one");
}

#[test]
fn a_revocation_on_the_command_line_cuts_running_downloads() {
    let place = Place::new();
    let (service, _, _) = with_a_large_file(&place, &[]);
    let narrow = ["--project", "SUP", "--comment", "c1", "--attachment", "a1"];
    for what in ["link", "attachment", "comment", "project", "site"] {
        // The attachments stay when links are revoked this way, and new links can be issued.
        let (url, id) = service.link("c1", "a1");
        let mut running = service.slow_download(&url);
        let target = match what {
            "link" => vec!["--link", &id],
            "attachment" => narrow.to_vec(),
            "comment" => narrow[..4].to_vec(),
            "project" => narrow[..2].to_vec(),
            _ => vec![],
        };
        place.done(&[vec!["revoke", "--site", "acme"], target].concat());
        curl(&[&url]).refused(410, "link_withdrawn");
        // This client reads on only when the second is over: by then nothing may be left to send.
        pause(CUT_WITHIN);
        is_reset(&mut running);
    }
}

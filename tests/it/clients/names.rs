//! Every name reaches the disk of whoever downloads: uploaded with `filename=` and registered by JSON, saved by Chromium,
//! `curl -OJ`, `wget --content-disposition` and `aria2c`.

mod table;

use std::path::Path;
use std::process::Command;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::world::{World, aria2c, curl, done, take_the_only_file, wget};
use crate::binary::{attachment_path, curl as call};
use crate::keeps::{Keeps, with_each_object_store};
use crate::login::browser::Browser;
use table::{Name, Saver, names};

with_each_object_store!(programs_save_under_the_name);

type Program = fn(&Path) -> Command;

const OCTETS: &[u8] = b"what is in it";

/// A name as a value of a query.
fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// Links to a file of each name; every second one is registered in place.
async fn links(world: &World, names: &[Name]) -> Vec<String> {
    let mut links = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let attachment = format!("n{n}");
        links.push(if n % 2 == 0 {
            world.upload(&attachment, &encoded(&name.given), "application/octet-stream", OCTETS)
        } else {
            world.register(&attachment, &name.given, OCTETS).await
        });
    }
    links
}

async fn programs_save_under_the_name(keeps: Keeps) {
    let world = World::on(keeps).await;
    let names = names();
    let links = links(&world, &names).await;
    let folder = world.folder("saved");
    let programs: [(Saver, Program, &[&str]); 3] =
        [(Saver::Curl, curl, &["-OJ"]), (Saver::Wget, wget, &["--content-disposition"]), (Saver::Aria2, aria2c, &[])];
    let mut wrong = Vec::new();
    for (name, link) in names.iter().zip(&links) {
        for (saver, program, arguments) in programs {
            done(program(&folder).args(arguments).arg(link));
            let (saved, content) = take_the_only_file(&folder);
            assert_eq!(content, OCTETS);
            if saved != name.saved_by(saver) {
                wrong.push((saver, name.given.clone(), saved));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As a person saves it: with `?download`, so that all of them are saved.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_saves_under_the_name() {
    let world = World::on(Keeps::Embedded).await;
    let names = names();
    let links = links(&world, &names).await;
    let browser = Browser::open().await;
    let mut wrong = Vec::new();
    for (name, link) in names.iter().zip(&links) {
        browser.go(&format!("{link}?download")).await;
        let (saved, content) = browser.next_download().await;
        assert_eq!(content, OCTETS);
        if saved != name.saved_by(Saver::Chromium) {
            wrong.push((name.given.clone(), saved));
        }
    }
    browser.close().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Half of a pair of UTF-16 is no character, and octets that are not UTF-8 are no text.
#[test]
fn what_is_no_text_is_no_name() {
    let place = crate::binary::Place::new();
    let service = place.serve(&[]);
    service.acme();
    let path = attachment_path("c1", "a1");
    for name in ["%ED%A0%80.txt", "%FF.txt", "%C3", "a%00b"] {
        let answer = service.upload(&format!("{path}/content?filename={name}"), "text/plain", OCTETS);
        answer.refused(422, "invalid_request");
    }
    let body = json!({"object_key": "acme/a1", "filename": "NAME", "media_type": "text/plain"}).to_string();
    let (url, bearer) = (format!("http://{}/v1{path}", service.api), format!("Authorization: Bearer {}", service.key));
    let body = body.replace("NAME", "\\ud800.txt");
    let answer = call(&["-X", "PUT", "-H", &bearer, "-H", "Content-Type: application/json", "-d", &body, &url]);
    assert!(matches!(answer.status, 400 | 422), "{answer:?}");
}

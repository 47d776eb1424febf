//! The sizes of the email decision before two independent judges: Python's `email` package and the crate `mailparse`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use attachlink::domain::attachment::{Attachment, ObjectKey, ObjectVersion};
use attachlink::domain::email::{self, Part};
use attachlink::domain::filename::safe_name;
use attachlink::domain::media::Kind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use time::OffsetDateTime;

/// How many random cases there are; the edges of base64 lines and groups come on top.
const RANDOM_CASES: usize = 400;
/// What a base64 line of 76 characters holds.
const OCTETS_PER_LINE: usize = 57;

/// An image and what is said of its part.
struct Case {
    attachment: Attachment,
    content: Vec<u8>,
    part: Part,
}

impl Case {
    fn new(row: usize, kind: Kind, filename: String, content: Vec<u8>) -> Self {
        let attachment = Attachment {
            row: i64::try_from(row).unwrap(),
            comment: "10017".parse().unwrap(),
            id: "a1".parse().unwrap(),
            filename,
            media_type: kind.media_type().unwrap().to_owned(),
            kind,
            object: ObjectVersion {
                key: ObjectKey::for_upload([7; 16]),
                version: format!("v{row}").into(),
                size: content.len() as u64,
                modified_at: OffsetDateTime::UNIX_EPOCH,
            },
            uploaded: true,
        };
        let part = email::image_part(&attachment).unwrap();
        Self { attachment, content, part }
    }

    fn as_json(&self, number: usize) -> serde_json::Value {
        serde_json::json!({
            "case": number,
            "mime_headers": self.part.mime_headers,
            "content_base64": STANDARD.encode(&self.content),
            "filename": safe_name(&self.attachment.filename),
            "media_type": self.attachment.media_type,
            "content_id": self.part.content_id,
            "encoded_size": self.part.encoded_size,
        })
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.into_iter().filter(|kind| kind.is_image()).collect::<Vec<_>>())
}

/// Names in ASCII with what mail headers trip over, in other scripts, in any characters, empty and too long.
fn filenames() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9 ._()-]{1,80}\\.(png|jpe?g)",
        "[ -~]{0,300}",
        "(=\\?utf-8\\?q\\?|utf-8''|%41|\"|\\\\|;|filename|  ){1,5}[a-z]{0,9}",
        "[а-яё ]{1,200}\\.png",
        "[一-龥]{1,120}\\.webp",
        "[\u{600}-\u{6ff}\u{200c}]{1,150}\\.gif",
        "([👩👨❤🎉]\u{200d}?){1,80}",
        ".{0,300}",
    ]
}

fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..400),
        3 => prop::collection::vec(any::<u8>(), 1..8_000),
        1 => prop::collection::vec(any::<u8>(), 60_000..90_000),
    ]
}

/// The same cases each time: the runner's seed is fixed.
fn cases() -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let mut cases = Vec::new();
    for size in (1..=6).chain((1..=4).flat_map(|lines| lines * OCTETS_PER_LINE - 3..=lines * OCTETS_PER_LINE + 3)) {
        cases.push(Case::new(cases.len(), Kind::Png, format!("{size}.png"), vec![0xa5; size]));
    }
    for _ in 0..RANDOM_CASES {
        let (kind, filename, content) = (kinds(), filenames(), contents()).new_tree(&mut runner).unwrap().current();
        cases.push(Case::new(cases.len(), kind, filename, content));
    }
    cases
}

/// What the judge prints for these lines, and whether it is content.
fn judged_by_python(lines: String) -> (String, bool) {
    let mut judge = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/email_judge.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut stdin = judge.stdin.take().unwrap();
    // Beside the reading, for neither pipe holds everything.
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = judge.wait_with_output().unwrap();
    writer.join().unwrap().expect("the judge reads to the end");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn python_finds_what_was_said() {
    let cases = cases();
    let mut lines = String::new();
    for (number, case) in cases.iter().enumerate() {
        lines.extend([&case.as_json(number).to_string(), "\n"]);
    }
    let (verdicts, content) = judged_by_python(lines);
    let wrong: Vec<&str> = verdicts.lines().filter(|verdict| !verdict.contains("\"ok\": true")).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(content);
    assert_eq!(verdicts.lines().count(), cases.len());
}

#[test]
fn python_notices_what_is_wrong() {
    let case = Case::new(1, Kind::Png, "é.png".to_owned(), vec![1; 100]);
    let headers = &case.part.mime_headers;
    for (field, lie) in [
        ("encoded_size", serde_json::json!(case.part.encoded_size + 1)),
        ("encoded_size", serde_json::json!(case.part.encoded_size - 1)),
        ("filename", serde_json::json!("e.png")),
        ("media_type", serde_json::json!("image/gif")),
        ("content_id", serde_json::json!("other@attachlink")),
        ("mime_headers", serde_json::json!(headers.replace("base64", "binary"))),
        ("mime_headers", serde_json::json!(headers.replace("inline", "attachment"))),
        // Only another layout, but two octets less.
        ("mime_headers", serde_json::json!(headers.replace(";\r\n ", "; "))),
    ] {
        let mut told = case.as_json(1);
        let honest = told[field].clone();
        told[field] = lie;
        assert_ne!(told[field], honest, "{field}");
        let (verdict, content) = judged_by_python(format!("{told}\n"));
        assert!(!content && verdict.contains("\"ok\": false"), "{field}: {verdict}");
    }
    assert!(!judged_by_python(String::new()).1, "nothing judged is no success");
}

/// A message with one image, written as the API says that a notification service writes it.
fn message(case: &Case, boundary: &str) -> Vec<u8> {
    let mut raw = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/html\r\n\r\n<p>Hello.</p>\r\n\
         --{boundary}\r\n{}\r\n",
        case.part.mime_headers
    );
    for line in case.content.chunks(OCTETS_PER_LINE) {
        raw.push_str(&STANDARD.encode(line));
        raw.push_str("\r\n");
    }
    raw.extend(["--", boundary, "--\r\n"]);
    raw.into_bytes()
}

#[test]
fn mailparse_finds_what_was_said() {
    let boundary = "b".repeat(70);
    for (number, case) in cases().iter().enumerate() {
        let raw = message(case, &boundary);
        let parsed = mailparse::parse_mail(&raw).unwrap();
        let [_, image] = parsed.subparts.as_slice() else { panic!("case {number}: {} parts", parsed.subparts.len()) };
        let header = |name: &str| {
            let mut found = image.headers.iter().filter(|header| header.get_key().eq_ignore_ascii_case(name));
            found.next().map(mailparse::MailHeader::get_value)
        };
        let disposition = image.get_content_disposition();
        assert_eq!(image.get_body_raw().unwrap(), case.content, "case {number}");
        assert_eq!(image.ctype.mimetype, case.attachment.media_type, "case {number}");
        assert_eq!(header("content-id"), Some(format!("<{}>", case.part.content_id)), "case {number}");
        assert_eq!(disposition.disposition, mailparse::DispositionType::Inline, "case {number}");
        let name = disposition.params.get("filename").map(String::as_str);
        assert_eq!(name, Some(&*safe_name(&case.attachment.filename)), "case {number}");
        // What the parser found between two delimiters; the line end before the second is the delimiter's for it, and
        // the part's for us.
        let octets = format!("--{boundary}\r\n").len() + image.raw_bytes.len() + "\r\n".len();
        assert_eq!(octets as u64, case.part.encoded_size, "case {number}");
    }
}

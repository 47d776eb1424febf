//! What the rules cost by themselves: a token, and the email decision. Run by `scripts/bench rules`.

use std::hint::black_box;

use attachlink::domain::attachment::{Attachment, ObjectKey, ObjectVersion};
use attachlink::domain::email::{DEFAULT_INLINE_LIMIT, decide};
use attachlink::domain::ids::{AttachmentId, CommentId};
use attachlink::domain::media::Kind;
use attachlink::domain::token::{LINK_PREFIX, mint, parse_link};
use criterion::{BatchSize, Criterion};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00:00 UTC);
/// The octets of the message without its images.
const MESSAGE_OCTETS: u64 = 48_211;
/// The octets of one screenshot: ten of them stay under the limit, embedded.
const IMAGE_OCTETS: u64 = 400_000;

fn tokens(criterion: &mut Criterion) {
    let token = mint(LINK_PREFIX, NOW).reveal().to_owned();
    criterion.bench_function("token parse", |b| b.iter(|| parse_link(black_box(&token), NOW).is_ok()));
    // What a scanner sends: of the right length and alphabet, and no token.
    let garbage = format!("{LINK_PREFIX}{}", "x".repeat(token.len() - LINK_PREFIX.len()));
    criterion.bench_function("token refuse", |b| b.iter(|| parse_link(black_box(&garbage), NOW).is_err()));
    criterion.bench_function("token mint", |b| b.iter(|| mint(LINK_PREFIX, black_box(NOW))));
}

/// `count` attachments: each third one a document with a name that no ASCII holds, the others screenshots.
fn attachments(count: i64) -> Vec<Attachment> {
    let comment: CommentId = "10017".parse().expect("an id");
    let attachment = |row: i64| {
        let (kind, filename, media_type) = match row % 3 {
            0 => (Kind::File, format!("Übersicht {row}.pdf"), "application/pdf"),
            _ => (Kind::Png, format!("screen {row}.png"), "image/png"),
        };
        Attachment {
            row,
            comment: comment.clone(),
            id: format!("a{row}").parse::<AttachmentId>().expect("an id"),
            filename,
            media_type: media_type.to_owned(),
            kind,
            object: ObjectVersion {
                key: ObjectKey::for_upload(i128::from(row).to_be_bytes()),
                version: format!("1795255200.{row}").into(),
                size: IMAGE_OCTETS,
                modified_at: NOW,
            },
            uploaded: true,
        }
    };
    (1..=count).map(attachment).collect()
}

fn email_decision(criterion: &mut Criterion) {
    for count in [1, 10] {
        let name = format!("email decision, {count} attachments");
        criterion.bench_function(&name, |b| {
            b.iter_batched_ref(
                || attachments(count),
                |attachments| decide(attachments, black_box(MESSAGE_OCTETS), DEFAULT_INLINE_LIMIT, false),
                BatchSize::SmallInput,
            );
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion);
    email_decision(&mut criterion);
    criterion.final_summary();
}

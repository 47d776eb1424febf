use base64::Engine as _;
use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::domain::filename::safe_name;
use crate::domain::media::Kind;

fn attachment(kind: Kind, filename: &str, size: u64) -> Attachment {
    Attachment {
        row: 7,
        comment: "10017".parse().unwrap(),
        id: "a1".parse().unwrap(),
        filename: filename.to_owned(),
        media_type: kind.media_type().unwrap_or("text/plain").to_owned(),
        kind,
        object: ObjectVersion {
            key: ObjectKey::for_upload([1; 16]),
            version: "v1".into(),
            size,
            modified_at: OffsetDateTime::UNIX_EPOCH,
        },
        uploaded: true,
    }
}

fn png(size: u64) -> Attachment {
    attachment(Kind::Png, "screen.png", size)
}

/// The part as a notification service writes it.
fn written(part: &Part, content: &[u8]) -> String {
    let mut text = format!("--{}\r\n{}\r\n", "b".repeat(70), part.mime_headers);
    let base64 = base64::engine::general_purpose::STANDARD.encode(content);
    for (at, c) in base64.chars().enumerate() {
        if at > 0 && at % 76 == 0 {
            text.push_str("\r\n");
        }
        text.push(c);
    }
    text.push_str(if content.is_empty() { "" } else { "\r\n" });
    text
}

#[test]
fn a_part_in_full() {
    let part = image_part(&png(1_098_301)).unwrap();
    let headers = format!(
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{}>\r\n\
         Content-Disposition: inline;\r\n filename=\"screen.png\"\r\n",
        part.content_id
    );
    assert_eq!(part.mime_headers, headers);
    let (name, host) = part.content_id.split_once('@').unwrap();
    assert!(name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && host == "attachlink");
    // 1,098,301 octets are 366,101 groups of 4 characters on 19,269 lines.
    assert_eq!(part.encoded_size, 74 + headers.len() as u64 + 2 + 4 * 366_101 + 2 * 19_269);
}

#[test]
fn a_content_id_names_row_and_version() {
    let id = |change: fn(&mut Attachment)| {
        let mut changed = png(1);
        change(&mut changed);
        image_part(&changed).unwrap().content_id
    };
    let same = id(|_| ());
    assert_eq!(same, id(|a| a.filename = "other.png".to_owned()));
    let others = [
        id(|a| a.row = 8),
        id(|a| a.object.version = "v2".into()),
        id(|a| a.object.key = ObjectKey::for_upload([2; 16])),
    ];
    assert!(others.iter().enumerate().all(|(at, other)| *other != same && !others[..at].contains(other)));
}

#[test]
fn less_than_the_limit_is_inline_and_equal_is_not() {
    let image = png(1_000);
    let encoded = image_part(&image).unwrap().encoded_size;
    for limit in [DEFAULT_INLINE_LIMIT, encoded + 1, 1 << 40] {
        for (total, images) in [(limit - 1, Images::Inline), (limit, Images::Link), (limit + 1, Images::Link)] {
            let message_size = total - encoded;
            let decision = decide(std::slice::from_ref(&image), message_size, limit, false).unwrap();
            assert_eq!(decision.images, images, "{total} of {limit}");
            assert_eq!(decision.size, Size { message: message_size, images: encoded, total, limit });
        }
    }
    assert_eq!(DEFAULT_INLINE_LIMIT, 6_291_456);
    assert_eq!(decide(&[image], 0, 0, false).unwrap().images, Images::Link);
}

#[test]
fn the_size_of_the_object_decides_at_the_limit_too() {
    // The largest image that fits beside a message, and the next that does not.
    let encoded = |size| image_part(&png(size)).unwrap().encoded_size;
    let (mut fits, mut over) = (0, DEFAULT_INLINE_LIMIT);
    while over - fits > 1 {
        let middle = u64::midpoint(fits, over);
        if encoded(middle) < DEFAULT_INLINE_LIMIT { fits = middle } else { over = middle }
    }
    assert_eq!(decide(&[png(fits)], 0, DEFAULT_INLINE_LIMIT, false).unwrap().images, Images::Inline);
    assert_eq!(decide(&[png(over)], 0, DEFAULT_INLINE_LIMIT, false).unwrap().images, Images::Link);
}

#[test]
fn all_images_go_the_same_way_and_files_are_links() {
    let attachments = [png(100), attachment(Kind::File, "x.svg", 5), attachment(Kind::Jpeg, "y.jpg", 3_000)];
    for (limit, safe, images, renderings) in [
        (u64::MAX, false, Images::Inline, [Rendering::Inline, Rendering::Link, Rendering::Inline]),
        // The small one alone would fit.
        (1_000, false, Images::Link, [Rendering::Link; 3]),
        (u64::MAX, true, Images::Omit, [Rendering::Omit; 3]),
        (0, true, Images::Omit, [Rendering::Omit; 3]),
    ] {
        let decision = decide(&attachments, 0, limit, safe).unwrap();
        assert_eq!(decision.images, images);
        assert_eq!([0, 1, 2].map(|index| decision.rendering(index)), renderings);
        assert_eq!(decision.parts.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
        let sum: u64 = decision.parts.iter().flatten().map(|part| part.encoded_size).sum();
        assert_eq!(decision.size.images, sum);
    }
}

#[test]
fn without_images_there_is_nothing_to_decide() {
    for attachments in [vec![], vec![attachment(Kind::File, "a.txt", u64::MAX)]] {
        let decision = decide(&attachments, u64::MAX, 5, false).unwrap();
        assert_eq!(decision.images, Images::None);
        assert_eq!(decision.size, Size { message: u64::MAX, images: 0, total: u64::MAX, limit: 5 });
        assert_eq!(decision.rendering(0), Rendering::Link);
        assert_eq!(decide(&attachments, 1, 5, true).unwrap().images, Images::Omit);
    }
}

#[test]
fn nothing_overflows() {
    let half = png(u64::MAX / 4 * 2);
    let encoded = image_part(&half).unwrap().encoded_size;
    assert_eq!(decide(&[png(u64::MAX)], 0, 1, false), Err(TooLarge));
    assert_eq!(decide(&[half.clone(), half.clone()], 0, 1, false), Err(TooLarge));
    assert_eq!(decide(std::slice::from_ref(&half), u64::MAX - encoded, 1, false).unwrap().size.total, u64::MAX);
    assert_eq!(decide(&[half], u64::MAX - encoded + 1, 1, false), Err(TooLarge));
}

#[test]
fn names_are_those_of_the_api() {
    for (images, name) in Images::ALL.into_iter().zip(["omit", "none", "inline", "link"]) {
        assert_eq!(images.name(), name);
        assert_eq!(serde_json::to_value(images).unwrap(), name);
    }
    assert_eq!(serde_json::to_value(Rendering::Omit).unwrap(), "omit");
}

proptest! {
    #[test]
    fn the_size_is_that_of_the_part_as_written(
        filename in prop_oneof![".{0,300}", "[ -~]{0,300}", "[\u{600}-\u{6ff}\u{1f600}-\u{1f64f}]{0,100}"],
        content in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let part = image_part(&attachment(Kind::Png, &filename, content.len() as u64)).unwrap();
        let written = written(&part, &content);
        prop_assert_eq!(part.encoded_size, written.len() as u64);
        prop_assert!(written.is_ascii() && written.ends_with("\r\n"));
        for line in part.mime_headers.strip_suffix("\r\n").unwrap().split("\r\n") {
            prop_assert!(!line.is_empty() && line.len() <= 76, "{}", line);
            prop_assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{}", line);
        }
    }

    #[test]
    fn the_name_comes_back(filename in prop_oneof![".{0,300}", "[ -~]{0,300}", "[\u{600}-\u{6ff}\u{1f600}-\u{1f64f}]{0,100}"]) {
        let part = image_part(&attachment(Kind::Gif, &filename, 9)).unwrap();
        let parameters = part.mime_headers.split_once("inline;\r\n").unwrap().1;
        let mut name = Vec::new();
        for (number, line) in parameters.trim_end().split(";\r\n").enumerate() {
            let (key, value) = line.trim_start().split_once('=').unwrap();
            if key == "filename" {
                name.extend(value.trim_matches('"').bytes());
            } else {
                let continued = key == format!("filename*{number}*");
                prop_assert!(continued || key == "filename*", "{}", key);
                name.extend(percent_encoding::percent_decode_str(value.strip_prefix("UTF-8''").unwrap_or(value)));
            }
        }
        prop_assert_eq!(String::from_utf8(name).unwrap(), safe_name(&filename));
    }

    #[test]
    fn the_sum_is_exact_or_refused(
        sizes in prop::collection::vec(prop_oneof![0..10_000_000_u64, any::<u64>()], 0..5),
        message_size: u64,
        limit: u64,
    ) {
        let attachments: Vec<Attachment> = sizes.iter().map(|size| png(*size)).collect();
        let headers = image_part(&png(0)).unwrap().mime_headers.len() as u128;
        let images: u128 = sizes.iter().map(|size| {
            let chars = u128::from(*size).div_ceil(3) * 4;
            74 + headers + 2 + chars + 2 * chars.div_ceil(76)
        }).sum();
        let total = u128::from(message_size) + images;
        match decide(&attachments, message_size, limit, false) {
            Err(TooLarge) => prop_assert!(total > u128::from(u64::MAX)),
            Ok(decision) => {
                prop_assert_eq!((u128::from(decision.size.images), u128::from(decision.size.total)), (images, total));
                let inline = total < u128::from(limit);
                let expected = if sizes.is_empty() { Images::None } else if inline { Images::Inline } else { Images::Link };
                prop_assert_eq!(decision.images, expected);
            }
        }
    }
}

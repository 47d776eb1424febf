use proptest::prelude::*;

use super::*;

#[test]
fn names_of_any_script_stay_as_they_are() {
    for name in [
        "screen.png",
        "a b (1).txt",
        "Grüße.pdf",
        "отчёт.docx",
        "報告書.xlsx",
        "दस्तावेज़.pdf",
        "می\u{200c}خواهم.pdf",
        "תמונה.jpg",
        "👩\u{200d}💻.png",
        "❤\u{fe0f}.gif",
        "we\"ird;name=%41.txt",
        "archive.tar.gz",
        "no extension",
        "a..b",
        "葛\u{e0100}.txt",
        "console.log",
        "COM10.txt",
        "-rf",
        "100%.txt",
        "x<y>:|?*.txt",
    ] {
        assert_eq!(safe_name(name), name);
    }
}

#[test]
fn what_deceives_or_cannot_be_saved_goes() {
    for (given, safe) in [
        ("", NAMELESS),
        (" . .. ", NAMELESS),
        ("..", NAMELESS),
        ("\u{202e}\u{200b}\u{feff}", NAMELESS),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\fakepath\\a.png", "C:_fakepath_a.png"),
        ("12/03 report.pdf", "12_03 report.pdf"),
        (".htaccess", "htaccess"),
        (" a.txt. ", "a.txt"),
        ("\u{3000}a.txt\u{a0}", "a.txt"),
        ("a\r\nSet-Cookie: x.txt", "a  Set-Cookie: x.txt"),
        ("a\0b\u{7f}c\u{9b}d.txt", "abcd.txt"),
        ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ("a\u{2066}b\u{2069}\u{200f}c\u{61c}.txt", "abc.txt"),
        ("pa\u{200b}y\u{2060}pal\u{ad}.txt", "paypal.txt"),
        ("a\u{200d}b.txt", "ab.txt"),
        ("é\u{200d}\u{200c}é\u{200d}.txt", "é\u{200c}é.txt"),
        ("a\u{ffff}\u{fdd0}b\u{e0041}.txt", "ab.txt"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("Com1.log", "_Com1.log"),
        ("LPT².x", "_LPT².x"),
        ("conin$", "_conin$"),
        ("con:x.txt", "_con:x.txt"),
    ] {
        assert_eq!(safe_name(given), safe, "{given:?}");
    }
}

#[test]
fn long_names_keep_their_extension() {
    let name = |stem: &str, octets: usize, extension: &str| format!("{}{extension}", stem.repeat(octets / stem.len()));
    for (given, safe) in [
        (name("a", 251, ".txt"), name("a", 251, ".txt")),
        (name("a", 252, ".txt"), name("a", 251, ".txt")),
        (name("é", 300, ".tar"), name("é", 250, ".tar")),
        (name("報", 3000, ".jpeg"), name("報", 249, ".jpeg")),
        (name("😀", 400, ""), name("😀", 252, "")),
        (format!("{}.{}", "a".repeat(300), "b".repeat(31)), format!("{}.{}", "a".repeat(223), "b".repeat(31))),
        (format!("{}.{}", "a".repeat(300), "b".repeat(32)), "a".repeat(255)),
        (format!("a{}b.txt", " ".repeat(300)), "a.txt".to_owned()),
        // Cutting makes a device of it, and the mark of a device makes it too long.
        (format!("CON{}b.txt", " ".repeat(300)), "_CON.txt".to_owned()),
        (format!("CON.{}.txt", "x".repeat(247)), format!("_CON.{}.txt", "x".repeat(246))),
    ] {
        assert_eq!(safe_name(&given), safe, "{given}");
    }
}

#[test]
fn a_segment_is_percent_encoded_ascii() {
    for (given, segment) in [
        ("log.txt", "log.txt"),
        ("a b~c_d-e.txt", "a%20b~c_d-e.txt"),
        ("é+&?#%/.txt", "%C3%A9%2B%26%3F%23%25_.txt"),
        ("..", "attachment"),
    ] {
        assert_eq!(url_segment(given), segment);
    }
}

#[test]
fn dispositions() {
    for (inline, given, header) in [
        (true, "screen.png", "inline; filename=\"screen.png\"; filename*=UTF-8''screen.png"),
        (false, "a b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
        (false, "€ rates", "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"),
        (false, "a\"b\\c%41.txt", "attachment; filename=\"a_b_c_41.txt\"; filename*=UTF-8''a%22b_c%2541.txt"),
        (false, "it's (1)*.txt", "attachment; filename=\"it's (1)*.txt\"; filename*=UTF-8''it%27s%20%281%29%2A.txt"),
        (false, "", "attachment; filename=\"attachment\"; filename*=UTF-8''attachment"),
    ] {
        assert_eq!(content_disposition(inline, given, Reader::Standard), header);
    }
}

#[test]
fn programs_that_read_it_otherwise_are_told_otherwise() {
    for (user_agent, given, header) in [
        ("Mozilla/5.0 curl/8", "é%.txt", "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9%25.txt"),
        ("curl/7.88.1", "é%.txt", "attachment; filename=\"é%.txt\"; filename*=UTF-8''%C3%A9%25.txt"),
        ("curl/8.5.0", "a\"b\n.txt", "attachment; filename=\"a_b .txt\"; filename*=UTF-8''a%22b%20.txt"),
        ("Wget/1.21.3", "é\"%41.txt", "attachment; filename=\"é%22%2541.txt\""),
        ("Wget/2.1.0", "%41.txt", "attachment; filename=\"_41.txt\"; filename*=UTF-8''%2541.txt"),
    ] {
        assert_eq!(content_disposition(false, given, Reader::of(user_agent.as_bytes())), header, "{user_agent}");
    }
}

#[test]
fn nobody_is_told_a_longer_name_than_it_can_save() {
    for (user_agent, octets) in [("Mozilla/5.0 (X11)", 244), ("Wget/1.21", 236), ("curl/8.5.0", 255), ("aria2", 255)] {
        let header = content_disposition(false, &"a".repeat(300), Reader::of(user_agent.as_bytes()));
        assert!(header.starts_with(&format!("attachment; filename=\"{}\"", "a".repeat(octets))), "{header}");
    }
    let header = content_disposition(false, &format!("{}%\".txt", "報".repeat(300)), Reader::Wget);
    assert_eq!(header, format!("attachment; filename=\"{}.txt\"", "報".repeat(77)));
    let longest = content_disposition(true, &"%".repeat(300), Reader::Wget);
    assert_eq!(longest, format!("inline; filename=\"{}\"", "%25".repeat(236)));
}

/// What a browser makes of a `Content-Disposition`: the type, `filename` and `filename*`. Written from the grammars of
/// RFC 6266 section 4.1 and RFC 8187 section 3.2.1, character by character, and knows nothing of the code above.
fn parse_disposition(header: &str) -> Option<(String, String, String)> {
    let (kind, mut rest) = header.split_once(';')?;
    let (mut plain, mut extended) = (None, None);
    while !rest.is_empty() {
        rest = rest.trim_start_matches(' ');
        let (name, after) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            let mut value = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(chars.next()?.1),
                    (_, c) => value.push(c),
                }
            };
            (value, &quoted[end + 1..])
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        };
        match name {
            "filename" => plain = Some(value),
            "filename*" => extended = Some(decode_extended(&value)?),
            _ => return None,
        }
        rest = if after.is_empty() { after } else { after.strip_prefix(';')? };
    }
    Some((kind.to_owned(), plain?, extended?))
}

fn decode_extended(value: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut encoded = value.strip_prefix("UTF-8''")?.bytes();
    while let Some(octet) = encoded.next() {
        octets.push(match octet {
            b'%' => {
                let digits = [encoded.next()?, encoded.next()?];
                let hex = digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'A'..=b'F'));
                hex.then(|| u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok())??
            }
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~' => octet,
            _ if octet.is_ascii_alphanumeric() => octet,
            _ => return None,
        });
    }
    String::from_utf8(octets).ok()
}

/// Names with everything that is hard: other scripts, quotes, controls, marks of direction, joiners, dots, length.
fn names() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        '.', ' ', '"', '\\', '/', '%', ';', '\'', '*', '\r', '\n', '\0', '\u{202e}', '\u{200b}', '\u{200c}',
        '\u{200d}', 'é', '報', '😀', '\u{3000}', '\u{feff}', 'C', 'O', 'N', '1',
    ]);
    prop_oneof![
        ".{0,40}",
        prop::collection::vec(prop_oneof![hard, any::<char>()], 0..300).prop_map(String::from_iter),
        ("(?i)(con|aux|com[0-9]|lpt[¹²³])[ .]{0,260}", ".{0,8}").prop_map(|(device, rest)| device + &rest),
    ]
}

proptest! {
    #[test]
    fn a_safe_name_is_safe_and_stays_as_it_is(given in names()) {
        let safe = safe_name(&given);
        prop_assert!(!safe.is_empty() && safe.len() <= MAX_SAFE_OCTETS);
        prop_assert!(!safe.contains(['/', '\\']) && !safe.chars().any(|c| c.is_control() || is_invisible(c)));
        prop_assert!(!safe.starts_with(is_edge) && !safe.ends_with(is_edge));
        prop_assert!(!is_device(&safe));
        prop_assert_eq!(safe_name(&safe), safe);
    }

    #[test]
    fn a_disposition_is_read_as_it_was_meant(given in names(), inline: bool) {
        let header = content_disposition(inline, &given, Reader::Standard);
        prop_assert!(header.bytes().all(|b| matches!(b, b' '..=b'~')));
        let (kind, plain, extended) = parse_disposition(&header).expect("it follows the grammar");
        prop_assert_eq!(kind, if inline { "inline" } else { "attachment" });
        prop_assert_eq!(&extended, &safe_name(&given));
        prop_assert_eq!(plain.chars().count(), extended.chars().count());
        for (fallback, meant) in plain.chars().zip(extended.chars()) {
            prop_assert!(fallback == meant || (fallback == '_' && (!meant.is_ascii() || "\"%".contains(meant))));
        }
    }

    #[test]
    fn a_segment_is_decoded_to_the_safe_name(given in names()) {
        let segment = url_segment(&given);
        prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let url = url::Url::parse(&format!("https://files.example/a/t/{segment}")).unwrap();
        prop_assert_eq!(url.path_segments().unwrap().next_back(), Some(&*segment));
        let decoded = percent_encoding::percent_decode_str(&segment).decode_utf8().unwrap();
        prop_assert_eq!(decoded, safe_name(&given));
    }
}

#[test]
fn a_name_that_is_cut_for_a_program_becomes_no_device() {
    let given = format!("CON{}b.txt", " ".repeat(245));
    assert_eq!(safe_name(&given), given);
    for (reader, plain) in [(Reader::Standard, &*given), (Reader::Browser, "_CON.txt"), (Reader::Wget, "_CON.txt")] {
        let header = content_disposition(false, &given, reader);
        assert!(header.starts_with(&format!("attachment; filename=\"{plain}\"")), "{header}");
    }
}

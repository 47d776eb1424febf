//! The exact form of a MIME part in base64: its headers and its octets (RFC 2045, 2046, 2231, 2183, 2392).

use percent_encoding::utf8_percent_encode;

use crate::domain::filename::{NOT_ATTR_CHAR, safe_name};

/// The longest boundary that there may be (RFC 2046 section 5.1.1), in octets: the one that sizes are counted with.
const BOUNDARY_OCTETS: u64 = 70;
/// The two hyphens before a boundary.
const HYPHENS_OCTETS: u64 = 2;
/// The longest line, in characters without its end (RFC 2045 section 6.8; RFC 2047 section 2 for headers).
const LINE_CHARS: u64 = 76;
/// The octets that end a line.
const CRLF_OCTETS: u64 = 2;

/// The longest line of a header, in characters.
const HEADER_LINE_CHARS: usize = 76;

/// The headers of an image's part, each line ended by CRLF.
pub(super) fn headers(media_type: &str, content_id: &str, filename: &str) -> String {
    format!(
        "Content-Type: {media_type}\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-ID: <{content_id}>\r\n\
         Content-Disposition: inline;\r\n {}\r\n",
        filename_parameter(&safe_name(filename))
    )
}

/// The octets of a part with these headers and `size` octets of content, its delimiter line included.
pub(super) fn octets(mime_headers: &str, size: u64) -> Option<u64> {
    let delimiter = HYPHENS_OCTETS + BOUNDARY_OCTETS + CRLF_OCTETS;
    let headers = u64::try_from(mime_headers.len()).ok()?.checked_add(CRLF_OCTETS)?;
    delimiter.checked_add(headers)?.checked_add(base64_octets(size)?)
}

/// The octets of base64 with CRLF after every line (RFC 2045 section 6.8).
fn base64_octets(size: u64) -> Option<u64> {
    const GROUP_IN: u64 = 3;
    const GROUP_OUT: u64 = 4;
    let chars = size.div_ceil(GROUP_IN).checked_mul(GROUP_OUT)?;
    chars.checked_add(chars.div_ceil(LINE_CHARS).checked_mul(CRLF_OCTETS)?)
}

/// The `filename` parameter, on as many lines as it needs: as it is where every parser reads it so, else percent-encoded
/// (RFC 2231 sections 3 and 4).
fn filename_parameter(name: &str) -> String {
    let quoted = format!("filename=\"{name}\"");
    if is_plain(name) && quoted.len() < HEADER_LINE_CHARS {
        return quoted;
    }
    let whole = format!("filename*=UTF-8''{}", utf8_percent_encode(name, NOT_ATTR_CHAR));
    if whole.len() < HEADER_LINE_CHARS { whole } else { continued(name) }
}

/// Whether every parser reads a name out of quotes as it is: no quoted pairs, nothing that looks like an encoded word
/// (RFC 2047), no double spaces, which some fold.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b" !#$&'()+,-.@[]^_`{}~".contains(&b)) && !name.contains("  ")
}

/// The parameter in numbered sections. No character is split, for some parsers decode each section by itself.
fn continued(name: &str) -> String {
    // A space before, a semicolon after, and two digits: a safe name needs fewer than a hundred sections.
    const SECTION_CHARS: usize = HEADER_LINE_CHARS - " filename*99*=;".len();
    let mut sections = vec!["UTF-8''".to_owned()];
    let mut utf8 = [0; 4];
    for c in name.chars() {
        let encoded = utf8_percent_encode(c.encode_utf8(&mut utf8), NOT_ATTR_CHAR).to_string();
        match sections.last_mut() {
            Some(section) if section.len() + encoded.len() <= SECTION_CHARS => section.push_str(&encoded),
            _ => sections.push(encoded),
        }
    }
    let numbered = sections.iter().enumerate().map(|(number, section)| format!("filename*{number}*={section}"));
    numbered.collect::<Vec<_>>().join(";\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_counted_by_groups_and_lines() {
        // A line of 76 characters holds 57 octets.
        for (size, octets) in
            [(0, 0), (1, 6), (3, 6), (4, 10), (56, 78), (57, 78), (58, 84), (114, 156), (115, 162), (5_700, 7_800)]
        {
            assert_eq!(base64_octets(size), Some(octets), "{size}");
        }
        let largest = (0..64).rev().fold(0, |sum: u64, bit| {
            let more = sum | (1 << bit);
            if base64_octets(more).is_some() { more } else { sum }
        });
        // 78 octets for each 57 is what fits into 64 bits, but for the rest of a line.
        assert!(u128::from(largest).abs_diff(u128::from(u64::MAX) * 57 / 78) < 57, "{largest}");
        assert_eq!(base64_octets(largest + 1), None);
        assert_eq!(base64_octets(u64::MAX), None);
        assert_eq!(octets("", largest), None, "the delimiter line no longer fits");
    }

    #[test]
    fn names_are_quoted_encoded_or_continued() {
        for (name, parameter) in [
            ("screen.png", "filename=\"screen.png\""),
            ("it's (1) [a].png", "filename=\"it's (1) [a].png\""),
            ("a  b.png", "filename*=UTF-8''a%20%20b.png"),
            ("=?utf-8?q?x?=.png", "filename*=UTF-8''%3D%3Futf-8%3Fq%3Fx%3F%3D.png"),
            ("a\"b;c%.png", "filename*=UTF-8''a%22b%3Bc%25.png"),
            ("Grüße.png", "filename*=UTF-8''Gr%C3%BC%C3%9Fe.png"),
            (
                "報告書報告書報告書.png",
                "filename*0*=UTF-8''%E5%A0%B1%E5%91%8A%E6%9B%B8%E5%A0%B1%E5%91%8A%E6%9B%B8;\r\n \
                 filename*1*=%E5%A0%B1%E5%91%8A%E6%9B%B8.png",
            ),
        ] {
            assert_eq!(filename_parameter(name), parameter);
        }
        let at_most = "a".repeat(HEADER_LINE_CHARS - " filename=\"\"".len());
        assert_eq!(filename_parameter(&at_most), format!("filename=\"{at_most}\""));
        assert!(filename_parameter(&format!("{at_most}a")).starts_with("filename*0*=UTF-8''aaa"));
    }
}

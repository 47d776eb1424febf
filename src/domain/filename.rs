//! Names of downloads: safe to save under, whole in any script, and told to browsers as RFC 6266 and RFC 8187 say.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest name of a download, in octets of UTF-8: what file systems take.
pub const MAX_SAFE_OCTETS: usize = 255;

/// What a download is called when nothing is left of its name.
pub const NAMELESS: &str = "attachment";

/// The longest extension that outlives the cut of a long name, in octets with its dot.
const MAX_EXTENSION_OCTETS: usize = 32;

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Everything but the `attr-char` of RFC 8187 section 3.2.1, which are safe in RFC 2231 too.
pub(super) const NOT_ATTR_CHAR: &AsciiSet = &NOT_UNRESERVED
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'^')
    .remove(b'`')
    .remove(b'|');

/// The name a download is saved under: nothing that deceives the reader, leaves a folder, or cannot be saved.
///
/// Control characters, marks that turn the direction of writing and invisible characters go, path separators become
/// `_`, dots and spaces at the ends go, names that Windows keeps for devices get a `_`, and long names are cut to
/// [`MAX_SAFE_OCTETS`] before their extension. What is empty then is [`NAMELESS`]. A safe name stays as it is.
#[must_use]
pub fn safe_name(given: &str) -> String {
    let visible: Vec<char> = given.chars().filter_map(visible).collect();
    let joined = with_meaningful_joiners(&visible);
    let trimmed = joined.trim_matches(is_edge);
    if trimmed.is_empty() {
        return NAMELESS.to_owned();
    }
    fitting(trimmed, MAX_SAFE_OCTETS)
}

/// What stands for a character in a safe name.
fn visible(c: char) -> Option<char> {
    match c {
        '/' | '\\' => Some('_'),
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if c.is_control() || is_invisible(c) => None,
        _ => Some(c),
    }
}

/// Invisible characters and marks of direction: Unicode's default ignorables (UAX 44) without what letters and emoji
/// are composed with (joiners, variation selectors), and the noncharacters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The joiner and non-joiner: zero-width, but part of the spelling in Persian and Indic scripts, and of emoji.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Leaves joiners only between two characters that they could join, never twice and never beside ASCII.
fn with_meaningful_joiners(chars: &[char]) -> String {
    let joinable = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_joiner(c));
    let mut last = None;
    let mut kept = String::new();
    for (at, &c) in chars.iter().enumerate() {
        if !is_joiner(c) || (joinable(last) && joinable(chars.get(at + 1).copied())) {
            kept.push(c);
            last = Some(c);
        }
    }
    kept
}

/// What must not be the first or last of a name.
fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace() || is_joiner(c)
}

/// Cuts a name to `octets`. What was cut may have been what told it from a device, so that is looked at only then.
fn fitting(name: &str, octets: usize) -> String {
    let cut = cut_before_extension(name, octets);
    if is_device(&cut) { cut_before_extension(&format!("_{cut}"), octets) } else { cut }
}

/// Cuts a name to so many octets, from the end of what stands before its extension.
fn cut_before_extension(name: &str, octets: usize) -> String {
    if name.len() <= octets {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= MAX_EXTENSION_OCTETS);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let stem = &stem[..stem.floor_char_boundary(octets - extension.len())];
    format!("{}{extension}", stem.trim_end_matches(is_edge))
}

/// Whether Windows keeps the name for a device, with any extension or stream and in any case.
fn is_device(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or_default().trim_end().to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$" => true,
        _ => {
            let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).unwrap_or_default();
            let mut port = port.chars();
            port.next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³')) && port.next().is_none()
        }
    }
}

/// The safe name as one path segment of a URL: ASCII, percent-encoded with uppercase digits, never `.` or `..`.
#[must_use]
pub fn url_segment(given: &str) -> String {
    utf8_percent_encode(&safe_name(given), NOT_UNRESERVED).to_string()
}

/// Who reads a `Content-Disposition`: programs that are known to read it in their own way, and all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// By RFC 6266 and RFC 8187.
    Standard,
    /// The same. But while a file is on its way, Chromium saves it under a name that is eleven octets longer
    /// (`.crdownload`), and where there is no room for that it saves nothing, or asks.
    Browser,
    /// `curl -J` knows no `filename*`, and saves under the octets of `filename` up to the first quote (7.88).
    Curl,
    /// `wget --content-disposition` decodes percent signs in `filename` too and once more than it should in `filename*`,
    /// reads 511 octets of the header, and cuts names anywhere (1.21; wget2 does none of it).
    Wget,
}

impl Reader {
    /// By the `User-Agent` of a request.
    #[must_use]
    pub fn of(user_agent: &[u8]) -> Self {
        if user_agent.starts_with(b"curl/") {
            Self::Curl
        } else if user_agent.starts_with(b"Wget/1.") {
            Self::Wget
        } else if user_agent.starts_with(b"Mozilla/") {
            Self::Browser
        } else {
            Self::Standard
        }
    }

    /// The longest name that it can save, in octets.
    const fn longest(self) -> usize {
        match self {
            Self::Standard | Self::Curl => MAX_SAFE_OCTETS,
            Self::Browser => 244,
            Self::Wget => 236,
        }
    }

    /// The name in `filename`. The standard's is ASCII, without quoted pairs and percent signs, which many misread
    /// (RFC 6266 section 4.3 and appendix D). In the others UTF-8 is opaque data (RFC 9110 section 5.5).
    fn plain(self, name: &str) -> String {
        let standard = |c: char| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
        match self {
            Self::Standard | Self::Browser => name.chars().map(standard).collect(),
            Self::Curl => name.replace(['"', '\\'], "_"),
            Self::Wget => name.replace('%', "%25").replace('"', "%22"),
        }
    }
}

/// The `Content-Disposition` of a download: the safe name for those who know RFC 8187, and a form of it for the others.
#[must_use]
pub fn content_disposition(inline: bool, given: &str, reader: Reader) -> String {
    let name = fitting(&safe_name(given), reader.longest());
    let disposition = if inline { "inline" } else { "attachment" };
    let plain = reader.plain(&name);
    if reader == Reader::Wget {
        return format!("{disposition}; filename=\"{plain}\"");
    }
    let encoded = utf8_percent_encode(&name, NOT_ATTR_CHAR);
    format!("{disposition}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests;

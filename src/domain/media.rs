//! What an attachment's bytes are, and as what they are served.
//!
//! A claim is only a claim: what is shown as an image is decided by the bytes, and what a browser could run is never
//! served under its own name (product: *The email decision*; API: *Tokens and downloads*).

use super::attachment::MAX_MEDIA_TYPE_OCTETS;

mod runnable;

/// What is served when nothing better may be said (RFC 2046 section 4.5.1).
pub const OCTET_STREAM: &str = "application/octet-stream";

/// How many octets from the start of an object [`Kind::sniff`] wants to see, or all of a shorter one.
pub const SNIFF_OCTETS: usize = 64;

/// What an attachment's bytes are: a raster image that mail programs show, or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PNG image.
    Png,
    /// A JPEG image.
    Jpeg,
    /// A GIF image.
    Gif,
    /// A WebP image.
    Webp,
    /// A Windows bitmap.
    Bmp,
    /// Everything else: SVG and HTML too.
    File,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp, Self::Bmp, Self::File];

    /// Its name in the database and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Bmp => "bmp",
            Self::File => "file",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether mail programs show it inside an email.
    #[must_use]
    pub const fn is_image(self) -> bool {
        !matches!(self, Self::File)
    }

    /// The media type that the bytes prove; a file proves none.
    #[must_use]
    pub const fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Png => Some("image/png"),
            Self::Jpeg => Some("image/jpeg"),
            Self::Gif => Some("image/gif"),
            Self::Webp => Some("image/webp"),
            Self::Bmp => Some("image/bmp"),
            Self::File => None,
        }
    }

    /// The kind of an object that starts with `first_octets` (see [`SNIFF_OCTETS`]).
    #[must_use]
    pub fn sniff(first_octets: &[u8]) -> Self {
        let guess = match infer::get(first_octets).map(|found| found.mime_type()) {
            Some("image/png") => Self::Png,
            Some("image/jpeg") => Self::Jpeg,
            Some("image/gif") => Self::Gif,
            Some("image/webp") => Self::Webp,
            Some("image/bmp") => Self::Bmp,
            _ => Self::File,
        };
        if guess.signed(first_octets) { guess } else { Self::File }
    }

    /// Whether the whole signature is there. `infer` is content with `BM` or `GIF`, with which a text may start.
    fn signed(self, octets: &[u8]) -> bool {
        match self {
            Self::Png => octets.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Gif => octets.starts_with(b"GIF87a") || octets.starts_with(b"GIF89a"),
            Self::Webp => octets.starts_with(b"RIFF") && octets.get(8..12) == Some(b"WEBP"),
            Self::Bmp => bitmap_header_octets(octets).is_some_and(|size| BITMAP_HEADERS.contains(&size)),
            Self::Jpeg | Self::File => true,
        }
    }
}

/// The sizes that the information header of a bitmap has had, in octets: OS/2 1 and 2, and `BITMAPINFOHEADER` to
/// version 5.
const BITMAP_HEADERS: [u32; 8] = [12, 16, 40, 52, 56, 64, 108, 124];

/// The size of the information header, which follows the 14 octets of the file header.
fn bitmap_header_octets(octets: &[u8]) -> Option<u32> {
    octets.get(14..18).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes)
}

/// A text is no media type (RFC 9110 section 8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a media type such as image/png, of at most {MAX_MEDIA_TYPE_OCTETS} octets")]
pub struct InvalidMediaType;

/// A media type in one spelling: lower case, `; ` before each parameter, quotes only where they are needed.
///
/// # Errors
/// [`InvalidMediaType`] for what RFC 9110 section 8.3.1 does not allow, for wildcards, and for what is not ASCII.
pub fn parse_media_type(text: &str) -> Result<String, InvalidMediaType> {
    if text.len() > MAX_MEDIA_TYPE_OCTETS || !text.is_ascii() {
        return Err(InvalidMediaType);
    }
    let parsed: mime::Mime = without_odd_spaces(text).parse().map_err(|_| InvalidMediaType)?;
    if parsed.type_() == mime::STAR || parsed.essence_str().ends_with("/*") {
        return Err(InvalidMediaType);
    }
    let mut spelled = parsed.essence_str().to_owned();
    if spelled.ends_with('/') {
        return Err(InvalidMediaType);
    }
    for (name, value) in parsed.params() {
        // An empty token is none (RFC 9110 section 5.6.6), and `mime` does not know the empty quoted string.
        if value.as_str().is_empty() {
            return Err(InvalidMediaType);
        }
        let quote = if is_token(value.as_str()) { "" } else { "\"" };
        spelled.extend(["; ", name.as_str(), "=", quote, value.as_str(), quote]);
    }
    if spelled.len() > MAX_MEDIA_TYPE_OCTETS { Err(InvalidMediaType) } else { Ok(spelled) }
}

/// Takes away the optional white space that `mime` does not know: at both ends and before the first `;`.
fn without_odd_spaces(text: &str) -> String {
    let text = text.trim_matches([' ', '\t']);
    match text.split_once(';') {
        Some((essence, parameters)) => {
            format!("{};{}", essence.trim_end_matches([' ', '\t']), parameters.trim_start_matches([' ', '\t']))
        }
        None => text.to_owned(),
    }
}

/// Whether a text that is not empty is a token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Claims of a raster image of ours, with the names that they have gone by.
const RASTER_CLAIMS: [&str; 14] = [
    "image/png",
    "image/x-png",
    "image/apng",
    "image/vnd.mozilla.apng",
    "image/jpeg",
    "image/jpg",
    "image/pjpeg",
    "image/x-jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/x-bmp",
    "image/x-ms-bmp",
    "image/x-windows-bmp",
];

/// The media type that is kept: an image's own; else the claim, unless it claims an image that the bytes are not.
///
/// # Errors
/// [`InvalidMediaType`] as [`parse_media_type`], whatever the bytes are.
pub fn effective_media_type(kind: Kind, claimed: &str) -> Result<String, InvalidMediaType> {
    let claimed = parse_media_type(claimed)?;
    Ok(match kind.media_type() {
        Some(proved) => proved.to_owned(),
        None if RASTER_CLAIMS.contains(&essence(&claimed)) => OCTET_STREAM.to_owned(),
        None => claimed,
    })
}

/// The type and subtype of a media type in its one spelling.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default()
}

/// How an attachment is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The `Content-Type`.
    pub content_type: String,
    /// Whether a browser may show it; else it saves it.
    pub inline: bool,
}

/// How an attachment of this kind and media type is served: raster images inline and as what they are, everything
/// else to be saved, and what a browser could run as [`OCTET_STREAM`].
#[must_use]
pub fn served_as(kind: Kind, media_type: &str) -> Served {
    if let Some(proved) = kind.media_type() {
        return Served { content_type: proved.to_owned(), inline: true };
    }
    let content_type = match effective_media_type(kind, media_type) {
        Ok(claimed) if !runnable::could_run(essence(&claimed)) => claimed,
        _ => OCTET_STREAM.to_owned(),
    };
    Served { content_type, inline: false }
}

#[cfg(test)]
mod tests;

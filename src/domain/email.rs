//! The email decision: which attachments an email shows, and the exact size of what it shows (product: *The email
//! decision*).

use ring::digest;

use super::attachment::Attachment;
use super::media::OCTET_STREAM;

mod mime_part;

/// The size from which on images are links, unless an operator sets another, in octets: 6 × 1024 × 1024.
pub const DEFAULT_INLINE_LIMIT: u64 = 6 * 1024 * 1024;

/// What becomes of an email's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Images {
    /// The compliance switch is on: no attachment appears at all (product, rule 5).
    Omit,
    /// There are none.
    None,
    /// All are embedded.
    Inline,
    /// All are links.
    Link,
}

impl Images {
    /// Every decision, for metrics that exist from the start.
    pub const ALL: [Self; 4] = [Self::Omit, Self::None, Self::Inline, Self::Link];

    /// Its name in the API and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Omit => "omit",
            Self::None => "none",
            Self::Inline => "inline",
            Self::Link => "link",
        }
    }
}

/// How one attachment appears in an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rendering {
    /// As an embedded image.
    Inline,
    /// As a link, to the portal or a secured one.
    Link,
    /// Not at all.
    Omit,
}

/// An image as a part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What `cid:` names it by (RFC 2392), without angle brackets; the same for every recipient.
    pub content_id: String,
    /// The part's header lines, each ended by CRLF, without the empty line after them. ASCII, at most 76 characters a
    /// line.
    pub mime_headers: String,
    /// The octets of the whole part: delimiter line, headers, empty line, base64 lines.
    pub encoded_size: u64,
}

/// A size that no 64 bits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the size of the email is beyond what can be counted")]
pub struct TooLarge;

/// The sizes that a decision rests on, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Size {
    /// The message without its images, as it was stated.
    pub message: u64,
    /// The parts of all images, also where they are not embedded.
    pub images: u64,
    /// Both.
    pub total: u64,
    /// From which total on images are links.
    pub limit: u64,
}

/// What an email shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of its images.
    pub images: Images,
    /// The sizes behind it.
    pub size: Size,
    /// For each attachment, in order: its part if it is an image, embedded or not.
    pub parts: Vec<Option<Part>>,
}

impl Decision {
    /// How the attachment at `index` appears.
    #[must_use]
    pub fn rendering(&self, index: usize) -> Rendering {
        let is_image = matches!(self.parts.get(index), Some(Some(_)));
        match self.images {
            Images::Omit => Rendering::Omit,
            Images::Inline if is_image => Rendering::Inline,
            Images::Inline | Images::Link | Images::None => Rendering::Link,
        }
    }
}

/// Decides how the attachments of a comment appear in its email: images are embedded while the message of
/// `message_size` octets and all of them together stay below `limit`.
///
/// # Errors
/// [`TooLarge`] when the sum is beyond 64 bits.
pub fn decide(
    attachments: &[Attachment],
    message_size: u64,
    limit: u64,
    safe_notifications: bool,
) -> Result<Decision, TooLarge> {
    let parts: Vec<Option<Part>> =
        attachments.iter().map(|a| a.kind.is_image().then(|| image_part(a)).transpose()).collect::<Result<_, _>>()?;
    let add = |sum: u64, part: &Part| sum.checked_add(part.encoded_size).ok_or(TooLarge);
    let images_size = parts.iter().flatten().try_fold(0, add)?;
    let total = message_size.checked_add(images_size).ok_or(TooLarge)?;
    let images = if safe_notifications {
        Images::Omit
    } else if parts.iter().all(Option::is_none) {
        Images::None
    } else if total < limit {
        Images::Inline
    } else {
        Images::Link
    };
    Ok(Decision { images, size: Size { message: message_size, images: images_size, total, limit }, parts })
}

/// The part that embeds an attachment's bytes.
///
/// # Errors
/// [`TooLarge`] when its size is beyond 64 bits.
pub fn image_part(attachment: &Attachment) -> Result<Part, TooLarge> {
    let content_id = content_id(attachment);
    let media_type = attachment.kind.media_type().unwrap_or(OCTET_STREAM);
    let mime_headers = mime_part::headers(media_type, &content_id, &attachment.filename);
    let encoded_size = mime_part::octets(&mime_headers, attachment.object.size).ok_or(TooLarge)?;
    Ok(Part { content_id, mime_headers, encoded_size })
}

/// Names these bytes of this attachment, and nothing of the store can be read from it.
fn content_id(attachment: &Attachment) -> String {
    const NAME_OCTETS: usize = 16;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&attachment.row.to_be_bytes());
    context.update(attachment.object.key.as_str().as_bytes());
    // No key contains it, so no two pairs of key and version look alike.
    context.update(&[0]);
    context.update(attachment.object.version.as_bytes());
    let name = context.finish().as_ref()[..NAME_OCTETS].iter().fold(0_u128, |name, b| (name << 8) | u128::from(*b));
    format!("{name:032x}@attachlink")
}

#[cfg(test)]
mod tests;

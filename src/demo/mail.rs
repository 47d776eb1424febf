//! The picture of an email: what the notification service would send, as its reader sees it.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::desk::{Decision, Email, REQUEST, Shown, Size};
use super::screen::Screen;
use crate::cli::output::grouped;

const WIDTH: usize = 78;

/// The email, and the sum that decided it.
pub(super) fn picture(screen: &Screen, decision: &Decision, says: &str) -> String {
    let mut text = String::new();
    for email in &decision.emails {
        draw(&mut text, screen, email, says);
    }
    let _ = write!(text, "  {}", screen.dim(&sum(&decision.size)));
    text
}

fn draw(text: &mut String, screen: &Screen, email: &Email, says: &str) {
    let to = format!("─ To: {} ", email.recipient.as_deref().unwrap_or("(unnamed)"));
    let rest = "─".repeat(WIDTH.saturating_sub(to.chars().count()));
    let _ = writeln!(text, "  ╭{to}{rest}");
    let _ = writeln!(text, "  │ {}", screen.bold(&format!("[{REQUEST}] Robin commented on your request")));
    let _ = writeln!(text, "  │");
    let _ = writeln!(text, "  │ {says}");
    let _ = writeln!(text, "  │");
    let width = email.attachments.iter().map(|shown| shown.filename.chars().count()).max().unwrap_or(0);
    for shown in &email.attachments {
        let (first, second) = lines(screen, shown);
        let _ = writeln!(text, "  │ {:width$}  {first}", shown.filename);
        if let Some(second) = second {
            let _ = writeln!(text, "  │ {:width$}  {}", "", screen.dim(&second));
        }
    }
    let _ = writeln!(text, "  ╰{}", "─".repeat(WIDTH));
}

fn lines(screen: &Screen, shown: &Shown) -> (String, Option<String>) {
    match (shown.rendering.as_str(), &shown.url) {
        ("inline", _) => ("▣ shown here, in the email itself".to_owned(), None),
        (_, Some(url)) => {
            let until = shown.expires_at.as_deref().and_then(minute);
            (screen.link(url), until.map(|until| format!("no login needed, until {until}")))
        }
        (other, None) => (other.to_owned(), None),
    }
}

/// An RFC 3339 time, to the minute.
fn minute(text: &str) -> Option<String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()))
}

/// The sum of the email decision (product: *The email decision*).
fn sum(size: &Size) -> String {
    let relation = if size.total < size.limit { "less than" } else { "not less than" };
    format!(
        "message {} + images {} = {} octets, {relation} the limit of {}",
        grouped(size.message),
        grouped(size.images),
        grouped(size.total),
        grouped(size.limit)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(total: u64, rendering: &str) -> Decision {
        let link = |name: &str| Shown {
            filename: name.to_owned(),
            rendering: "link".to_owned(),
            url: Some(format!("http://127.0.0.1:1/a/al1_x/{name}")),
            expires_at: Some("2026-12-19T10:05:09Z".to_owned()),
        };
        let photo = match rendering {
            "inline" => Shown { rendering: "inline".to_owned(), url: None, expires_at: None, ..link("photo.jpg") },
            _ => link("photo.jpg"),
        };
        Decision {
            images: rendering.to_owned(),
            size: Size { message: total - 5, images: 5, total, limit: 6_291_456 },
            emails: vec![Email { recipient: Some("r-17".to_owned()), attachments: vec![photo, link("manual.pdf")] }],
        }
    }

    #[test]
    fn an_inline_image_is_shown_and_the_file_is_a_link() {
        let text = picture(&Screen::plain(), &decision(555_514, "inline"), "Hello.");
        for line in [
            "  │ photo.jpg   ▣ shown here, in the email itself",
            "  │ manual.pdf  http://127.0.0.1:1/a/al1_x/manual.pdf",
            "  │             no login needed, until 2026-12-19 10:05 UTC",
            "  message 555,509 + images 5 = 555,514 octets, less than the limit of 6,291,456",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
    }

    #[test]
    fn at_the_limit_the_image_is_a_link() {
        let text = picture(&Screen::plain(), &decision(6_291_456, "link"), "Hello.");
        assert!(text.contains("photo.jpg   http://") && text.contains("not less than the limit"), "{text}");
    }
}

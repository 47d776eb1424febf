//! The demo's acts. Each checks what it shows.

use anyhow::{Context as _, ensure};
use http::{StatusCode, header};

use super::desk::{Decision, Desk, Fetched, SITE};
use super::mail;
use super::screen::Screen;
use super::stage::Stage;
use crate::cli::output::grouped;

/// What a customer and an agent would attach. Made for this project (`assets/demo/README.md`).
const PHOTO: Sample = Sample {
    id: "photo",
    name: "photo.jpg",
    media_type: "image/jpeg",
    octets: include_bytes!("../../assets/demo/photo.jpg"),
};
const MANUAL: Sample = Sample {
    id: "manual",
    name: "manual.pdf",
    media_type: "application/pdf",
    octets: include_bytes!("../../assets/demo/manual.pdf"),
};
const SAMPLES: [Sample; 2] = [PHOTO, MANUAL];

const COMMENT: &str = "10017";
const FRESH_COMMENT: &str = "10018";
const RECIPIENT: &str = "customer-17";
const SAYS: &str = "Two teeth of the gear are gone. The guide says how to change it.";

/// The octets of an ordinary email, without its images.
const SHORT_MESSAGE: u64 = 48_211;
/// One that quotes a long conversation: with the photograph it passes 6 MiB.
const LONG_MESSAGE: u64 = 6_000_000;

/// Characters of a hash that a person compares.
const HASH_CHARS: usize = 16;

struct Sample {
    id: &'static str,
    name: &'static str,
    media_type: &'static str,
    octets: &'static [u8],
}

/// From the upload to the dead link.
pub(super) async fn tell(screen: &Screen, stage: &Stage) -> anyhow::Result<()> {
    introduce(screen, stage)?;
    stage.desk.open_shop().await?;
    upload(screen, &stage.desk).await?;
    let small = small_email(screen, &stage.desk).await?;
    let large = large_email(screen, &stage.desk).await?;
    click(screen, &stage.desk, &large).await?;
    delete(screen, &stage.desk, &[small, large]).await?;
    screen.say(&format!("\n{}", screen.bold("Everything went as it should.")))
}

fn introduce(screen: &Screen, stage: &Stage) -> anyhow::Result<()> {
    screen.say(&screen.bold("attachlink: attachments in notification emails, with links that can be revoked"))?;
    screen.say("")?;
    let directory = stage.directory().display().to_string();
    for (name, place, is) in [
        ("public", stage.public(), "what recipients reach"),
        ("api", stage.desk.api(), "what the help desk calls"),
        ("ops", &stage.ops(), "metrics and health"),
        ("data", &directory, "removed at the end"),
    ] {
        screen.say(&format!("  {name:6}  {place:32}  {}", screen.dim(is)))?;
    }
    Ok(())
}

async fn upload(screen: &Screen, desk: &Desk) -> anyhow::Result<()> {
    screen.heading(1, "A comment gets two attachments, in a project with secured links")?;
    for sample in SAMPLES {
        desk.upload(COMMENT, sample.id, sample.name, sample.media_type, sample.octets).await?;
        let octets = grouped(sample.octets.len() as u64);
        screen.checked(&format!("{:10}  {:15}  {octets:>8} octets", sample.name, sample.media_type))?;
    }
    Ok(())
}

async fn small_email(screen: &Screen, desk: &Desk) -> anyhow::Result<Decision> {
    screen.heading(2, "Its email is small enough: the photo is shown in it")?;
    let decision = desk.notify(COMMENT, SHORT_MESSAGE, RECIPIENT).await?;
    ensure!(decision.images == "inline", "the photo should be inline, and is: {}", decision.images);
    screen.say(&mail::picture(screen, &decision, SAYS))?;
    Ok(decision)
}

async fn large_email(screen: &Screen, desk: &Desk) -> anyhow::Result<Decision> {
    screen.heading(3, "The same with a long conversation quoted: too large, so the photo is a link")?;
    let decision = desk.notify(COMMENT, LONG_MESSAGE, RECIPIENT).await?;
    ensure!(decision.images == "link", "the photo should be a link, and is: {}", decision.images);
    screen.say(&mail::picture(screen, &decision, SAYS))?;
    Ok(decision)
}

async fn click(screen: &Screen, desk: &Desk, decision: &Decision) -> anyhow::Result<()> {
    screen.heading(4, "The customer clicks")?;
    for sample in SAMPLES {
        let url = link_to(decision, sample.name)?;
        let fetched = desk.follow(url).await?;
        verify(&sample, &fetched)?;
        let hash = &sha256(&fetched.body)[..HASH_CHARS];
        let octets = grouped(fetched.body.len() as u64);
        screen.checked(&format!("200  {:10}  {octets:>8} octets, SHA-256 {hash}…, as uploaded", sample.name))?;
    }
    Ok(())
}

fn verify(sample: &Sample, fetched: &Fetched) -> anyhow::Result<()> {
    let name = sample.name;
    ensure!(fetched.status == StatusCode::OK, "{name} was answered {}: {}", fetched.status, fetched.problem());
    let stated = fetched.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    ensure!(stated == Some(&*sample.octets.len().to_string()), "{name} has the wrong Content-Length");
    ensure!(sha256(&fetched.body) == sha256(sample.octets), "{name} came back with other bytes");
    Ok(())
}

async fn delete(screen: &Screen, desk: &Desk, decisions: &[Decision]) -> anyhow::Result<()> {
    screen.heading(5, "The comment is deleted: its links are dead, in every email")?;
    desk.delete_comment(COMMENT).await?;
    let attachments = decisions.iter().flat_map(|decision| &decision.emails).flat_map(|email| &email.attachments);
    for shown in attachments {
        let Some(url) = &shown.url else { continue };
        let fetched = desk.follow(url).await?;
        ensure!(fetched.status == StatusCode::GONE, "a link of the deleted comment was answered {}", fetched.status);
        let code = fetched.member("code").unwrap_or_default();
        ensure!(code == "link_withdrawn", "a link of the deleted comment was answered with the code '{code}'");
        let title = fetched.member("title").context("the answer of a dead link has no title")?;
        screen.checked(&format!("410  {:10}  {title}", shown.filename))?;
    }
    Ok(())
}

/// Links that live until the demo ends, and what to try on them.
pub(super) async fn invite(screen: &Screen, stage: &Stage) -> anyhow::Result<()> {
    let desk = &stage.desk;
    for sample in SAMPLES {
        desk.upload(FRESH_COMMENT, sample.id, sample.name, sample.media_type, sample.octets).await?;
    }
    let decision = desk.notify(FRESH_COMMENT, LONG_MESSAGE, RECIPIENT).await?;
    let (photo, manual) = (link_to(&decision, PHOTO.name)?, link_to(&decision, MANUAL.name)?);
    screen
        .say(&format!("\n{}\n", screen.bold("Your turn: another comment, whose links live until you press Ctrl-C")))?;
    screen.say(&format!("  {}\n  {}\n", screen.link(photo), screen.link(manual)))?;
    let (key, api, ops) = (stage.key_file(), desk.api(), stage.ops());
    let (key, directory) = (key.display(), stage.directory().display());
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let program = program.display();
    let comment = Desk::comment_path(FRESH_COMMENT);
    for (does, command) in [
        ("the headers of a download", format!("curl -I {photo}")),
        ("its first hundred octets", format!("curl -r 0-99 -o part {manual}")),
        (
            "delete the comment, then click again",
            format!("curl -X DELETE -H \"Authorization: Bearer $(cat {key})\" {api}{comment}"),
        ),
        ("or kill every link of the site", format!("{program} revoke --data-dir {directory} --site {SITE}")),
        ("what operators see", format!("curl -s {ops}/metrics | grep ^attachlink_")),
    ] {
        screen.say(&format!("  {}\n  {command}\n", screen.dim(&format!("# {does}"))))?;
    }
    Ok(())
}

fn link_to<'a>(decision: &'a Decision, filename: &str) -> anyhow::Result<&'a str> {
    let mut attachments = decision.emails.iter().flat_map(|email| &email.attachments);
    let shown = attachments.find(|shown| shown.filename == filename);
    shown.and_then(|shown| shown.url.as_deref()).with_context(|| format!("the email has no link to {filename}"))
}

fn sha256(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, octets);
    digest.as_ref().iter().fold(String::new(), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_what_they_are_called() {
        assert!(PHOTO.octets.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
        assert!(MANUAL.octets.starts_with(b"%PDF-"), "a PDF");
    }

    #[test]
    fn the_long_message_passes_the_limit_with_the_photo_and_not_without_it() {
        let in_base64 = PHOTO.octets.len() as u64 / 3 * 4;
        let limit = 6 * 1024 * 1024;
        assert!(LONG_MESSAGE < limit && LONG_MESSAGE + in_base64 >= limit);
    }

    #[test]
    fn hashes_are_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

//! Standard output and standard error, as commands use them.

use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use anyhow::Context as _;

const NOT_WRITTEN: &str = "cannot write to standard output";

/// Writes to standard output, whole, or says why not. A reader that has gone, as `head` does, is no failure: what the
/// command is for was done, and nobody wants the rest.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    unless_reader_left(write(text)).context(NOT_WRITTEN)
}

/// As [`print()`], for what is said this once and must arrive.
pub(super) fn deliver(text: &str) -> anyhow::Result<()> {
    write(text).context(NOT_WRITTEN)
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What was written, when a reader who has gone is as good as one who read it all.
pub(super) fn unless_reader_left(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A line on standard error that is no error. Nobody may be listening there, and that is no failure.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr(), "note: {text}"));
}

/// What went wrong, on standard error.
pub(super) fn complain(text: &str) {
    for line in text.lines() {
        drop(writeln!(io::stderr(), "attachlink: {line}"));
    }
}

/// Fails when standard output was closed by the caller (`>&-`). Rust opens `/dev/null` for reading and writing in its
/// place, where a secret that is shown once would vanish without an error.
pub(super) fn must_be_open() -> anyhow::Result<()> {
    let stdout = io::stdout();
    let is_stand_in = rustix::fs::fcntl_getfl(&stdout)
        .is_ok_and(|flags| flags & rustix::fs::OFlags::RWMODE == rustix::fs::OFlags::RDWR)
        && rustix::fs::fstat(&stdout).is_ok_and(|of| Some(of.st_rdev) == null_device());
    anyhow::ensure!(!is_stand_in, "standard output is closed, and the key's text is shown only there, once");
    Ok(())
}

fn null_device() -> Option<u64> {
    std::fs::metadata("/dev/null").ok().filter(|of| of.file_type().is_char_device()).map(|of| of.rdev())
}

/// A number of octets as people read it: digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many there are of what: `1 project`, `2,000 projects`.
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (6_291_456, "6,291,456"), (48211, "48,211")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_no_failure() {
        assert!(unless_reader_left(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(unless_reader_left(Err(io::ErrorKind::StorageFull.into())).is_err());
    }

    #[test]
    fn one_is_not_several() {
        for (number, text) in [(0, "0 projects"), (1, "1 project"), (2, "2 projects"), (2000, "2,000 projects")] {
            assert_eq!(counted(number, "project", "projects"), text);
        }
    }
}

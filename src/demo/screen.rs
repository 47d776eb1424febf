//! What the demo looks like: headings, ticks and links, with colours on a terminal only.

use std::io::{self, IsTerminal as _, Stdout, Write as _};

use anyhow::Context as _;

/// Standard output, as a person sees it.
pub(super) struct Screen {
    out: Stdout,
    colours: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const CYAN: &str = "36";

impl Screen {
    pub(super) fn of_stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let out = io::stdout();
        Self { colours: out.is_terminal() && !plain, out }
    }

    /// A line. An error when nobody can read it.
    pub(super) fn say(&self, line: &str) -> anyhow::Result<()> {
        let mut out = self.out.lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
    }

    /// A numbered heading, with room around it.
    pub(super) fn heading(&self, number: usize, text: &str) -> anyhow::Result<()> {
        self.say(&format!("\n{}\n", self.bold(&format!("{number}. {text}"))))
    }

    /// Something that was checked.
    pub(super) fn checked(&self, text: &str) -> anyhow::Result<()> {
        self.say(&format!("  {} {text}", self.paint(GREEN, "✓")))
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint(BOLD, text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.paint(DIM, text)
    }

    pub(super) fn link(&self, text: &str) -> String {
        self.paint(CYAN, text)
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
impl Screen {
    pub(super) fn plain() -> Self {
        Self { out: io::stdout(), colours: false }
    }

    pub(super) fn coloured() -> Self {
        Self { out: io::stdout(), colours: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(Screen::plain().bold("x"), "x");
        assert_eq!(Screen::coloured().bold("x"), "\u{1b}[1mx\u{1b}[0m");
    }
}

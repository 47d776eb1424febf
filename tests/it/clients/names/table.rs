//! Hard names, and under what they have to be saved: written out by hand.

/// Programs that save under a name of their own making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saver {
    Chromium,
    Curl,
    Wget,
    Aria2,
}

/// A name as the help desk gave it.
pub struct Name {
    pub given: String,
    /// What everybody is told.
    pub meant: String,
    /// Who makes something else of what they are told, and what.
    pub otherwise: Vec<(Saver, String)>,
}

impl Name {
    pub fn saved_by(&self, saver: Saver) -> &str {
        let other = self.otherwise.iter().find(|(who, _)| *who == saver);
        other.map_or(self.meant.as_str(), |(_, name)| name)
    }

    fn but(mut self, saver: Saver, name: impl Into<String>) -> Self {
        self.otherwise.push((saver, name.into()));
        self
    }
}

fn becomes(given: impl Into<String>, meant: impl Into<String>) -> Name {
    Name { given: given.into(), meant: meant.into(), otherwise: Vec::new() }
}

fn stays(name: &str) -> Name {
    becomes(name, name)
}

use Saver::{Chromium, Curl, Wget};

/// Letters of every kind of writing. Chromium puts something else in the place of joiners.
fn scripts() -> Vec<Name> {
    vec![
        stays("screen.png.txt"),
        stays("a b (1).txt"),
        stays("Grüße.pdf"),
        stays("отчёт.docx"),
        stays("報告書.xlsx"),
        stays("حساب شهري.pdf"),
        stays("תמונה 12.jpg.bin"),
        stays("दस्तावेज़.pdf"),
        stays("می\u{200c}خواهم.pdf").but(Chromium, "می_خواهم.pdf"),
        stays("ภาษาไทย.txt"),
        stays("한국어.hwp"),
        // An emoji of three joined ones, and one with a variation selector.
        stays("👩\u{200d}👩\u{200d}👧.bin").but(Chromium, "👩_👩_👧.bin"),
        stays("❤\u{fe0f}.bin"),
        // The same to the eye: one character, and two, of which Chromium alone makes one.
        stays("caf\u{e9}.txt"),
        stays("cafe\u{301}.txt").but(Chromium, "caf\u{e9}.txt"),
        // Past the first plane.
        stays("𠜎𝒳.txt"),
    ]
}

/// What means something in a header, a URL, a shell or a file system.
fn signs() -> Vec<Name> {
    vec![
        // curl ends a quoted text at the first quote, whatever stands before it.
        stays("\"quoted\".txt").but(Curl, "_quoted_.txt").but(Chromium, "_quoted_.txt"),
        stays("a;b=c, d.txt"),
        stays("it's.txt"),
        stays("100%.txt"),
        stays("%41%2e%2e%2Fpasswd"),
        stays("50%25 off.txt"),
        stays("a&b=c#d+e.txt"),
        stays("$(id) `id`!.txt"),
        stays("-rf"),
        stays("--output"),
        stays("UTF-8''x.txt"),
        stays("=?utf-8?Q?x?=.txt").but(Chromium, "=_utf-8_Q_x_=.txt"),
        // What Windows cannot have in a name, Chromium replaces everywhere.
        stays("x<y>:|?*.txt").but(Chromium, "x_y_____.txt"),
        stays("~root").but(Chromium, "_root"),
        becomes("tar.gz.", "tar.gz"),
    ]
}

/// What deceives, leads elsewhere, or cannot be saved.
fn dangers() -> Vec<Name> {
    vec![
        becomes("../../etc/passwd", "_.._etc_passwd"),
        becomes("C:\\fakepath\\a.txt", "C:_fakepath_a.txt").but(Chromium, "C__fakepath_a.txt"),
        becomes("a\\\"b.txt", "a_\"b.txt").but(Curl, "a__b.txt").but(Chromium, "a__b.txt"),
        becomes(".htaccess", "htaccess"),
        becomes("..", "attachment"),
        becomes("", "attachment"),
        becomes(" \u{a0}. ", "attachment"),
        becomes("a\r\nSet-Cookie: b.txt", "a  Set-Cookie: b.txt").but(Chromium, "a  Set-Cookie_ b.txt"),
        becomes("a\u{7f}\u{9b}\u{1}b.txt", "ab.txt"),
        becomes("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        becomes("\u{2066}a\u{2069}\u{200f}b\u{61c}.txt", "ab.txt"),
        becomes("pa\u{200b}y\u{feff}.txt", "pay.txt"),
        becomes("CON", "_CON"),
        becomes("nul.txt", "_nul.txt"),
        becomes("Com1.tar.gz", "_Com1.tar.gz"),
        becomes("lpt²", "_lpt²"),
        becomes("con:a.txt", "_con:a.txt").but(Chromium, "_con_a.txt"),
    ]
}

/// As long as file systems take (255 octets), and longer. wget takes 236, Chromium 244.
fn lengths() -> Vec<Name> {
    let ascii = |count: usize| format!("{}.txt", "a".repeat(count));
    let kanji = |count: usize| format!("{}.txt", "字".repeat(count));
    vec![
        becomes(ascii(251), ascii(251)).but(Wget, ascii(232)).but(Chromium, ascii(240)),
        becomes(ascii(900), ascii(251)).but(Wget, ascii(232)).but(Chromium, ascii(240)),
        becomes(kanji(83), kanji(83)).but(Wget, kanji(77)).but(Chromium, kanji(80)),
        becomes(kanji(300), kanji(83)).but(Wget, kanji(77)).but(Chromium, kanji(80)),
        becomes("字".repeat(300), "字".repeat(85)).but(Wget, "字".repeat(78)).but(Chromium, "字".repeat(81)),
    ]
}

/// All of them.
pub fn names() -> Vec<Name> {
    [scripts(), signs(), dangers(), lengths()].into_iter().flatten().collect()
}

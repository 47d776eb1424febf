//! What `docs/SECURITY.md` says that something is shown by is there.

use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../../docs/SECURITY.md");

/// What stands between backticks in a row of the table of threats, in its last column.
fn evidence() -> Vec<Vec<&'static str>> {
    let table = DOCUMENT.split_once("## Threats").expect("a section").1.split("\n## ").next().expect("its text");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let last = |row: &'static str| row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    rows.map(|row| last(row).split('`').skip(1).step_by(2).collect()).collect()
}

/// The text of a file, or of all files of a folder.
fn text(path: &Path) -> String {
    if path.is_file() {
        return std::fs::read_to_string(path).expect("readable");
    }
    let entries = std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.map(|entry| text(&entry.expect("readable").path())).collect()
}

#[test]
fn every_threat_names_what_shows_its_defence() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let rows = evidence();
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows {
        assert!(!row.is_empty(), "a threat without anything that shows its defence");
        let mut file = String::new();
        for named in row {
            if named.contains('/') {
                file = text(&root.join(named));
                let is_test =
                    ["#[test]", "#[tokio::test", "with_each", "#!/usr/bin"].iter().any(|mark| file.contains(mark));
                assert!(is_test, "{named} shows nothing");
            } else {
                assert!(file.contains(&format!("fn {named}(")), "no test {named} in the file before it");
            }
        }
    }
}

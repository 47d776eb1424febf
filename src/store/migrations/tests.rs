//! What a migration may do, so that the version before it runs on beside it (docs/OPERATIONS.md, Rolling upgrade).

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::*;

/// The first migration that versions run beside.
const FIRST_ROLLING: i64 = 3;
/// What takes away, or asks for what the version before does not do.
const TAKES_AWAY: [&str; 8] =
    ["DROP", "RENAME", "TRUNCATE", "DELETE FROM", "ALTER COLUMN", "ADD CONSTRAINT", "ADD CHECK", "CREATE UNIQUE INDEX"];
/// What runs whenever the version before writes.
const PROGRAMS: [&str; 3] = ["CREATE TRIGGER", "CREATE CONSTRAINT TRIGGER", "CREATE FUNCTION"];
/// With what a program could refuse what the version before does, or make another thing of it.
const REFUSES: [&str; 3] = ["RAISE", " BEFORE ", " INSTEAD OF "];

/// Statements without comments, in capitals, with single spaces. A program is one statement with its body.
fn statements(text: &str) -> Vec<String> {
    let bare: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let words = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let mut statements: Vec<String> = Vec::new();
    for part in bare.join(" ").split(';').map(words).filter(|part| !part.is_empty()) {
        match statements.last_mut().filter(|statement| is_open(statement)) {
            Some(program) => *program = format!("{program}; {part}"),
            None => statements.push(part),
        }
    }
    statements
}

/// Whether a program's body goes on after this.
fn is_open(statement: &str) -> bool {
    let trigger = statement.starts_with("CREATE TRIGGER") && statement.contains(" BEGIN ");
    statement.matches("$$").count() % 2 == 1 || (trigger && !statement.ends_with("; END"))
}

/// Whether what runs beside the version before does more than to write to tables that it does not know.
fn disturbs(program: &str, new: &HashSet<String>) -> bool {
    let body = program.split_once(" BEGIN ").map_or("", |(_, body)| body);
    let written = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].into_iter().flat_map(|verb| body.split(verb).skip(1));
    let mut tables = written.filter_map(|rest| rest.split(['(', ' ']).next()).filter(|table| *table != "SET");
    REFUSES.iter().any(|words| program.contains(words)) || tables.any(|table| !new.contains(table))
}

fn created(statement: &str) -> Option<String> {
    let name = statement.strip_prefix("CREATE TABLE ")?.split(['(', ' ']).next()?;
    Some(name.to_owned())
}

/// Why the version before could not run on beside a migration, or wait for it.
fn objection(version: i64, text: &str) -> Option<String> {
    let statements = statements(text);
    let new: HashSet<String> = statements.iter().filter_map(|statement| created(statement)).collect();
    let raised = statements.iter().find_map(|statement| {
        let number = statement.strip_prefix("UPDATE SCHEMA_COMPATIBILITY SET OLDEST_BUILD = ")?;
        number.split(' ').next()?.parse::<i64>().ok()
    });
    if raised.is_some_and(|raised| raised >= version) {
        return Some("the version before must run on it: take away one version later".to_owned());
    }
    statements.into_iter().find(|statement| {
        if PROGRAMS.iter().any(|words| statement.starts_with(words)) {
            return disturbs(statement, &new);
        }
        let takes_away = TAKES_AWAY.iter().any(|words| statement.contains(words)) && raised.is_none();
        let column_unknown_before =
            statement.contains(" ADD COLUMN ") && statement.contains("NOT NULL") && !statement.contains("DEFAULT");
        let table = statement.strip_prefix("CREATE INDEX ").and_then(|rest| rest.split(" ON ").nth(1));
        let table = table.and_then(|rest| rest.split(['(', ' ']).next());
        // Nobody writes to the table until the index is built.
        let long = table.is_some_and(|table| !new.contains(table));
        takes_away || column_unknown_before || long
    })
}

fn folder(name: &str) -> BTreeMap<i64, (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            (name.split('_').next().unwrap().parse().unwrap(), (name, std::fs::read_to_string(file).unwrap()))
        })
        .collect()
}

#[test]
fn the_version_before_can_run_beside_each_migration() {
    for database in ["sqlite", "postgres"] {
        for (version, (name, text)) in folder(database).range(FIRST_ROLLING..) {
            let objection = objection(*version, text);
            assert!(objection.is_none(), "migrations/{database}/{name}: {}", objection.unwrap_or_default());
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database| folder(database).into_values().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn what_would_disturb_the_version_before_is_found() {
    let raised = "UPDATE schema_compatibility SET oldest_build = 8 WHERE one = 1;";
    for (text, fine) in [
        ("CREATE TABLE t (a BIGINT NOT NULL); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1);", true),
        ("ALTER TABLE links ADD COLUMN a BIGINT;", true),
        ("ALTER TABLE links ADD COLUMN a BIGINT NOT NULL DEFAULT 0;", true),
        ("-- DROP nothing\nALTER TABLE links ADD COLUMN a BIGINT;", true),
        ("alter table links drop column recipient;", false),
        ("ALTER TABLE links\n RENAME COLUMN recipient TO customer;", false),
        ("ALTER TABLE links ALTER COLUMN recipient SET NOT NULL;", false),
        ("ALTER TABLE links ADD COLUMN a BIGINT NOT NULL;", false),
        ("CREATE INDEX i ON links (recipient);", false),
        ("CREATE UNIQUE INDEX i ON links (recipient);", false),
        ("DROP TABLE recommits;", false),
        (
            "CREATE TABLE t (a BIGINT); CREATE TRIGGER c AFTER DELETE ON links BEGIN INSERT INTO t VALUES (1); END;",
            true,
        ),
        ("CREATE TRIGGER c AFTER DELETE ON links BEGIN INSERT INTO t VALUES (1); END;", false),
        ("CREATE TRIGGER c AFTER DELETE ON links BEGIN SELECT RAISE(ABORT, 'no'); END;", false),
        ("CREATE TRIGGER c BEFORE DELETE ON links BEGIN SELECT 1; END;", false),
        ("CREATE TRIGGER c AFTER DELETE ON links BEGIN SELECT 1; UPDATE links SET a = 1; END; SELECT 1;", false),
        ("CREATE FUNCTION f() RETURNS TRIGGER AS $$ BEGIN PERFORM 1; DELETE FROM links; END $$; SELECT 1;", false),
        ("CREATE FUNCTION f() RETURNS TRIGGER AS $$ BEGIN PERFORM 1; RETURN NULL; END $$; DROP TABLE links;", false),
        ("CREATE FUNCTION f() RETURNS TRIGGER AS $$ BEGIN PERFORM 1; RETURN NULL; END $$;", true),
    ] {
        assert_eq!(objection(9, text).is_none(), fine, "{text}");
    }
    let dropped = "ALTER TABLE links DROP COLUMN recipient;";
    assert_eq!(objection(9, &format!("{dropped} {raised}")), None);
    assert!(objection(8, &format!("{dropped} {raised}")).is_some(), "not in the same version");
}

/// This build's migrations as a database that has seen them knows them, and these besides.
fn seen(ours: &Migrator, more: &[i64]) -> Vec<(i64, Vec<u8>)> {
    let seen = ours.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
    seen.chain(more.iter().map(|version| (*version, Vec::new()))).collect()
}

#[test]
fn a_schema_is_told_by_its_migrations() {
    static OURS: Migrator = sqlx::migrate!("migrations/sqlite");
    let ours = newest(&OURS);
    assert_eq!(compare(&OURS, &seen(&OURS, &[])), Ok(Stand::Same));
    assert_eq!(compare(&OURS, &seen(&OURS, &[ours + 1])), Ok(Stand::Ahead));
    let mut older = seen(&OURS, &[]);
    older.pop();
    assert_eq!(compare(&OURS, &older), Err(SchemaMismatch::Older));
    older.push((ours + 1, Vec::new()));
    assert_eq!(compare(&OURS, &older), Err(SchemaMismatch::Different), "a migration of ours is missing in between");
    assert_eq!(compare(&OURS, &seen(&OURS, &[0])), Err(SchemaMismatch::Different), "one that we never had");
    assert_eq!(may_run_ahead(&OURS, ours), Ok(()));
    assert_eq!(may_run_ahead(&OURS, ours + 1), Err(SchemaMismatch::Newer));
}

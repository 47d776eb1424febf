//! The command line, driven from outside: what it prints, where, and its exit code.

use std::convert::Infallible;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use attachlink::domain::security::{Mode, Plan, SiteSettings};
use attachlink::store::{Migrate, SetMode, Store};
use tempfile::TempDir;
use time::macros::datetime;

const DONE: i32 = 0;
const FAILURE: i32 = 1;
const USAGE: i32 = 2;

/// An id that is well formed and was never issued.
const UNKNOWN_ID: &str = "019abd3e-0c5f-7d3c-9a53-2f0e6c1b7a11";

struct Place {
    dir: TempDir,
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// One with a database and nothing in it.
    fn migrated() -> Self {
        let place = Self::new();
        fs::create_dir(place.data_dir()).unwrap();
        assert_eq!(place.run(&["migrate"]).code, DONE);
        place
    }

    fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The binary in this place, where `./data` is, without any of this machine's settings.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attachlink"));
        command.args(args).current_dir(self.dir.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args))
    }

    fn create_key(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["key", "create"], args].concat());
        assert_eq!(ran.code, DONE, "{}", ran.err);
        ran.out
    }

    fn keys(&self) -> Vec<serde_json::Value> {
        let ran = self.run(&["key", "list", "--json"]);
        assert_eq!(ran.code, DONE, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }
}

fn ran(command: &mut Command) -> Ran {
    ran_to(command.output().unwrap())
}

fn ran_to(output: Output) -> Ran {
    let Output { status, stdout, stderr } = output;
    let text = |octets| String::from_utf8(octets).unwrap();
    Ran { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

#[test]
fn wrong_usage_is_code_2_and_says_what_is_meant() {
    let place = Place::new();
    for (args, says) in [
        (&["bogus"][..], "unrecognized subcommand 'bogus'"),
        (&["serve", "--publik-url", "x"], "--public-url"),
        (&["serve", "--max-connections", "5"], "max_connections has no flag; it is set by ATTACHLINK_MAX_CONNECTIONS"),
        (&["key", "create"], "--scope <SCOPE>"),
        (&["key", "create", "--scope", "root"], "notify, admin"),
        (&["key", "create", "--scope", "notify", "--project", "P"], "--site"),
        (&["revoke", "--project", "P"], "--site"),
        (&["revoke", "--site", "S", "--comment", "C"], "--project"),
        (&["revoke", "--site", "S", "--project", "P", "--link", UNKNOWN_ID], "cannot be used with"),
        (&["backup"], "<FILE>"),
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (USAGE, ""), "{args:?}");
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(place.run(&[]).code, USAGE);
}

#[test]
fn help_and_version_are_code_0_on_standard_output() {
    let place = Place::new();
    for args in [&["--help"][..], &["-h"], &["help", "serve"], &["serve", "--help"], &["key", "create", "--help"]] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.err.as_str()), (DONE, ""), "{args:?}");
        assert!(ran.out.contains("Examples:"), "{args:?}: {}", ran.out);
    }
    assert_eq!(place.run(&["--version"]).out, concat!("attachlink ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_configuration_is_code_2_for_every_command_and_nothing_is_made() {
    let place = Place::new();
    let wrong = place.file("wrong.toml", "publik_url = 'https://a.example'");
    for (command, setting) in [
        (&["serve"][..], &["--public-listen", "localhost:8080"][..]),
        (&["demo", "--once"], &["--log", "verbose"]),
        (&["check-config"], &["--config", &wrong]),
        (&["migrate"], &["--database-url", "postgres://a,b/db"]),
        (&["key", "list"], &["--inline-limit", "6MB"]),
        (&["check-config"], &["--inline-limit", "-1"]),
        (&["healthcheck"], &["--ops-listen", "127.0.0.1:0"]),
        (&["serve"], &["--objects", "s3://no_bucket"]),
        (&["serve"], &["--public-url", "files.example.com"]),
    ] {
        let ran = place.run(&[command, setting].concat());
        assert_eq!((ran.code, ran.out.as_str()), (USAGE, ""), "{command:?} {setting:?}: {}", ran.err);
        assert!(ran.err.starts_with("attachlink: "), "{}", ran.err);
    }
    assert!(!place.data_dir().exists());
}

#[test]
fn check_config_shows_what_is_in_force_and_no_secret() {
    let place = Place::new();
    let file = place.file("a.toml", "inline_limit = 1000\nlog_format = 'json'");
    let mut command = place.command(&["check-config", "--config", &file, "--api-listen", "127.0.0.1:1"]);
    let ran = ran(command.env("ATTACHLINK_PUBLIC_URL", "https://files.example.com").env("ATTACHLINK_TYPO", "x"));
    assert_eq!(ran.code, DONE, "{}", ran.err);
    let table: toml::Table = ran.out.parse().unwrap();
    assert_eq!(table["inline_limit"].as_integer(), Some(1000));
    assert_eq!(table["public_url"].as_str(), Some("https://files.example.com"));
    assert_eq!(table["database_url"].as_str(), Some("sqlite:./data/attachlink.db"));
    for (key, source) in [
        ("inline_limit", "file "),
        ("public_url", "variable ATTACHLINK_PUBLIC_URL"),
        ("api_listen", "flag --api-listen"),
        ("ops_listen", "default"),
    ] {
        let line = ran.out.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line.contains(&format!("# {source}")), "{line}");
    }
    assert_eq!(ran.err, "note: ATTACHLINK_TYPO is no variable of attachlink and is ignored\n");
    assert!(!place.data_dir().exists());

    let mut command = place.command(&["check-config"]);
    let secret = self::ran(command.env("ATTACHLINK_DATABASE_URL", "postgres://al:hunter2@db/al?hunter2=x"));
    assert_eq!(secret.code, USAGE);
    assert!(!secret.err.contains("hunter2") && !secret.out.contains("hunter2"), "{}", secret.err);
}

#[test]
fn commands_do_not_make_a_data_directory() {
    let place = Place::new();
    for args in [
        &["migrate"][..],
        &["key", "list"],
        &["key", "revoke", UNKNOWN_ID],
        &["revoke", "--site", "S"],
        &["backup", "copy.db"],
    ] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (FAILURE, ""), "{args:?}");
        assert!(ran.err.contains("there is no directory ./data") && ran.err.contains("--data-dir"), "{}", ran.err);
    }
    fs::create_dir(place.data_dir()).unwrap();
    let ran = place.run(&["key", "list"]);
    assert_eq!(ran.code, FAILURE);
    assert!(ran.err.contains("there is no database ./data/attachlink.db"), "{}", ran.err);
    assert_eq!(fs::read_dir(place.data_dir()).unwrap().count(), 0);
    assert!(!place.dir.path().join("copy.db").exists());
}

#[test]
fn what_is_no_database_is_named_once_with_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.data_dir()).unwrap();
    fs::write(place.data_dir().join("attachlink.db"), "x".repeat(10_000)).unwrap();
    for args in [&["serve"][..], &["key", "list"], &["key", "create", "--scope", "notify"], &["backup", "copy.db"]] {
        let ran = place.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (FAILURE, ""), "{args:?}");
        let complaint = ran.err.lines().next_back().unwrap();
        assert!(complaint.starts_with("attachlink: ./data/attachlink.db is damaged, or no database"), "{complaint}");
        assert!(complaint.contains("put a backup in its place (docs/OPERATIONS.md, Restoring)"), "{complaint}");
        assert_eq!(complaint.matches("file is not a database").count(), 1, "{complaint}");
    }
}

#[test]
fn a_file_in_the_place_of_a_directory_is_named() {
    let place = Place::new();
    let file = place.file("file", "");
    for (setting, value) in [("--data-dir", file.clone()), ("--objects", format!("file:{file}"))] {
        let ran = place.run(&["serve", setting, &value]);
        assert_eq!(ran.code, FAILURE, "{}", ran.err);
        let says = format!("attachlink: {file} is no directory; name another with {setting}");
        assert!(ran.err.lines().next_back().unwrap().starts_with(&says), "{}", ran.err);
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    let ran = place.run(&["serve", "--public-listen", &address, "--api-listen", free, "--ops-listen", free]);
    assert_eq!(ran.code, FAILURE);
    let says = format!("attachlink: cannot listen on {address} (public_listen): ");
    assert!(
        ran.err.contains(&says) && ran.err.ends_with("; stop what listens there, or choose another port\n"),
        "{}",
        ran.err
    );
}

/// Runs the command as a user whom, unlike root, the operating system refuses something. `None` where there is no such
/// user who may run it.
fn ran_as_no_root(command: &mut Command) -> Option<Ran> {
    const NOBODY: u32 = 65_534;
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.output() {
        Ok(output) => Some(ran_to(output)),
        Err(error) => {
            println!("NOT RUN: {error}");
            None
        }
    }
}

#[test]
fn what_a_user_may_not_read_and_write_is_named_with_what_to_do() {
    let place = Place::migrated();
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (data, other) = (place.data_dir(), place.dir.path().join("other"));
    fs::create_dir_all(other.join("objects")).unwrap();
    set(place.dir.path(), 0o755);
    set(&data, 0o777);
    set(&data.join("attachlink.db"), 0);
    set(&other, 0o777);
    set(&other.join("objects"), 0o555);
    for (args, named) in [
        (&["serve"][..], "./data/attachlink.db"),
        (&["key", "list"], "./data/attachlink.db"),
        (&["serve", "--data-dir", "./other"], "./other/objects"),
        (&["serve", "--data-dir", "./other/objects/new"], "./other/objects"),
    ] {
        let Some(ran) = ran_as_no_root(&mut place.command(args)) else { return };
        assert_eq!(ran.code, FAILURE, "{args:?}: {}", ran.err);
        let says = format!("attachlink: cannot read and write {named}: Permission denied");
        let complaint = ran.err.lines().next_back().unwrap();
        assert!(complaint.starts_with(&says) && complaint.ends_with("or change its owner or mode"), "{complaint}");
    }
    set(&other.join("objects"), 0o755);
}

#[test]
fn migrating_again_changes_nothing() {
    let place = Place::migrated();
    for _ in 0..2 {
        let ran = place.run(&["migrate"]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (DONE, "the database is up to date\n", ""));
    }
}

#[test]
fn a_keys_text_is_alone_on_standard_output_and_never_listed() {
    let place = Place::new();
    let text = place.create_key(&["--scope", "notify", "--scope", "admin"]);
    let key = text.strip_suffix('\n').unwrap();
    assert!(key.starts_with("alk1_") && key.len() == 53 && !key.contains('\n'), "{} characters", key.len());
    place.create_key(&["--scope", "notify", "--site", "acme"]);
    place.create_key(&["--scope", "admin", "--site", "acme", "--project", "SUP"]);

    let keys = place.keys();
    let members: Vec<_> =
        keys.iter().map(|key| (&key["scopes"], &key["site"], &key["project"], &key["revoked_at"])).collect();
    let null = serde_json::Value::Null;
    assert_eq!(
        members,
        [
            (&serde_json::json!(["notify", "admin"]), &null, &null, &null),
            (&serde_json::json!(["notify"]), &"acme".into(), &null, &null),
            (&serde_json::json!(["admin"]), &"acme".into(), &"SUP".into(), &null),
        ]
    );
    let table = place.run(&["key", "list"]).out;
    assert_eq!(table.lines().count(), 4);
    assert!(table.contains("notify,admin") && table.contains("site acme, project SUP"), "{table}");
    assert!(!table.contains("alk1_") && !table.contains(&key[26..]), "{table}");
}

#[test]
fn a_database_that_a_first_key_makes_is_named() {
    let place = Place::new();
    let create = ["key", "create", "--scope", "notify"];
    let (first, second) = (place.run(&create), place.run(&create));
    assert!(first.err.contains("made a new one") && first.err.contains("attachlink.db"), "{}", first.err);
    assert!(first.err.contains("the key is for it alone") && first.err.contains("--data-dir"), "{}", first.err);
    assert!(second.code == DONE && !second.err.contains("made a new one"), "{}", second.err);
}

#[test]
fn the_help_names_every_kind_of_database_and_of_object_store() {
    let help = Place::new().run(&["--help"]).out;
    for kind in ["sqlite:FILE", "postgres://USER", "file:DIR", "s3://BUCKET"] {
        assert!(help.contains(kind), "{kind}: {help}");
    }
}

#[test]
fn a_revoked_key_stays_listed() {
    let place = Place::new();
    place.create_key(&["--scope", "notify"]);
    let id = place.keys()[0]["id"].as_str().unwrap().to_owned();
    let ran = place.run(&["key", "revoke", &id]);
    assert_eq!(ran.code, DONE, "{}", ran.err);
    assert!(ran.out.starts_with(&format!("revoked key {id}")), "{}", ran.out);
    assert!(place.keys()[0]["revoked_at"].is_string());
}

#[test]
fn revoking_a_key_that_is_none_says_so_and_repeats_no_secret() {
    let place = Place::new();
    let key = place.create_key(&["--scope", "notify"]);
    let unknown = place.run(&["key", "revoke", UNKNOWN_ID]);
    assert_eq!(unknown.code, FAILURE);
    assert!(unknown.err.contains(&format!("there is no key {UNKNOWN_ID}")), "{}", unknown.err);
    let pasted = place.run(&["key", "revoke", key.trim()]);
    assert_eq!(pasted.code, USAGE);
    assert!(pasted.err.contains("key list") && !pasted.err.contains(key.trim()), "{}", pasted.err);
    assert!(place.keys()[0]["revoked_at"].is_null());
}

#[test]
fn a_key_whose_text_cannot_be_shown_does_not_stay() {
    let place = Place::migrated();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = ran(place.command(&["key", "create", "--scope", "notify"]).stdout(full));
    assert_eq!(ran.code, FAILURE);
    assert!(ran.err.contains("standard output") && ran.err.contains("revoked"), "{}", ran.err);
    assert!(place.keys().iter().all(|key| key["revoked_at"].is_string()), "{:?}", place.keys());

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gone = self::ran(place.command(&["key", "create", "--scope", "notify"]).stdout(writer));
    assert_eq!(gone.code, FAILURE);
    assert!(gone.err.contains("Broken pipe") && gone.err.contains("revoked"), "{}", gone.err);
    assert_eq!(place.keys().len(), 2);
    assert!(place.keys().iter().all(|key| key["revoked_at"].is_string()), "{:?}", place.keys());

    let before = place.keys().len();
    let mut shell = Command::new("sh");
    let binary = env!("CARGO_BIN_EXE_attachlink");
    shell.arg("-c").arg(format!("exec '{binary}' key create --scope notify >&-")).current_dir(place.dir.path());
    let closed = self::ran(shell.env_clear());
    assert_eq!(closed.code, FAILURE, "{}", closed.err);
    assert!(closed.err.contains("standard output is closed"), "{}", closed.err);
    assert_eq!(place.keys().len(), before);
}

/// A site with a project that may issue links, and one that nobody has heard of.
async fn make_site(place: &Place) {
    let url = format!("sqlite:{}", place.data_dir().join("attachlink.db").display());
    let store = Store::open(&url.parse().unwrap(), Migrate::No).await.unwrap();
    let (site, project) = ("acme".parse().unwrap(), "SUP".parse().unwrap());
    let now = datetime!(2026-11-21 10:00:00 UTC);
    let settings =
        SiteSettings { plan: Plan::Standard, safe_notifications: false, portal_url: None, object_prefix: None };
    let made = store.update_site(&site, now, |_| Ok::<_, Infallible>(settings.clone())).await.unwrap();
    assert!(made.is_ok_and(|made| made.created));
    let set = store.set_mode(&site, &project, Mode::SecuredLink, now).await.unwrap();
    assert!(matches!(set, SetMode::Done { .. }));
    store.close().await;
}

#[tokio::test]
async fn revoking_says_what_was_done() {
    let place = Place::migrated();
    make_site(&place).await;
    for (args, done) in
        [(&["--site", "acme"][..], "site acme"), (&["--site", "acme", "--project", "SUP"], "project SUP of site acme")]
    {
        // As often as one likes.
        for _ in 0..2 {
            let ran = place.run(&[&["revoke"], args].concat());
            assert_eq!(ran.code, DONE, "{args:?}");
            assert!(ran.err.contains("attachlink::audit: event=\"revoked\""), "{}", ran.err);
            assert_eq!(ran.out, format!("revoked every link issued so far for {done}\n"));
        }
    }
}

#[tokio::test]
async fn revoking_what_does_not_exist_is_a_failure_that_names_it() {
    let place = Place::migrated();
    for args in [&["--site", "acme"][..], &["--site", "acme", "--project", "SUP", "--comment", "7"]] {
        let ran = place.run(&[&["revoke"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (FAILURE, ""), "{args:?}");
        assert_eq!(ran.err, "attachlink: there is no site acme\n");
    }
    make_site(&place).await;
    for (args, missing) in [
        (&["--project", "OPS"][..], "project OPS of site acme"),
        (&["--project", "SUP", "--comment", "7"], "comment 7 of project SUP of site acme"),
        (
            &["--project", "SUP", "--comment", "7", "--attachment", "a"],
            "attachment a of comment 7 of project SUP of site acme",
        ),
        (&["--link", UNKNOWN_ID], "link 019abd3e-0c5f-7d3c-9a53-2f0e6c1b7a11 in site acme"),
    ] {
        let ran = place.run(&[&["revoke", "--site", "acme"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (FAILURE, ""), "{args:?}");
        assert!(ran.err.starts_with(&format!("attachlink: there is no {missing}")), "{}", ran.err);
    }
    let token = format!("al1_{}", "A".repeat(48));
    let pasted = place.run(&["revoke", "--site", "acme", "--link", &token]);
    assert_eq!(pasted.code, USAGE);
    assert!(!pasted.err.contains(&token), "{}", pasted.err);
}

#[test]
fn a_backup_is_a_database_of_its_own_and_writes_over_nothing() {
    let place = Place::migrated();
    place.create_key(&["--scope", "notify"]);
    let ran = place.run(&["backup", "copy.db"]);
    assert_eq!(ran.code, DONE, "{}", ran.err);
    assert!(ran.out.starts_with("copied the database to copy.db ("), "{}", ran.out);
    let listed = place.run(&["key", "list", "--json", "--database-url", "sqlite:copy.db"]);
    assert_eq!(listed.out, place.run(&["key", "list", "--json"]).out);

    let before = fs::read(place.dir.path().join("copy.db")).unwrap();
    let again = place.run(&["backup", "copy.db"]);
    assert_eq!(again.code, FAILURE);
    assert!(again.err.contains("copy.db exists already"), "{}", again.err);
    assert_eq!(fs::read(place.dir.path().join("copy.db")).unwrap(), before);

    let nowhere = place.run(&["backup", "no/such/dir/copy.db"]);
    assert_eq!(nowhere.code, FAILURE);
    assert!(nowhere.err.contains("cannot write no/such/dir/copy.db"), "{}", nowhere.err);
}

#[test]
fn openapi_prints_the_description() {
    let ran = Place::new().run(&["openapi"]);
    assert_eq!((ran.code, ran.err.as_str()), (DONE, ""));
    assert!(ran.out.starts_with("openapi: 3.1.") || ran.out.starts_with("openapi: '3.1."), "{:.80}", ran.out);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let place = Place::migrated();
    for args in [&["openapi"][..], &["check-config"], &["key", "list"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = ran(place.command(args).stdout(writer));
        assert_eq!((ran.code, ran.err.as_str()), (DONE, ""), "{args:?}");
    }
}

/// Answers one request on a free port, and returns the port.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let octets = stream.read(&mut request).unwrap();
        assert!(request[..octets].starts_with(b"GET /readyz HTTP/1.1\r\n"));
        stream.write_all(answer.as_bytes()).unwrap();
    });
    port
}

#[test]
fn healthcheck_says_ready_or_why_not() {
    let place = Place::new();
    let ready = answering("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"ready\":true}");
    // Listening everywhere is asked on the loopback address.
    let ran = place.run(&["healthcheck", "--ops-listen", &format!("0.0.0.0:{ready}")]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (DONE, "ready\n", ""));

    let unwell = answering(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 49\r\n\r\n{\"ready\":false,\"database\":\"it does not answer\"}  ",
    );
    let ran = place.run(&["healthcheck", "--ops-listen", &format!("127.0.0.1:{unwell}")]);
    assert_eq!((ran.code, ran.out.as_str()), (FAILURE, ""));
    assert!(ran.err.contains("503") && ran.err.contains("database: it does not answer"), "{}", ran.err);

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = place.run(&["healthcheck", "--ops-listen", &closed.to_string()]);
    assert_eq!(ran.code, FAILURE);
    assert!(ran.err.contains("no answer"), "{}", ran.err);

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = place.run(&["healthcheck", "--ops-listen", &silent.local_addr().unwrap().to_string()]);
    assert_eq!(ran.code, FAILURE);
    assert!(ran.err.contains("within 3 s"), "{}", ran.err);
}

#[test]
fn the_data_directory_can_be_named_before_and_after_the_command() {
    let place = Place::new();
    let elsewhere = place.dir.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    assert_eq!(place.run(&["--data-dir", elsewhere, "key", "create", "--scope", "notify"]).code, DONE);
    let ran = place.run(&["key", "list", "--json", "--data-dir", elsewhere]);
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&ran.out).unwrap().len(), 1);
    assert!(Path::new(elsewhere).join("attachlink.db").exists());
    assert!(!place.data_dir().exists());
}

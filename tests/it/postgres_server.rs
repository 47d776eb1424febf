//! Throw-away PostgreSQL servers: one that all tests of a machine share, and servers of a test's own.
//!
//! nextest runs each test in a process of its own, so the first that needs the server starts it, and the server stops
//! itself some seconds after the last (`postgres_server.sh`). Each test gets a fresh database.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use attachlink::store::{Migrate, ServerOptions, Store};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/postgres_server.sh");
/// How long the shared server waits for the next test.
const LINGER_SECONDS: u32 = 15;
/// How long a server may take to start: an `initdb` on a busy disk.
const START_TIME: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
const PORTS_TRIED: usize = 5;

/// A running server. It goes on for as long as this is held, and stops by itself afterwards.
pub struct Cluster {
    dir: PathBuf,
    port: u16,
    /// Says that the server is used.
    _users: File,
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
pub fn pause() {
    std::thread::sleep(POLL);
}

/// Where the server's programs are: the newest version's, as Debian lays them out, or those on the path.
pub fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort();
    let on_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|bin| bin.join("initdb").exists());
    versions.pop().or_else(on_path).expect("the tests need PostgreSQL (Debian: postgresql)")
}

/// PostgreSQL refuses to run as root: then another user runs it.
pub fn server_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user to run PostgreSQL"))
}

/// A command that runs as the server's user.
pub fn as_server(program: impl AsRef<std::ffi::OsStr>) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Where the servers of this user's tests lie.
fn base() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    let base = std::env::temp_dir().join(format!("attachlink-tests-{user}"));
    fs::create_dir_all(&base).expect("a directory for the tests' servers");
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).expect("a directory that can be entered");
    if let Some((user, group)) = server_user() {
        chown(&base, Some(user), Some(group)).expect("a directory that servers can remove theirs from");
    }
    base
}

/// Starts a server in `dir`, which must not exist.
#[expect(clippy::zombie_processes, reason = "the server outlives the test that started it")]
fn start(dir: &Path, lock: &Path, linger_seconds: u32, settings: &[&str]) -> Cluster {
    for _ in 0..PORTS_TRIED {
        fs::create_dir(dir).expect("a directory for the server");
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).expect("a private directory");
        if let Some((user, group)) = server_user() {
            chown(dir, Some(user), Some(group)).expect("the server's directory");
        }
        let port = free_port();
        let mut server = as_server("setsid");
        server.args(["sh", SCRIPT]).arg(programs()).arg(dir).arg(port.to_string()).arg(lock);
        server.arg(linger_seconds.to_string()).args(settings).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = server.spawn().expect("the tests need setsid (Debian: util-linux)");
        let begun = Instant::now();
        let mut users = None;
        while begun.elapsed() < START_TIME {
            // Held from early on, so that the server does not take itself for unused.
            users = users.or_else(|| shared_lock(&dir.join("users")));
            if dir.join("ready").exists() {
                return Cluster { dir: dir.to_owned(), port, _users: users.expect("the server's file of users") };
            }
            if server.try_wait().expect("the server's process").is_some() {
                break;
            }
            pause();
        }
        let log = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        eprintln!("PostgreSQL did not start on port {port}:\n{}\n{}", log("log"), log("server.log"));
        fs::remove_dir_all(dir).expect("what is left of the server");
    }
    panic!("PostgreSQL does not start");
}

fn shared_lock(file: &Path) -> Option<File> {
    let file = File::open(file).ok()?;
    file.lock_shared().ok()?;
    Some(file)
}

/// A running server that another test has started.
fn running(dir: &Path) -> Option<Cluster> {
    let users = shared_lock(&dir.join("users"))?;
    let port = fs::read_to_string(dir.join("data/postmaster.pid")).ok()?.lines().nth(3)?.parse().ok()?;
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
    dir.join("ready").exists().then(|| Cluster { dir: dir.to_owned(), port, _users: users })
}

impl Cluster {
    /// The server that all tests share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (lock, dir) = (base().join("lock"), base().join("postgres"));
            let file = File::options().create(true).append(true).open(&lock).expect("a lock file");
            file.lock().expect("the lock");
            running(&dir).unwrap_or_else(|| {
                // What is left of one that was killed.
                let _ = fs::remove_dir_all(&dir);
                start(&dir, &lock, LINGER_SECONDS, &[])
            })
        })
    }

    /// A server of the test's own, with more settings.
    pub fn own(settings: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("own-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // Nobody looks for it, so its lock lies within it.
        start(&base().join(name), Path::new("lock"), 1, settings)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the server's files are; `ca.pem` is the authority that its certificate comes from.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Stops the server as a crash would.
    pub fn stop(&self) {
        self.pg_ctl(&["--mode=immediate", "stop"]);
    }

    /// Starts it again after [`Cluster::stop`].
    pub fn start_again(&self) {
        self.pg_ctl(&["start"]);
    }

    fn pg_ctl(&self, what: &[&str]) {
        let mut command = as_server(programs().join("pg_ctl"));
        command.arg("--pgdata").arg(self.dir.join("data")).arg("--log").arg(self.dir.join("server.log"));
        let done = command.arg("--wait").args(what).stdout(Stdio::null()).status().expect("pg_ctl runs");
        assert!(done.success(), "pg_ctl {what:?}");
    }

    /// A superuser's connection.
    pub async fn admin(&self, database: &str) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        let options = options.username("postgres").database(database).ssl_mode(sqlx::postgres::PgSslMode::Disable);
        options.connect().await.expect("a connection")
    }

    /// Runs statements as the superuser, one by one.
    pub async fn say(&self, statements: &[&str]) {
        let mut admin = self.admin("postgres").await;
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(*statement)).execute(&mut admin).await.expect("it is done");
        }
        admin.close().await.expect("the connection ends");
    }

    /// A fresh, empty database.
    pub async fn database(&'static self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // A process before us may have had our number.
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.say(&[&drop, &format!("CREATE DATABASE {name} OWNER attachlink")]).await;
        Database { cluster: self, name }
    }
}

/// A database of its own for one test. It is dropped with this.
pub struct Database {
    cluster: &'static Cluster,
    pub name: String,
}

impl Database {
    /// A fresh, empty one on the shared server.
    pub async fn fresh() -> Self {
        Cluster::shared().database().await
    }

    /// Its address, without TLS.
    pub fn url(&self) -> String {
        format!("postgres://attachlink@127.0.0.1:{}/{}?sslmode=disable", self.cluster.port, self.name)
    }

    pub async fn store(&self) -> Store {
        self.store_with(&ServerOptions::default()).await
    }

    pub async fn store_with(&self, options: &ServerOptions) -> Store {
        Store::open_with(&self.url().parse().unwrap(), options, Migrate::Yes).await.unwrap()
    }

    /// A superuser's connection to it.
    pub async fn admin(&self) -> PgConnection {
        self.cluster.admin(&self.name).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let address = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.cluster.port);
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Where this fails, the database goes with its server.
        let mut psql = Command::new(programs().join("psql"));
        psql.args([&*address, "-qc", &drop])
            .env("PGOPTIONS", "-c synchronous_commit=local")
            .env("PGCONNECT_TIMEOUT", "5");
        let _ = psql.stderr(Stdio::null()).status();
    }
}

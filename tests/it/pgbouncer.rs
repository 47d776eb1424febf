//! A throw-away pgbouncer in transaction mode: each transaction may run on another of the server's sessions.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::postgres_server::{Cluster, as_server, pause, server_user};

const START_TIME: Duration = Duration::from_secs(20);

pub struct Pgbouncer {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Pgbouncer {
    /// Starts one with `sessions` of the server for each database.
    pub fn start(cluster: &Cluster, sessions: u32) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).expect("a private directory");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let users = dir.path().join("users");
        std::fs::write(&users, "\"attachlink\" \"\"\n").expect("the users");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = {sessions}\nmax_client_conn = 1000\n",
            cluster.port(),
            users.display()
        );
        let file = dir.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("the settings");
        if let Some((user, group)) = server_user() {
            for path in [dir.path(), &users, &file] {
                chown(path, Some(user), Some(group)).expect("the pooler's files");
            }
        }
        let program = ["/usr/sbin/pgbouncer", "pgbouncer"];
        let program = program.iter().find(|program| std::path::Path::new(program).exists()).unwrap_or(&program[1]);
        let mut command = as_server(program);
        command.arg("--quiet").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("the tests need pgbouncer (Debian: pgbouncer)");
        let begun = Instant::now();
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            assert!(begun.elapsed() < START_TIME, "pgbouncer does not start");
            pause();
        }
        Self { process, port, _dir: dir }
    }

    /// The address of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://attachlink@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! nginx and `HAProxy` on `deploy/nginx/nginx.conf` and `deploy/haproxy.cfg`, with this test's addresses put in.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binary::{Background, eventually, path_of};
use crate::s3::server::free_port;

const NGINX: &str = include_str!("../../../../deploy/nginx/nginx.conf");
const HAPROXY: &str = include_str!("../../../../deploy/haproxy.cfg");
const STARTS_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Haproxy,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Nginx, Self::Haproxy];
}

/// What stands behind a proxy.
#[derive(Debug, Clone, Copy)]
pub struct Behind {
    pub public: SocketAddr,
    pub api: SocketAddr,
    pub ops: SocketAddr,
}

/// A running proxy, ended when this is dropped.
pub struct Proxy {
    _process: Background,
    pub address: SocketAddr,
    pub kind: Kind,
}

/// Replaces what stands there exactly once.
#[track_caller]
fn put(text: &str, shipped: &str, here: &str) -> String {
    assert_eq!(text.matches(shipped).count(), 1, "{shipped:?} in a shipped configuration");
    text.replace(shipped, here)
}

impl Proxy {
    /// Starts it; its files and what it prints go into `folder`.
    pub fn start(kind: Kind, behind: Behind, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("room for a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (text, file) = match kind {
            Kind::Nginx => (nginx(address, behind, folder), folder.join("nginx.conf")),
            Kind::Haproxy => (haproxy(address, behind), folder.join("haproxy.cfg")),
        };
        std::fs::write(&file, text).expect("room for a file");
        let printed = File::create(folder.join("printed")).expect("room for a file");
        let mut command = match kind {
            Kind::Nginx => nginx_command(&file),
            Kind::Haproxy => haproxy_command(&file),
        };
        command.stdin(Stdio::null()).stderr(printed.try_clone().expect("a descriptor")).stdout(printed);
        let process = Background::start(&mut command);
        eventually(STARTS_WITHIN, "the proxy listens", || TcpStream::connect(address).ok());
        Self { _process: process, address, kind }
    }

    /// A link as it is through this proxy.
    pub fn through(&self, link: &str) -> String {
        format!("http://{}/{}", self.address, path_of(link))
    }
}

/// One process, so that ending it ends all of it.
fn nginx_command(file: &Path) -> Command {
    let mut command = Command::new("nginx");
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env("PATH", [path.as_os_str(), "/usr/sbin".as_ref()].join(":".as_ref()));
    command.arg("-c").arg(file).args(["-g", "daemon off; master_process off;"]);
    command
}

fn haproxy_command(file: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = Command::new("haproxy");
    command.env("PATH", [path.as_os_str(), "/usr/sbin".as_ref()].join(":".as_ref()));
    command.arg("-db").arg("-f").arg(file);
    command
}

fn nginx(address: SocketAddr, behind: Behind, folder: &Path) -> String {
    let mut text = NGINX.replace("/tmp/", &format!("{}/", folder.display()));
    for (shipped, here) in [
        ("worker_rlimit_nofile 32768;", String::new()),
        ("resolver 127.0.0.11 valid=1s ipv6=off;", String::new()),
        ("include /etc/nginx/tls.con[f];", String::new()),
        ("listen 8080;", format!("listen {address};")),
        ("listen 8081;", format!("listen 127.0.0.1:{};", free_port())),
        ("replicas:8080", behind.public.to_string()),
        ("replicas:8081", behind.api.to_string()),
    ] {
        text = put(&text, shipped, &here);
    }
    text
}

fn haproxy(address: SocketAddr, behind: Behind) -> String {
    let mut text = HAPROXY.to_owned();
    for (shipped, here) in [
        ("bind :80\n", format!("bind {address}\n")),
        ("check port 9090", format!("check port {}", behind.ops.port())),
        ("server attachlink-1 127.0.0.1:8080", format!("server attachlink-1 {}", behind.public)),
    ] {
        text = put(&text, shipped, &here);
    }
    text
}

//! A throw-away authority, and a certificate of it: `ca.pem`, `server.pem` and `server.key`.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// An authority, and a certificate of it for a host.
pub struct Authority(TempDir);

impl Authority {
    pub fn for_host(name: &str) -> Self {
        let this = Self(tempfile::tempdir().expect("a temporary directory"));
        this.make("ca", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        let (ca, key) = (this.text("ca.pem"), this.text("ca.key"));
        let host = format!("subjectAltName={name}");
        this.make("server", &["-CA", &ca, "-CAkey", &key, "-addext", &host, "-addext", "basicConstraints=CA:FALSE"]);
        this
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn make(&self, name: &str, more: &[&str]) {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", &format!("/CN={name} of a test"), "-keyout", &self.text(&format!("{name}.key"))])
            .args(["-out", &self.text(&format!("{name}.pem"))])
            .args(more)
            .output()
            .expect("the tests need openssl (Debian: openssl)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

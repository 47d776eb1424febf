//! The replicas, what stands between them and the database, and what can be done to them.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::bugs::Bug;
use super::client::Whereabouts;
use super::proxy::{Passage, Proxy};
use super::record::Fault;
use super::replica::Replica;
use crate::postgres_server::{Cluster, Database};

pub const REPLICAS: usize = 3;
/// How late the answers of the database come: longer than a revocation takes elsewhere.
const DELAY: Duration = Duration::from_millis(150);
/// The files behind all links: one that is quick to get, and one that takes a slow reader several seconds.
pub const SMALL: (&str, usize) = ("small.bin", 3 * 1024);
pub const LARGE: (&str, usize) = ("large.bin", 2 * 1024 * 1024);

/// Several replicas on one database. Its processes end with this.
pub struct Fleet {
    cluster: &'static Cluster,
    database: Database,
    proxies: Vec<Proxy>,
    replicas: Vec<Option<Replica>>,
    dir: TempDir,
    bug: Option<Bug>,
    pub whereabouts: Arc<RwLock<Vec<Whereabouts>>>,
}

impl Fleet {
    /// Starts it on a fresh database. The runtime drives the proxies.
    pub fn start(runtime: &Runtime, cluster: &'static Cluster, bug: Option<Bug>) -> Self {
        let database = runtime.block_on(cluster.database());
        let proxies = (0..REPLICAS).map(|_| runtime.block_on(Proxy::start(cluster.port()))).collect();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let nowhere = Whereabouts { addresses: None, troubled: true };
        let whereabouts = Arc::new(RwLock::new(vec![nowhere; REPLICAS]));
        let replicas = (0..REPLICAS).map(|_| None).collect();
        let mut fleet = Self { cluster, database, proxies, replicas, dir, bug, whereabouts };
        std::fs::create_dir(fleet.objects()).expect("a directory for the objects");
        for (name, octets) in [SMALL, LARGE] {
            std::fs::write(fleet.objects().join(name), vec![7; octets]).expect("room for it");
        }
        for replica in 0..REPLICAS {
            std::fs::create_dir(fleet.directory(replica)).expect("a directory of its own");
        }
        fleet.start_replicas(0..REPLICAS);
        runtime.block_on(fleet.plant_in_the_database());
        fleet
    }

    async fn plant_in_the_database(&self) {
        let mut admin = self.database.admin().await;
        for statement in self.bug.map_or(&[][..], Bug::in_the_database) {
            sqlx::raw_sql(*statement).execute(&mut admin).await.expect("the superuser may");
        }
    }

    fn objects(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    fn directory(&self, replica: usize) -> PathBuf {
        self.dir.path().join(format!("replica-{replica}"))
    }

    /// The first API key. Whichever replica was the first has made it.
    pub fn key(&self) -> String {
        let mut keys = (0..REPLICAS).map(|replica| self.directory(replica).join("first-api-key"));
        let key = keys.find_map(|file| std::fs::read_to_string(file).ok()).expect("a first key");
        key.trim().to_owned()
    }

    /// Starts these, side by side.
    fn start_replicas(&mut self, replicas: Range<usize>) {
        for replica in replicas.clone() {
            let address = format!("127.0.0.1:{}", self.proxies[replica].port);
            let url = format!("postgres://attachlink@{address}/{}?sslmode=disable", self.database.name);
            let started = Replica::start(&self.directory(replica), &url, &self.objects(), self.bug);
            self.replicas[replica] = Some(started);
        }
        for replica in replicas {
            let addresses = self.replicas[replica].as_mut().map(Replica::listens);
            self.whereabouts.write()[replica] = Whereabouts { addresses, troubled: false };
        }
    }

    fn kill(&mut self, replica: usize) {
        self.whereabouts.write()[replica].addresses = None;
        self.replicas[replica] = None;
    }

    fn running(&self, replica: usize) -> &Replica {
        self.replicas[replica].as_ref().expect("it runs")
    }

    /// Does it to one replica, or, with the database, to all.
    pub fn begin(&mut self, fault: Fault, replica: usize) {
        let proxy = &self.proxies[replica];
        match fault {
            Fault::Paused => self.running(replica).stop(),
            Fault::Delayed => proxy.set(Passage::Delayed(DELAY)),
            Fault::Frozen => proxy.set(Passage::Frozen),
            Fault::RequestsHeld => proxy.set(Passage::RequestsHeld),
            Fault::AnswersHeld => proxy.set(Passage::AnswersHeld),
            Fault::CutOff => proxy.set(Passage::Cut),
            Fault::Killed => self.kill(replica),
            Fault::DatabaseRestarted => self.cluster.stop(),
        }
        self.whereabouts.write()[replica].troubled = true;
    }

    /// Ends what [`Fleet::begin`] began.
    pub fn end(&mut self, fault: Fault, replica: usize) {
        match fault {
            Fault::Paused => self.running(replica).go_on(),
            Fault::Delayed | Fault::Frozen | Fault::RequestsHeld | Fault::AnswersHeld | Fault::CutOff => {
                self.proxies[replica].set(Passage::Open);
            }
            Fault::Killed => self.start_replicas(replica..replica + 1),
            Fault::DatabaseRestarted => self.cluster.start_again(),
        }
        self.whereabouts.write()[replica].troubled = false;
    }

    /// Ends every process and starts all anew: nothing is remembered but what is on the disk.
    pub fn start_over(&mut self) {
        for replica in 0..REPLICAS {
            self.kill(replica);
        }
        self.cluster.stop();
        self.cluster.start_again();
        self.start_replicas(0..REPLICAS);
    }

    /// Keeps the directory with the replicas' logs: where it is.
    pub fn keep_logs(self) -> PathBuf {
        let Self { replicas, dir, .. } = self;
        drop(replicas);
        dir.keep()
    }
}

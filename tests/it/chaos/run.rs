//! One run: a fleet, the client's load on it, and storms.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::bugs::Bug;
use super::client::{Client, SITE};
use super::download::Pace;
use super::fleet::{Fleet, REPLICAS, SMALL};
use super::load::Worker;
use super::project::Issued;
use super::record::{Fault, Record};
use super::recorder::Recorder;
use super::storm::Storms;
use crate::postgres_server::Cluster;
use crate::random::Random;

/// Shorter than a replica keeps an idle connection: none is used in the moment in which it is closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(2);
/// Attempts at once in the end.
const AT_ONCE: usize = 32;
/// The numbers of the project, comment and attachment of the link that stays.
const STAYS: u32 = 0;

/// How hard a run is.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// Clients that revoke at the same time.
    pub workers: usize,
    /// What is done to the service, in turns.
    pub faults: &'static [Fault],
    /// How long nothing is done in between.
    pub quiet: Duration,
}

/// A run. Everything that it started ends with it, and with the thread that started it.
pub struct Run {
    // In this order: first the processes end, then what waits for them.
    fleet: Fleet,
    workers: JoinSet<()>,
    stop: Arc<AtomicBool>,
    client: Arc<Client>,
    random: Random,
    strength: Strength,
    storms: usize,
    probe: String,
    runtime: Runtime,
}

impl Run {
    /// Starts the replicas and the load.
    pub fn start(cluster: &'static Cluster, seed: u64, bug: Option<Bug>, strength: Strength) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let fleet = Fleet::start(&runtime, cluster, bug);
        let mut random = Random(seed);
        let client = Arc::new(client(&fleet));
        let (watched, recorder) = (Arc::clone(&client.watched), Arc::clone(&client.recorder));
        std::thread::spawn(move || watched.sample_until_let_go(&recorder));
        let probe = runtime.block_on(prepare(&client));
        let (stop, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(STAYS + 1)));
        let mut workers = JoinSet::new();
        for _ in 0..strength.workers {
            let worker = Worker::new(&client, Random(random.next()), &stop, &numbers);
            workers.spawn_on(worker.work(), runtime.handle());
        }
        Self { fleet, workers, stop, client, random, strength, storms: 0, probe, runtime }
    }

    /// The next storm, and the quiet time after it.
    pub fn storm(&mut self) {
        let random = Random(self.random.next());
        let (runtime, client, Strength { faults, quiet, .. }) = (&self.runtime, &self.client, self.strength);
        let mut storms = Storms { runtime, client, random, faults, quiet, probe: self.probe.clone() };
        storms.next(&mut self.fleet, self.storms);
        self.storms += 1;
        while let Some(ended) = self.workers.try_join_next() {
            ended.expect("the load goes on");
        }
    }

    pub fn has_done(&self, revocations: usize, attempts: usize) -> bool {
        let (answered, attempted) = self.client.recorder.done();
        answered >= revocations && attempted >= attempts
    }

    /// Lets the load come to its end.
    pub fn end_load(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.runtime.block_on(self.workers.join_next()) {
            ended.expect("the load ends well");
        }
    }

    /// Ends and starts every process, and then opens links whose revocation was answered, up to `at_most`: first those
    /// whose revocation was repeated.
    pub fn restart_and_try_again(&mut self, at_most: usize) {
        let from = self.client.recorder.now();
        self.fleet.start_over();
        let to = self.client.recorder.now();
        let restarted = super::record::Trouble { fault: Fault::DatabaseRestarted, replica: None, from, to };
        self.client.recorder.troubled(restarted);
        let dead = self.dead(at_most);
        self.runtime.block_on(async {
            for (turn, some) in dead.chunks(AT_ONCE).enumerate() {
                let mut attempts = JoinSet::new();
                for (number, path) in some.iter().cloned() {
                    let client = Arc::clone(&self.client);
                    attempts.spawn(async move { client.attempt(number, &path, turn % REPLICAS, Pace::Quick).await });
                }
                while let Some(attempt) = attempts.join_next().await {
                    attempt.expect("an attempt does not panic");
                }
            }
        });
    }

    fn dead(&mut self, at_most: usize) -> Vec<(u32, Arc<str>)> {
        let record = self.record();
        let fates = super::judge::fates(&record);
        let killed = |(number, path): (usize, &Arc<str>)| {
            let (revocation, _) = fates[number].killed?;
            Some((record.revocations[revocation].tries, u32::try_from(number).ok()?, Arc::clone(path)))
        };
        let mut dead: Vec<_> = record.links.iter().map(|link| &link.path).enumerate().filter_map(killed).collect();
        self.random.shuffle(&mut dead);
        dead.sort_by_key(|(tries, ..)| *tries == 1);
        dead.truncate(at_most);
        dead.into_iter().map(|(_, number, path)| (number, path)).collect()
    }

    pub fn record(&self) -> Record {
        self.client.recorder.record().clone()
    }

    /// Ends the run but keeps the replicas' logs: where they are.
    pub fn keep_logs(self) -> PathBuf {
        self.fleet.keep_logs()
    }
}

fn client(fleet: &Fleet) -> Client {
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .build_http();
    let replicas = Arc::clone(&fleet.whereabouts);
    Client { http, key: fleet.key(), replicas, recorder: Arc::new(Recorder::new()), watched: Arc::default() }
}

/// The site, and a link that is never revoked: its path.
async fn prepare(client: &Client) -> String {
    let first = || 0;
    let site = json!({"plan": "standard", "safe_notifications": false, "object_prefix": ""});
    client.done(first, Method::PUT, SITE, Some(&site)).await.expect("a site");
    let project = format!("{SITE}/projects/p{STAYS}");
    let mode = json!({"mode": "secured_link"});
    let security = format!("{project}/attachment-security");
    client.done(first, Method::PUT, &security, Some(&mode)).await.expect("a project");
    let attachment = format!("{project}/comments/c{STAYS}/attachments/a{STAYS}");
    let body = json!({"object_key": SMALL.0, "filename": SMALL.0, "media_type": "application/octet-stream"});
    client.done(first, Method::PUT, &attachment, Some(&body)).await.expect("an attachment");
    let links = format!("{attachment}/links");
    let answer = client.done(first, Method::POST, &links, Some(&json!({"recipients": ["r"]}))).await.expect("a link");
    let at = client.recorder.now();
    let issued = Issued { project: STAYS, comment: STAYS, attachment: STAYS, at, octets: SMALL.1 as u64 };
    issued.hold(client, &answer)[0].path.to_string()
}

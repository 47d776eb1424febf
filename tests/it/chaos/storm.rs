//! Storms and quiet times, in turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::client::Client;
use super::download::{Pace, download};
use super::fleet::{Fleet, REPLICAS};
use super::record::{Fault, Quiet, Trouble};
use crate::binary::pause;
use crate::random::Random;

/// All that is done, in turns; after each, a quiet time.
pub const ALL: [Fault; 8] = [
    Fault::Paused,
    Fault::Delayed,
    Fault::Killed,
    Fault::Frozen,
    Fault::DatabaseRestarted,
    Fault::RequestsHeld,
    Fault::CutOff,
    Fault::AnswersHeld,
];
/// How long a fault lasts, in milliseconds.
const LASTS_MS: std::ops::Range<u64> = 300..1000;
/// How long a replica may take to be healthy after a fault.
const RECOVERY: Duration = Duration::from_secs(30);
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
/// Connections are dealt out over a replica's threads by chance: several probes in a row reach most of them.
const PROBES: usize = 4;
const BETWEEN_PROBES: Duration = Duration::from_millis(20);

/// Makes storms, on the thread that started the replicas.
pub struct Storms<'a> {
    pub runtime: &'a Runtime,
    pub client: &'a Arc<Client>,
    pub random: Random,
    /// What is done, in turns.
    pub faults: &'a [Fault],
    /// How long nothing is done then.
    pub quiet: Duration,
    /// The path of a link that is never revoked.
    pub probe: String,
}

impl Storms<'_> {
    /// The next storm, and the quiet time after it.
    pub fn next(&mut self, fleet: &mut Fleet, number: usize) {
        if let Some(fault) = self.faults.get(number % self.faults.len().max(1)) {
            self.storm(fleet, *fault);
        }
        self.wait_until_healthy();
        let from = self.client.recorder.now();
        pause(self.quiet);
        self.client.recorder.quiet(Quiet { from, to: self.client.recorder.now() });
    }

    /// One fault, and, as often as not, another one of another replica at the same time.
    fn storm(&mut self, fleet: &mut Fleet, first: Fault) {
        let replica = self.replica();
        let mut faults = vec![(first, replica)];
        let other = self.random.pick(self.faults).expect("there is one");
        let others = [first, other].contains(&Fault::DatabaseRestarted) || self.random.below(2) == 0;
        if !others {
            faults.push((other, (replica + 1) % REPLICAS));
        }
        let recorder = &self.client.recorder;
        let mut begun = Vec::new();
        for (fault, replica) in faults {
            let from = recorder.now();
            fleet.begin(fault, replica);
            begun.push((fault, replica, from));
        }
        let lasts = LASTS_MS.start + self.random.below(LASTS_MS.end - LASTS_MS.start);
        pause(Duration::from_millis(lasts));
        for (fault, replica, from) in begun {
            fleet.end(fault, replica);
            let all = fault == Fault::DatabaseRestarted;
            recorder.troubled(Trouble { fault, replica: (!all).then_some(replica), from, to: recorder.now() });
        }
    }

    fn replica(&mut self) -> usize {
        usize::try_from(self.random.below(REPLICAS as u64)).expect("it is small")
    }

    /// Until each replica serves a live link several times in a row.
    pub fn wait_until_healthy(&self) {
        let begun = Instant::now();
        for replica in 0..REPLICAS {
            let address = self.client.replicas.read()[replica].addresses.expect("it was started").public;
            let mut served = 0;
            while served < PROBES {
                assert!(begun.elapsed() < RECOVERY, "replica {replica} does not recover");
                let (path, watched) = (&self.probe, &self.client.watched);
                let probe = async { download(address, path, Pace::Quick, watched, PROBE_PATIENCE).await };
                served = if self.runtime.block_on(probe).of_file > 0 { served + 1 } else { 0 };
                pause(BETWEEN_PROBES);
            }
        }
    }
}

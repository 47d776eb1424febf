//! Where everything that happens is written down while it happens.

use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use super::record::{Attempt, Link, Micros, Quiet, Record, Revocation, Trouble};

/// The record of a run, and the clock of it.
pub struct Recorder {
    begun: Instant,
    record: Mutex<Record>,
}

impl Recorder {
    pub fn new() -> Self {
        Self { begun: Instant::now(), record: Mutex::default() }
    }

    pub fn now(&self) -> Micros {
        u64::try_from(self.begun.elapsed().as_micros()).expect("a run is short")
    }

    /// The record as it is now; nothing can be added while this is held.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock()
    }

    /// The number of the first of these links; the others follow it.
    pub fn issued(&self, links: impl IntoIterator<Item = Link>) -> u32 {
        let mut record = self.record.lock();
        let first = u32::try_from(record.links.len()).expect("fewer links");
        record.links.extend(links);
        first
    }

    /// Before its first try is called: from then on its links may be dead.
    pub fn revoking(&self, revocation: Revocation) -> usize {
        let mut record = self.record.lock();
        record.revocations.push(revocation);
        record.revocations.len() - 1
    }

    pub fn revocation(&self, number: usize, change: impl FnOnce(&mut Revocation)) {
        change(&mut self.record.lock().revocations[number]);
    }

    pub fn attempted(&self, attempt: Attempt) {
        self.record.lock().attempts.push(attempt);
    }

    pub fn troubled(&self, trouble: Trouble) {
        self.record.lock().troubles.push(trouble);
    }

    pub fn quiet(&self, quiet: Quiet) {
        self.record.lock().quiet.push(quiet);
    }

    /// Revocations answered, and attempts.
    pub fn done(&self) -> (usize, usize) {
        let record = self.record.lock();
        let answered = record.revocations.iter().filter(|revocation| revocation.answered.is_some()).count();
        (answered, record.attempts.len())
    }
}

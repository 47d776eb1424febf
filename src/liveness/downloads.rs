//! The registry of running downloads.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Capability, Gate, PAUSE_LIMIT, WRITE_WINDOW};
use crate::metrics::Metrics;
use crate::store::Registration;

/// Why a download was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutReason {
    /// Its link died, or its login or the rules no longer allow it, while it was running.
    Revoked,
    /// Nobody could say for [`PAUSE_LIMIT`] whether what it runs under holds.
    Unverified,
    /// The object store failed in mid-stream.
    StoreFailed,
    /// The service is stopping, and the drain deadline has passed.
    Shutdown,
}

impl CutReason {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Unverified => "unverified",
            Self::StoreFailed => "store_failed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// How a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its last byte was handed to the network.
    Complete,
    /// The client went away.
    Aborted,
    /// We reset the connection.
    Cut(CutReason),
}

impl Outcome {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Aborted => "aborted",
            Self::Cut(_) => "cut",
        }
    }
}

/// How a download ended, and with how many octets of the body given to the connection.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// Octets of the body that the connection took. Of an aborted download some may not have left its buffers.
    pub octets: u64,
}

type OnEnd = Box<dyn FnOnce(Ended) + Send>;

/// A running download: entered before the question under whose answer it runs on is sent, left when its last byte is
/// written or its connection is gone.
pub struct Entry {
    capability: Capability,
    /// What it serves, where the capability only names it.
    registration: OnceLock<Registration>,
    gate: Arc<Gate>,
    downloads: Arc<Downloads>,
    key: usize,
    /// Microseconds after the registry's epoch at which the last statement that said yes was sent; 0 before the first.
    yes_sent: AtomicU64,
    dead: AtomicBool,
    body_over: AtomicBool,
    body_complete: AtomicBool,
    cut: AtomicU8,
    octets: AtomicU64,
    left: AtomicBool,
    on_end: Mutex<Option<OnEnd>>,
}

const NOT_CUT: u8 = 0;
const CUT_REASONS: [CutReason; 4] =
    [CutReason::Revoked, CutReason::Unverified, CutReason::StoreFailed, CutReason::Shutdown];

impl Entry {
    /// What it runs under.
    #[must_use]
    pub fn capability(&self) -> &Capability {
        &self.capability
    }

    /// What it serves, where its capability only names it. To be said before it begins.
    pub fn serves(&self, registration: Option<Registration>) {
        if let Some(registration) = registration {
            let _ = self.registration.set(registration);
        }
    }

    /// See [`serves`](Self::serves).
    pub(super) fn registration(&self) -> Option<Registration> {
        self.registration.get().copied()
    }

    /// Its own question was answered yes. From here on its bytes may be written, for [`WRITE_WINDOW`] at first.
    /// `false` when a sweep has found it dead in the meantime.
    #[must_use]
    pub fn begin(&self, sent: Instant, on_end: impl FnOnce(Ended) + Send + 'static) -> bool {
        *self.on_end.lock() = Some(Box::new(on_end));
        self.prove(sent);
        !self.dead.load(Ordering::SeqCst)
    }

    /// A statement sent at `sent` said that what it runs under holds.
    pub(super) fn prove(&self, sent: Instant) {
        self.yes_sent.fetch_max(self.downloads.micros(sent), Ordering::SeqCst);
        self.gate.wake();
    }

    /// Whether its own question is answered. Before, there is no byte to allow or withhold: until its secret is compared,
    /// a yes for the link is no yes for the request, and what it will serve is not known.
    pub(super) fn has_begun(&self) -> bool {
        self.yes_sent.load(Ordering::SeqCst) != 0
    }

    pub(super) fn may_write(&self, now: Instant) -> bool {
        match self.yes_sent.load(Ordering::Acquire) {
            // Its bytes do not exist yet: what is in the buffers belongs to an earlier response.
            0 => true,
            sent => {
                !self.dead.load(Ordering::Acquire)
                    && self.downloads.micros(now).saturating_sub(sent) < micros(WRITE_WINDOW)
            }
        }
    }

    pub(super) fn unverified_for(&self, now: Instant) -> Duration {
        match self.yes_sent.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            sent => Duration::from_micros(self.downloads.micros(now).saturating_sub(sent)),
        }
    }

    pub(super) fn overdue(&self, now: Instant) -> bool {
        self.unverified_for(now) > PAUSE_LIMIT
    }

    /// Cuts the download by resetting its connection, unless it is over: then another's may run there. The first reason
    /// stays.
    pub fn cut(&self, reason: CutReason) {
        // With `begin`, which stores its yes and then looks for `dead`: one of the two sees the other (`SeqCst`).
        self.dead.store(true, Ordering::SeqCst);
        // Without a yes there is no byte to withhold: the request itself will be refused.
        if !self.has_begun() {
            return;
        }
        let number =
            CUT_REASONS.iter().position(|r| *r == reason).map_or(NOT_CUT, |n| u8::try_from(n + 1).unwrap_or(1));
        self.gate.cut_running(self, || {
            if self.cut.compare_exchange(NOT_CUT, number, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                self.downloads.metrics.download_cut(reason);
            }
        });
    }

    /// The connection took octets of the body.
    pub fn took(&self, octets: u64) {
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    /// The body is at its end (`complete`), or was dropped before it.
    pub fn body_over(&self, complete: bool) {
        self.body_complete.store(complete, Ordering::Release);
        self.body_over.store(true, Ordering::Release);
    }

    pub(super) fn body_is_over(&self) -> bool {
        self.body_over.load(Ordering::Acquire)
    }

    /// The request was answered without a byte of the file.
    pub fn abandon(self: &Arc<Self>) {
        self.gate.forget(self);
        self.leave_registry();
    }

    /// Once only: its place may be another download's by now.
    fn leave_registry(&self) {
        if !self.left.swap(true, Ordering::AcqRel) {
            self.downloads.remove(self.key);
        }
    }

    /// Leaves the registry, and says how it ended. `flushed`: what the connection took is written.
    pub(super) fn leave(&self, flushed: bool) {
        self.leave_registry();
        let Some(on_end) = self.on_end.lock().take() else { return };
        let outcome = match self.cut.load(Ordering::Acquire) {
            NOT_CUT if flushed && self.body_complete.load(Ordering::Acquire) => Outcome::Complete,
            NOT_CUT => Outcome::Aborted,
            number => Outcome::Cut(CUT_REASONS[usize::from(number) - 1]),
        };
        on_end(Ended { outcome, octets: self.octets.load(Ordering::Relaxed) });
    }
}

/// The running downloads of this process.
pub struct Downloads {
    epoch: Instant,
    running: Mutex<Slab<Arc<Entry>>>,
    pub(super) wanted: Notify,
    pub(super) metrics: Arc<Metrics>,
}

impl Downloads {
    /// An empty registry.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        // The epoch lies a moment back, so that no yes has the number 0.
        let epoch = Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now);
        Arc::new(Self { epoch, running: Mutex::default(), wanted: Notify::new(), metrics })
    }

    /// Enters a download. To be called before a question is sent: no sweep that starts later can miss it then.
    pub fn enter(self: &Arc<Self>, capability: impl Into<Capability>, gate: &Arc<Gate>) -> Arc<Entry> {
        let capability = capability.into();
        let entry = {
            let mut running = self.running.lock();
            let place = running.vacant_entry();
            let entry = Arc::new(Entry {
                capability,
                registration: OnceLock::new(),
                gate: Arc::clone(gate),
                downloads: Arc::clone(self),
                key: place.key(),
                yes_sent: AtomicU64::new(0),
                dead: AtomicBool::new(false),
                body_over: AtomicBool::new(false),
                body_complete: AtomicBool::new(false),
                cut: AtomicU8::new(NOT_CUT),
                octets: AtomicU64::new(0),
                left: AtomicBool::new(false),
                on_end: Mutex::new(None),
            });
            place.insert(Arc::clone(&entry));
            entry
        };
        gate.admit(&entry);
        self.metrics.downloads_running.increment(1.0);
        entry
    }

    fn remove(&self, key: usize) {
        if self.running.lock().try_remove(key).is_some() {
            self.metrics.downloads_running.decrement(1.0);
        }
    }

    /// All that are running now.
    pub(super) fn snapshot(&self) -> Vec<Arc<Entry>> {
        self.running.lock().iter().map(|(_, entry)| Arc::clone(entry)).collect()
    }

    /// How many are running.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running.lock().len()
    }

    /// Asks for a sweep at once: something was revoked.
    pub fn sweep_soon(&self) {
        self.wanted.notify_one();
    }

    /// Cuts everything that is running.
    pub fn cut_all(&self, reason: CutReason) {
        for entry in self.snapshot() {
            entry.cut(reason);
        }
    }

    fn micros(&self, at: Instant) -> u64 {
        micros(at.saturating_duration_since(self.epoch))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

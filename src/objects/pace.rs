//! How fast a recipient takes what comes: what is read for them waits in memory until they do.

use std::time::{Duration, Instant};

/// What is read at once for a recipient that does not keep up, or of which nothing is known.
pub(super) const SMALL_READ_OCTETS: usize = 16 * 1024;
/// A recipient keeps up that takes so many octets
const QUICK_OCTETS: u64 = 512 * 1024;
/// in this time, on the average since that was last looked at: 5.2 MB/s.
const QUICK_WITHIN: Duration = Duration::from_millis(100);

/// How fast a recipient takes what comes.
pub(super) struct Pace {
    /// Since when `octets` came.
    since: Instant,
    octets: u64,
    keeps_up: bool,
}

impl Pace {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self::since(Instant::now())
    }

    /// As [`new`](Self::new), for who has just read the clock.
    pub(super) fn since(since: Instant) -> Self {
        Self { since, octets: 0, keeps_up: false }
    }

    /// So much came, and is handed over.
    pub(super) fn came(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(octets as u64);
    }

    /// Asked for more: whether the recipient keeps up.
    pub(super) fn keeps_up(&mut self) -> bool {
        self.keeps_up_at(Instant::now())
    }

    fn keeps_up_at(&mut self, now: Instant) -> bool {
        let took = now - self.since;
        if self.octets >= QUICK_OCTETS || took > QUICK_WITHIN {
            let quick = u128::from(QUICK_OCTETS) * took.as_micros();
            self.keeps_up = u128::from(self.octets) * QUICK_WITHIN.as_micros() >= quick;
            (self.since, self.octets) = (now, 0);
        }
        self.keeps_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_keeps_up_by_its_rate() {
        let mut now = Instant::now();
        let mut pace = Pace { since: now, octets: 0, keeps_up: false };
        let mut after = |ms: u64, octets: u64| {
            now += Duration::from_millis(ms);
            pace.came(usize::try_from(octets).unwrap());
            pace.keeps_up_at(now)
        };
        assert!(!after(0, QUICK_OCTETS - 1), "too little to tell");
        assert!(after(99, 1));
        assert!(after(50, QUICK_OCTETS / 4), "nothing new is known");
        assert!(!after(60, QUICK_OCTETS / 4), "2.3 MB/s");
        assert!(after(190, 2 * QUICK_OCTETS), "a large portion may take long");
        assert!(!after(210, 2 * QUICK_OCTETS));
        assert!(!after(10_000, 0));
        assert!(after(1, QUICK_OCTETS));
    }
}

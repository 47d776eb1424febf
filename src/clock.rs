//! The clock, as an argument: what the rules are told, and what tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

/// Tells the time of day. The one trait of the project.
pub trait Clock: Send + Sync + 'static {
    /// The time, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// A clock that everything shares.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SettableClock {
    unix_ms: AtomicI64,
}

impl SettableClock {
    /// A clock that stands at `time`.
    #[must_use]
    pub fn at(time: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self { unix_ms: AtomicI64::new(time.unix_timestamp() * 1000) })
    }

    /// Moves the clock, forwards or backwards.
    pub fn advance(&self, by: time::Duration) {
        let ms = i64::try_from(by.whole_milliseconds()).unwrap_or(0);
        self.unix_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> OffsetDateTime {
        let ms = self.unix_ms.load(Ordering::SeqCst);
        OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(ms)
    }
}

//! Small objects that are kept for whoever asks next: as octets, or as a file that stays open.
//!
//! Of an upload on a disk of this machine the open file is kept: the kernel then sends it from the page cache without a
//! copy, and one look at the open file (`fstat`) tells what a look at its name would at three times the cost, but for a
//! folder that was moved. Measured with 100 files of 20 kB: docs/BENCHMARKS.md.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::fstat;

use super::local::{Opened, Seen};
use super::local_read::{self, LocalBody};
use super::{Body, ObjectBody, ObjectError};

/// For so long after a look that found a file in the page cache it is taken to be there. Were it gone all the same, a
/// thread would wait for a disk once, as nginx's workers do for each file.
const WARM_FOR: Duration = Duration::from_secs(1);

/// A small object in one version.
#[derive(Clone)]
pub enum Small {
    /// All of its octets.
    Octets(Bytes),
    /// Its file.
    File(SmallFile),
}

/// Where octets of an object come from.
pub enum Source {
    /// They are in memory.
    Memory(Bytes),
    /// The store gives them.
    Store(ObjectBody),
}

impl Small {
    /// A range of its octets: in memory, or at hand in the page cache. `now` may be a
    /// little earlier: by as much longer a file is taken to be there still.
    ///
    /// # Errors
    /// As those of reading it; [`ObjectError::Changed`] for a range beyond it.
    pub async fn range(&self, range: Range<u64>, now: Instant) -> Result<Source, ObjectError> {
        match self {
            Self::Octets(octets) => slice(octets, range).map(Source::Memory),
            Self::File(file) if range.end > file.0.opened.seen.size => Err(ObjectError::Changed),
            Self::File(file) if file.is_warm(now) => Ok(Source::Store(file.body(range, now))),
            Self::File(file) => {
                let octets = local_read::whole(file.0.opened.clone()).await?;
                slice(&octets, range).map(Source::Memory)
            }
        }
    }

    /// Whether keeping it keeps anything that the store no longer has.
    #[must_use]
    pub fn is_had(&self) -> bool {
        match self {
            Self::Octets(_) => true,
            Self::File(file) => file.is_untouched(),
        }
    }
}

/// A file that stays open.
#[derive(Clone)]
pub struct SmallFile(Arc<Inner>);

struct Inner {
    opened: Opened,
    /// When its inode was changed last: also by taking its name away, or by giving it another one.
    touched: Touched,
    opened_at: Instant,
    /// Milliseconds after that, since when it is taken to be in the page cache; [`NEVER`] before the first look.
    warm_since_ms: AtomicU64,
}

type Touched = (i64, i64);

const NEVER: u64 = u64::MAX;

impl SmallFile {
    /// Keeps a file open whose octets never change. `None` for one that has to be read to be sent.
    pub(super) fn of(opened: &Opened) -> Option<Self> {
        let tells = || local_read::tells_what_is_cached(&opened.file);
        if !opened.prompt || !opened.lasting || opened.seen.size == 0 || !tells() {
            return None;
        }
        let (seen, touched, named) = look(opened)?;
        let kept = named && seen == opened.seen;
        let warm_since_ms = AtomicU64::new(NEVER);
        let inner = Inner { opened: opened.clone(), touched, opened_at: Instant::now(), warm_since_ms };
        kept.then(|| Self(Arc::new(inner)))
    }

    /// Whether the file is as it was opened, and under the name by which it was.
    pub(super) fn is_untouched(&self) -> bool {
        look(&self.0.opened).is_some_and(|now| now == (self.0.opened.seen, self.0.touched, true))
    }

    pub(super) fn is_warm(&self, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.0.opened_at).as_millis()).unwrap_or(NEVER);
        let since = self.0.warm_since_ms.load(Ordering::Relaxed);
        if since != NEVER && u128::from(now.saturating_sub(since)) < WARM_FOR.as_millis() {
            return true;
        }
        let warm = LocalBody::new(self.0.opened.clone(), 0..self.0.opened.seen.size).is_at_hand();
        self.0.warm_since_ms.store(if warm { now } else { NEVER }, Ordering::Relaxed);
        warm
    }

    fn body(&self, range: Range<u64>, now: Instant) -> ObjectBody {
        ObjectBody(Body::Local(LocalBody::warm(self.0.opened.clone(), range, now)))
    }
}

/// What the open file is now, when it was touched last, and whether it has a name.
fn look(opened: &Opened) -> Option<(Seen, Touched, bool)> {
    let stat = fstat(&opened.file).ok()?;
    let touched = (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).ok()?);
    Some((Seen::from(&stat), touched, stat.st_nlink > 0))
}

fn slice(whole: &Bytes, range: Range<u64>) -> Result<Bytes, ObjectError> {
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return Err(ObjectError::Changed);
    };
    if end > whole.len() { Err(ObjectError::Changed) } else { Ok(whole.slice(start..end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_exact_or_refused() {
        let whole = Bytes::from_static(b"0123456789");
        assert_eq!(slice(&whole, 2..5).unwrap(), "234");
        assert_eq!(slice(&whole, 0..10).unwrap(), "0123456789");
        assert!(slice(&whole, 5..11).is_err());
    }
}

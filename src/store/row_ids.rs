//! Numbers that are never used twice: the rows of projects and attachments, and link generations.

use std::sync::atomic::{AtomicI64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;

/// Bits below the milliseconds in an attachment's row number. Together with 42 bits of time they fit 63 bits until
/// the year 2109.
const BITS_BELOW_MS: u32 = 21;
/// How many of them are random at the start of a millisecond. The rest is room to count on: for 8,000 numbers or more, and
/// one transaction that draws more goes on into the milliseconds to come, which harms nothing.
const RANDOM_BITS: u32 = 20;
/// A number that is counted on comes up to 2^8 after the one before, by chance: a process that counts on just behind where
/// another one did would meet each of its numbers by steps of one.
const STEP_BITS: u32 = 8;

/// Random octets, for a mark.
///
/// # Panics
/// When the operating system gives no random numbers.
pub(super) fn random_octets<const OCTETS: usize>() -> [u8; OCTETS] {
    let mut octets = [0; OCTETS];
    #[expect(clippy::expect_used, reason = "without randomness no link may be killed or made")]
    SystemRandom::new().fill(&mut octets).expect("the operating system gives random numbers");
    octets
}

/// A random number from 1 to 2^63 − 1: a project's row, or a link generation.
///
/// # Panics
/// When the operating system gives no random numbers: a guessable generation would be worse.
pub(super) fn random() -> i64 {
    (i64::from_be_bytes(random_octets()) & i64::MAX).max(1)
}

/// Gives attachments their row numbers: ordered by time, so that rows registered together lie together, and never
/// used twice, so that a link to a deleted attachment opens nothing. A number that another process drew in the same
/// millisecond is refused by the database ([`StoreError::NumberTaken`]), and the transaction is run again.
///
/// [`StoreError::NumberTaken`]: super::StoreError::NumberTaken
#[derive(Debug, Default)]
pub(super) struct AttachmentRows {
    last: AtomicI64,
}

impl AttachmentRows {
    /// The next number. Within a process each is larger than the one before, whatever the clock does.
    pub(super) fn next(&self, now: OffsetDateTime) -> i64 {
        let unix_ms = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0).max(0);
        let drawn = random();
        let fresh = (unix_ms << BITS_BELOW_MS) | (drawn & ((1 << RANDOM_BITS) - 1));
        let step = 1 + ((drawn >> RANDOM_BITS) & ((1 << STEP_BITS) - 1));
        let after = |last: i64| fresh.max(last + step);
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        last.map_or(fresh, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn rows_of_attachments_only_grow() {
        let rows = AttachmentRows::default();
        let now = datetime!(2026-11-21 10:00 UTC);
        let mut last = 0;
        for step in 0..10_000 {
            let next = rows.next(now - time::Duration::milliseconds(step % 7));
            assert!(next > last);
            last = next;
        }
        assert!(rows.next(datetime!(2109-01-01 0:00 UTC)) > last);
        assert_ne!(AttachmentRows::default().next(now), AttachmentRows::default().next(now));
    }

    #[test]
    fn random_numbers_are_positive_and_differ() {
        let drawn: std::collections::HashSet<i64> = (0..1000).map(|_| random()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|n| *n > 0));
        assert!(drawn.iter().any(|n| *n > i64::MAX / 2));
    }
}

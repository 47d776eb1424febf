//! How often a client may ask for what is not there.
//!
//! Nobody guesses a token of 160 bits; this keeps those who try from filling the log and the database's time, and shows
//! them to the operator. Only what is not there is counted, and only that is refused: a genuine link works, or says why
//! it does not, however many others at the same address guess.

use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::NotFoundQuota;
use crate::edge::Client;

/// Clients that are remembered at once, at about 50 octets each. Those that are not told apart any more share one quota.
const MOST_CLIENTS: usize = 100_000;

/// Whom a miss is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Guesser {
    One(Client),
    /// All who come while [`MOST_CLIENTS`] are remembered.
    Others,
}

type Limiter<C> = RateLimiter<Guesser, HashMapStateStore<Guesser>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts, for each client, what was not there.
pub struct Guesses<C: Clock = MonotonicClock> {
    limiter: Option<Limiter<C>>,
    clock: C,
}

impl Guesses {
    /// No client has missed yet. `None`: they may as often as they like.
    #[must_use]
    pub fn new(quota: Option<NotFoundQuota>) -> Self {
        Self::with_clock(quota, MonotonicClock)
    }
}

impl<C: Clock + Clone> Guesses<C> {
    fn with_clock(quota: Option<NotFoundQuota>, clock: C) -> Self {
        let quota = quota.map(|quota| Quota::per_minute(quota.per_minute).allow_burst(quota.burst));
        Self { limiter: quota.map(|quota| RateLimiter::hashmap_with_clock(quota, clock.clone())), clock }
    }

    /// Counts a miss.
    ///
    /// # Errors
    /// One too many: how long it takes until the client may miss again.
    pub fn missed(&self, client: Client) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let guesser = if limiter.len() < MOST_CLIENTS { Guesser::One(client) } else { Guesser::Others };
        limiter.check_key(&guesser).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets the clients that might miss as often as if they never had. To be called every few seconds.
    pub fn forget_old(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn guesses(per_minute: u32, burst: u32) -> (Guesses<FakeRelativeClock>, FakeRelativeClock) {
        let whole = |number| NonZeroU32::new(number).unwrap();
        let clock = FakeRelativeClock::default();
        let quota = NotFoundQuota { per_minute: whole(per_minute), burst: whole(burst) };
        (Guesses::with_clock(Some(quota), clock.clone()), clock)
    }

    fn client(number: u32) -> Client {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let (guesses, clock) = guesses(60, 10);
        for _ in 0..10 {
            assert_eq!(guesses.missed(client(1)), Ok(()));
        }
        let wait = guesses.missed(client(1)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(guesses.missed(client(2)), Ok(()), "another client's own");
        clock.advance(Duration::from_millis(999));
        assert_eq!(guesses.missed(client(1)), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(guesses.missed(client(1)), Ok(()));
        assert!(guesses.missed(client(1)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_what_is_old_is_forgotten() {
        let (guesses, clock) = guesses(60, 10);
        let remembered = || guesses.limiter.as_ref().unwrap().len();
        for number in 0..2 * u32::try_from(MOST_CLIENTS).unwrap() {
            let _ = guesses.missed(client(number));
        }
        assert_eq!(remembered(), MOST_CLIENTS + 1, "and the others");
        assert!(guesses.missed(client(u32::MAX)).is_err(), "the others share one quota");
        guesses.forget_old();
        assert_eq!(remembered(), MOST_CLIENTS + 1);
        clock.advance(Duration::from_secs(12));
        guesses.forget_old();
        assert_eq!(remembered(), 0);
        assert_eq!(guesses.missed(client(u32::MAX)), Ok(()));
    }

    #[test]
    fn without_a_quota_nobody_is_refused() {
        let guesses = Guesses::new(None);
        assert!((0..100_000).all(|_| guesses.missed(client(1)).is_ok()));
    }
}

//! How much the kernel takes beyond what is on its way to a client: much while the client keeps up, little when it does
//! not.
//!
//! By itself it takes up to four megabytes (`net.ipv4.tcp_wmem`): thousands of slow clients would fill its memory, and
//! each would need minutes for what it holds without a sign of life that we could see. But a fast client that is given
//! little at a time costs the service twice the CPU for each octet (docs/BENCHMARKS.md). One that was fast and becomes
//! slow shows no sign of life until half of the much has left: within the default stall limit that takes 9 kB/s.

use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// For a client of which nothing is known, or that is slow. We hear of its progress when half of this has left: at the
/// default minimum rate, about once a minute. With a quarter of it, receivers were seen to buffer several times as much.
const LITTLE_OCTETS: u32 = 128 * 1024;
/// For one that keeps up.
const MUCH_OCTETS: u32 = 1024 * 1024;
/// So many octets are looked at together,
const LOOKED_AT_OCTETS: u64 = 1024 * 1024;
/// and a client keeps up that was waited for no longer while it took them: more than 6 MB/s.
const KEEPS_UP_WITHIN: Duration = Duration::from_millis(160);
/// Room again only after this is slow.
const SLOW: Duration = Duration::from_millis(250);

/// What one client takes.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    full_since: Option<Instant>,
    /// How long it was waited for, and what it took, since that was last looked at.
    waited: Duration,
    taken: u64,
    keeps_up: bool,
}

impl Unsent {
    /// The beginning: nothing is known.
    pub(super) fn begin(stream: &TcpStream) -> Self {
        limit(stream, LITTLE_OCTETS);
        Self::default()
    }

    /// The kernel takes no more.
    pub(super) fn full(&mut self) {
        self.full_since.get_or_insert_with(Instant::now);
    }

    /// It took something.
    pub(super) fn took(&mut self, octets: usize, stream: &TcpStream) {
        let wait = self.full_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let kept_up = self.keeps_up;
        self.waited(wait, octets as u64);
        if self.keeps_up != kept_up {
            limit(stream, if self.keeps_up { MUCH_OCTETS } else { LITTLE_OCTETS });
        }
    }

    fn waited(&mut self, wait: Duration, octets: u64) {
        self.waited += wait;
        // What fills the kernel's buffers at the beginning says nothing about the client.
        if self.waited.is_zero() {
            return;
        }
        self.taken += octets;
        let slow = wait >= SLOW;
        if slow || self.taken >= LOOKED_AT_OCTETS {
            self.keeps_up = !slow && (self.keeps_up || self.waited <= KEEPS_UP_WITHIN);
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
    }
}

/// Fails only when the client is gone already.
fn limit(stream: &TcpStream, octets: u32) {
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(octets);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_up_until_it_is_slow() {
        let mut unsent = Unsent::default();
        let mut after = |waits: &[u64], octets: u64| {
            for ms in waits {
                unsent.waited(Duration::from_millis(*ms), octets);
            }
            unsent.keeps_up
        };
        assert!(!after(&[0], 8 * LOOKED_AT_OCTETS), "it is not waited for yet");
        assert!(!after(&[20; 7], LOOKED_AT_OCTETS / 8));
        assert!(after(&[20], LOOKED_AT_OCTETS / 8));
        assert!(after(&[249, 100], LOOKED_AT_OCTETS), "a pause is no slowness");
        assert!(!after(&[250], 1));
        assert!(!after(&[21; 8], LOOKED_AT_OCTETS / 8));
        assert!(!after(&[10; 7], LOOKED_AT_OCTETS / 8));
        assert!(after(&[10], LOOKED_AT_OCTETS / 8));
    }
}

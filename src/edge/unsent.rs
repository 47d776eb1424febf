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
/// Room again after no more than this is what a client does that takes more than 6 MB/s.
const QUICK: Duration = Duration::from_millis(10);
/// So often in a row, which is after about a megabyte: then it keeps up.
const TIMES_IN_A_ROW: u32 = 8;
/// Room again only after this is slow.
const SLOW: Duration = Duration::from_millis(250);

/// What one client takes.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    full_since: Option<Instant>,
    quick_in_a_row: u32,
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
    pub(super) fn took(&mut self, stream: &TcpStream) {
        let Some(since) = self.full_since.take() else { return };
        let kept_up = self.keeps_up;
        self.waited(since.elapsed());
        if self.keeps_up != kept_up {
            limit(stream, if self.keeps_up { MUCH_OCTETS } else { LITTLE_OCTETS });
        }
    }

    fn waited(&mut self, wait: Duration) {
        self.quick_in_a_row = if wait <= QUICK { self.quick_in_a_row.saturating_add(1) } else { 0 };
        self.keeps_up = if self.keeps_up { wait < SLOW } else { self.quick_in_a_row >= TIMES_IN_A_ROW };
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
        let mut after = |waits: &[u64]| {
            for ms in waits {
                unsent.waited(Duration::from_millis(*ms));
            }
            unsent.keeps_up
        };
        assert!(!after(&[1; 7]));
        assert!(after(&[1]));
        assert!(after(&[11, 249, 100]), "a pause is no slowness");
        assert!(!after(&[250]));
        assert!(!after(&[1; 7]));
        assert!(!after(&[11]), "not in a row");
        assert!(!after(&[1; 7]));
        assert!(after(&[1]));
    }
}

//! What the kernel holds of running downloads, sampled: how much was handed to the network, at most.
//!
//! What a client receives may have been handed over long before. So the kernel is asked for both ends of each connection:
//! what the server's end has not got acknowledged, what the client's end has not read, and what the client has read, in the
//! order in which octets pass. Each octet handed over before the first question is counted at least once: whatever is
//! received beyond that number was handed over later, for certain.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::download::READ_OCTETS;
use super::record::Sample;
use super::recorder::Recorder;
use crate::binary::pause;

const TABLE: &str = "/proc/net/tcp";
const INTERVAL: Duration = Duration::from_millis(100);
/// 127.0.0.1, as the table writes it.
const LOOPBACK: &str = "0100007F";

/// One running download.
pub struct Running {
    server: u16,
    client: u16,
    received: Arc<AtomicU64>,
    samples: Mutex<Vec<Sample>>,
}

/// The running downloads that are sampled.
#[derive(Default)]
pub struct Watched {
    running: Mutex<Vec<Arc<Running>>>,
}

/// The two queues of each connection of this machine, by its own port and the other end's: sent, and received.
type Queues = HashMap<(u16, u16), (u64, u64)>;

impl Watched {
    pub fn begun(&self, server: u16, client: u16, received: Arc<AtomicU64>) -> Arc<Running> {
        let running = Arc::new(Running { server, client, received, samples: Mutex::default() });
        self.running.lock().push(Arc::clone(&running));
        running
    }

    /// It has ended: its samples.
    pub fn over(&self, running: &Arc<Running>) -> Vec<Sample> {
        self.running.lock().retain(|other| !Arc::ptr_eq(other, running));
        std::mem::take(&mut *running.samples.lock())
    }

    /// Samples all that runs, again and again, for as long as others hold this.
    pub fn sample_until_let_go(self: &Arc<Self>, recorder: &Recorder) {
        while Arc::strong_count(self) > 1 {
            self.sample(recorder);
            pause(INTERVAL);
        }
    }

    fn sample(&self, recorder: &Recorder) {
        let running: Vec<_> = self.running.lock().clone();
        if running.is_empty() {
            return;
        }
        let at = recorder.now();
        let (first, second) = (queues(), queues());
        for download in running {
            // The server's end is gone once it was closed: nothing more comes.
            let Some((sent, _)) = first.get(&(download.server, download.client)) else { continue };
            let unread = second.get(&(download.client, download.server)).map_or(0, |(_, unread)| *unread);
            // The client may have taken octets from its kernel that it has not counted yet.
            let received = download.received.load(Ordering::SeqCst) + READ_OCTETS as u64;
            download.samples.lock().push(Sample { at, handed_at_most: sent + unread + received });
        }
    }
}

fn queues() -> Queues {
    let table = fs::read_to_string(TABLE).expect("Linux has it");
    table.lines().skip(1).filter_map(line).collect()
}

/// `sl local_address rem_address st tx_queue:rx_queue …`, all of them hexadecimal.
fn line(line: &str) -> Option<((u16, u16), (u64, u64))> {
    let mut fields = line.split_whitespace().skip(1);
    let mut port = || {
        let (address, port) = fields.next()?.split_once(':')?;
        (address == LOOPBACK).then(|| u16::from_str_radix(port, 16).ok())?
    };
    let ends = (port()?, port()?);
    let (sent, received) = fields.nth(1)?.split_once(':')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((ends, (number(sent)?, number(received)?)))
}

#[test]
fn a_line_of_the_kernels_table_is_read() {
    let text =
        "   7: 0100007F:1F90 0100007F:D2F0 01 0000ABCD:00000010 01:00000014 00000000     0        0 123 2 f 20 4";
    assert_eq!(line(text), Some(((8080, 0xD2F0), (0xABCD, 16))));
    assert_eq!(line("   8: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 0 0 0 1 1"), None);
}

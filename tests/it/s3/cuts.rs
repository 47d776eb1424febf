//! Cut transfers, through the whole service: each recipient gets exactly the right octets, or a reset connection.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use parking_lot::Mutex;

use super::failing_store::{Place, Random, sample};
use crate::fault_server::{Fault, FaultServer};

/// Downloads at once, each of an object of its own.
const LANES: u64 = 8;

/// Where the transfers of each key are cut next, in octets of the object; transfers after the last are whole.
#[derive(Clone, Default)]
struct Armed(Arc<Mutex<HashMap<String, VecDeque<u64>>>>);

impl Armed {
    fn on(server: &FaultServer, cut: fn(u64) -> Fault) -> Self {
        let armed = Self::default();
        let cuts = Arc::clone(&armed.0);
        server.plan(move |get| match cuts.lock().get_mut(&get.key).and_then(VecDeque::pop_front) {
            Some(at) => cut(at.saturating_sub(get.from)),
            None => Fault::None,
        });
        armed
    }

    fn arm(&self, name: &str, cuts: impl Iterator<Item = u64>) {
        self.0.lock().insert(format!("acme/{name}"), cuts.collect());
    }

    fn is_used_up(&self, name: &str) -> bool {
        self.0.lock().get(&format!("acme/{name}")).is_none_or(VecDeque::is_empty)
    }
}

/// What is downloaded, and where it is cut: at each of `first`, and from there on every `stride` octets.
struct Cuts {
    object_octets: u64,
    part: Option<Range<u64>>,
    first: Vec<u64>,
    stride: u64,
    how: fn(u64) -> Fault,
}

impl Cuts {
    /// Wants every octet of each download all the same.
    async fn are_mended(self) {
        let place = Place::start(&[]).await;
        let armed = Armed::on(&place.server, self.how);
        let octets = sample(self.object_octets);
        let part = self.part.clone().unwrap_or(0..self.object_octets);
        let started = Instant::now();
        join_all((0..LANES).map(|lane| self.lane(lane, &place, &armed, &octets, &part))).await;
        println!("{} downloads, {} transfers, in {:?}", self.first.len(), place.server.gets(), started.elapsed());
    }

    async fn lane(&self, lane: u64, place: &Place, armed: &Armed, octets: &[u8], part: &Range<u64>) {
        let name = format!("lane-{lane}");
        let url = place.link(&name, octets).await;
        let expected = &octets[usize::try_from(part.start).unwrap()..usize::try_from(part.end).unwrap()];
        for first in self.first.iter().skip(usize::try_from(lane).unwrap()).step_by(usize::try_from(LANES).unwrap()) {
            let cuts = (part.start + first..=part.end).step_by(usize::try_from(self.stride).unwrap());
            armed.arm(&name, cuts);
            let got = place.download(&url, self.part.as_ref()).await;
            let got = got.unwrap_or_else(|| panic!("reset when cut at {first}"));
            assert!(got == *expected, "wrong octets when cut at {first}");
            // A cut right behind the last octet may come too late to be seen.
            assert!(armed.is_used_up(&name) || (part.end - part.start - first).is_multiple_of(self.stride), "{first}");
        }
    }
}

fn is_long() -> bool {
    std::env::var_os("ATTACHLINK_TEST_LONG").is_some()
}

/// How often a download is cut: whatever its part, each of its octets is one of the cuts of some download.
const CUTS_A_DOWNLOAD: u64 = 64;

/// Cuts at each octet, and behind the last.
async fn cut_at_each_octet(object_octets: u64, part: Option<Range<u64>>) {
    let stride = part.as_ref().map_or(object_octets, |part| part.end - part.start) / CUTS_A_DOWNLOAD;
    Cuts { object_octets, part, first: (0..stride).collect(), stride, how: Fault::Close }.are_mended().await;
}

/// Such an object is read whole before it is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_mended_at_every_octet() {
    cut_at_each_octet(64 * 1024, None).await;
}

/// A part of a larger object streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_stream_is_mended_at_every_octet() {
    let part = if is_long() { 64 * 1024 } else { 16 * 1024 };
    cut_at_each_octet(400_000, Some(300_001..300_001 + part)).await;
}

/// A whole stream: around each sixty-fourth of it, or, in the long form, everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_mended_at_every_octet() {
    const OBJECT: u64 = 1024 * 1024;
    if is_long() {
        return cut_at_each_octet(OBJECT, None).await;
    }
    let stride = OBJECT / CUTS_A_DOWNLOAD;
    let first = (0..30).chain(stride - 30..stride).collect();
    Cuts { object_octets: OBJECT, part: None, first, stride, how: Fault::Close }.are_mended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_and_clean_short_ends_are_mended_as_well() {
    for how in [Fault::Reset, Fault::CleanShortEnd] {
        for object_octets in [65_536, 400_000] {
            let first = (0..object_octets).step_by(3989).chain([1, object_octets - 1, object_octets]).collect();
            Cuts { object_octets, part: None, first, stride: 100_003, how }.are_mended().await;
        }
    }
}

/// Large objects, whole and in parts, cut at random places in random ways several times each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_objects_survive_many_cuts_at_random() {
    const OBJECT: u64 = 12_000_007;
    let rounds = if is_long() { 400 } else { 25 };
    let place = Place::start(&[("ATTACHLINK_S3_READ_TIMEOUT_MS", "300")]).await;
    let octets = sample(OBJECT);
    let url = place.link("large", &octets).await;
    for seed in 0..rounds {
        let mut random = Random(seed);
        let part = random.below(OBJECT - 1_000_000);
        let part = (seed % 2 == 1).then(|| part..part + 1 + random.below(OBJECT - part));
        let mut cuts_left = 3 + random.below(8);
        let mut begun = false;
        let mut random_cut = Random(seed + 1_000_000);
        place.server.plan(move |_| {
            if cuts_left == 0 {
                return Fault::None;
            }
            cuts_left -= 1;
            let begun = std::mem::replace(&mut begun, true);
            let after = random_cut.below(2_000_000);
            // The first one begins: what does not answer at all is a 503.
            match random_cut.below(8).max(if begun { 0 } else { 2 }) {
                0 => Fault::NoAnswer,
                1 => Fault::Status(503),
                2 => Fault::CleanShortEnd(after),
                3 => Fault::Reset(after),
                4 => Fault::Stall(after),
                _ => Fault::Close(after),
            }
        });
        let got = place.download(&url, part.as_ref()).await;
        let got = got.unwrap_or_else(|| panic!("reset, seed {seed}"));
        let expected = part.unwrap_or(0..OBJECT);
        let expected = &octets[usize::try_from(expected.start).unwrap()..usize::try_from(expected.end).unwrap()];
        assert!(got == *expected, "wrong octets, seed {seed}");
    }
}

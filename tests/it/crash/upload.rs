//! What is uploaded: bytes that follow from a seed.

use crate::random::Random;

/// The bytes of one upload, by which they are told from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    pub seed: u64,
    pub octets: usize,
}

impl Upload {
    /// A few octets, or several writes' worth.
    pub fn fresh(random: &mut Random) -> Self {
        let largest = [1, 2_000, 300_000, 1_200_000][usize::try_from(random.below(4)).expect("it is small")];
        Self { seed: random.next(), octets: usize::try_from(random.below(largest)).expect("it is small") }
    }

    pub fn bytes(self) -> Vec<u8> {
        let mut random = Random(self.seed);
        let mut bytes: Vec<u8> = (0..self.octets.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).collect();
        bytes.truncate(self.octets);
        bytes
    }
}

//! What is uploaded: bytes that follow from a seed.

/// `SplitMix64`: what is done, and when the process is killed, follows from the seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len().max(1) as u64);
        from.get(usize::try_from(place).expect("it is small")).copied()
    }
}

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

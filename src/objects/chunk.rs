//! The memory that bytes are read into, used again by the thread that drops it.
//!
//! Clearing 64 KiB of fresh memory for each read costs a good part of the read itself. Spare memory belongs to threads
//! and not to downloads, so a slow download holds only what waits for its socket.

use std::cell::RefCell;

use bytes::Bytes;

/// The octets of one read. From 64 KiB on, the cost of a system call no longer shows (design, 4).
pub(super) const CHUNK_OCTETS: usize = 64 * 1024;

/// How many spare pieces a thread keeps: 2 MiB, more than its sockets take up between two reads.
const SPARE_PIECES: usize = 32;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Initialised memory to read into.
pub(super) struct Chunk {
    octets: Vec<u8>,
    filled: usize,
}

impl Chunk {
    /// Room for `wanted` octets, at most [`CHUNK_OCTETS`]. Smaller ones get memory of just their size.
    pub(super) fn of(wanted: u64) -> Self {
        let size = usize::try_from(wanted).unwrap_or(CHUNK_OCTETS).min(CHUNK_OCTETS);
        let spare = if size == CHUNK_OCTETS { SPARE.with_borrow_mut(Vec::pop) } else { None };
        Self { octets: spare.unwrap_or_else(|| vec![0; size]), filled: 0 }
    }

    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.octets
    }

    /// The first `filled` octets, which were read.
    pub(super) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.filled]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.octets.len() != CHUNK_OCTETS {
            return;
        }
        let octets = std::mem::take(&mut self.octets);
        // A thread that ends keeps nothing.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_PIECES {
                spare.push(octets);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: u64 = CHUNK_OCTETS as u64;

    #[test]
    fn memory_is_used_again_but_only_what_was_read_shows() {
        let mut first = Chunk::of(WHOLE);
        first.room().fill(b'x');
        let place = first.room().as_ptr();
        drop(first.into_bytes(10));
        let mut second = Chunk::of(WHOLE * 3);
        assert_eq!(second.room().as_ptr(), place);
        second.room()[0] = b'y';
        assert_eq!(&second.into_bytes(1)[..], b"y");
    }

    #[test]
    fn what_is_shown_is_never_handed_out_again() {
        let mut first = Chunk::of(WHOLE);
        first.room().fill(b'x');
        let bytes = first.into_bytes(CHUNK_OCTETS);
        let part = bytes.slice(5..9);
        drop(bytes);
        Chunk::of(WHOLE).room().fill(b'y');
        assert_eq!(&part[..], b"xxxx");
    }

    #[test]
    fn a_thread_keeps_a_bounded_number() {
        let many: Vec<Chunk> = (0..SPARE_PIECES * 2).map(|_| Chunk::of(WHOLE)).collect();
        drop(many);
        assert_eq!(SPARE.with_borrow(Vec::len), SPARE_PIECES);
        assert_eq!(Chunk::of(10).room().len(), 10);
    }
}

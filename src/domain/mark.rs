//! The mark that each revocation leaves: by it a database that was restored from a backup is found out.

use std::fmt;

/// Number and random octets of one revocation. Two histories that went on from one backup differ in the octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Revocations are numbered in the order of their commits, from 1.
    pub number: u64,
    /// What tells it from the revocation of the same number in another history.
    pub random: [u8; 16],
}

/// The digits of a number in a name, so that names sort as numbers do.
const DIGITS: usize = 20;

impl Mark {
    /// The name of its object: the number, a hyphen, the octets in hex.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:0DIGITS$}-{:032x}", self.number, u128::from_be_bytes(self.random))
    }

    /// Reads a name back. `None` for what is no mark's.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (number, random) = name.split_once('-')?;
        let number = number.parse().ok()?;
        let mark = Self { number, random: u128::from_str_radix(random, 16).ok()?.to_be_bytes() };
        (mark.name() == name).then_some(mark)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_sort_as_numbers_do() {
        let mark = Mark { number: 17, random: [0xab; 16] };
        assert_eq!(Mark::from_name(&mark.name()), Some(mark));
        assert!(Mark { number: 9, random: [255; 16] }.name() < Mark { number: 10, random: [0; 16] }.name());
        for bad in ["", "1-2", "x", &mark.name()[1..], &format!("{}0", mark.name()), &mark.name().to_uppercase()] {
            assert_eq!(Mark::from_name(bad), None, "{bad}");
        }
    }
}

//! Inputs made from others by chance.

use crate::random::Random;

/// How long an input may grow, in octets.
const MAX_OCTETS: usize = 4096;
/// The most changes in one input.
const MOST_CHANGES: u64 = 6;

/// What parsers are most often wrong about.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b" ",
    b"\"",
    b"\\",
    b"%00",
    b"%2e%2e%2f",
    b"../",
    b",",
    b";",
    b"-",
    b"=",
    b"{}",
    b"[[[[[[[[",
    b"null",
    b"1e999",
    b"-0.0",
    b"18446744073709551616",
    b"9007199254740993",
    b"\\ud800",
    "\u{202e}\u{feff}\u{10ffff}".as_bytes(),
    b"\xff\xc0\x80",
];

/// An input of the corpus, changed in a few places.
pub fn made(random: &mut Random, corpus: &[&[u8]]) -> Vec<u8> {
    let mut input = random.pick(corpus).unwrap_or_default().to_vec();
    for _ in 0..=random.below(MOST_CHANGES) {
        let other = random.pick(corpus).unwrap_or_default();
        change(random, &mut input, other);
    }
    input.truncate(MAX_OCTETS);
    input
}

fn place(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64 + 1)).expect("it is small")
}

fn change(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let (at, to) = (place(random, input.len()), place(random, input.len()));
    let (from, to) = (at.min(to), at.max(to));
    match random.below(8) {
        0 => flip(random, input),
        1 => input.truncate(at),
        2 => drop(input.drain(from..to)),
        3 => {
            let twice = input[from..to].to_vec();
            insert(input, at, &twice);
        }
        4 => insert(input, at, random.pick(&PIECES).unwrap_or_default()),
        5 => input.splice(from..to, random.pick(&PIECES).unwrap_or_default().iter().copied()).for_each(drop),
        6 => insert(input, at, &[random.next().to_le_bytes()[0]]),
        // The beginning of this one with the end of another.
        _ => input.splice(at.., other[place(random, other.len())..].iter().copied()).for_each(drop),
    }
}

fn flip(random: &mut Random, input: &mut [u8]) {
    let at = place(random, input.len().saturating_sub(1));
    if let Some(octet) = input.get_mut(at) {
        *octet ^= 1 << random.below(8);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, octets: &[u8]) {
    if input.len() + octets.len() <= MAX_OCTETS {
        input.splice(at..at, octets.iter().copied());
    }
}

#![no_main]

#[path = "../../tests/it/fuzz/media.rs"]
mod media;

libfuzzer_sys::fuzz_target!(|input: &[u8]| media::check(input));

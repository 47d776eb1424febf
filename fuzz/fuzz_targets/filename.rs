#![no_main]

#[path = "../../tests/it/fuzz/filename.rs"]
mod filename;

libfuzzer_sys::fuzz_target!(|input: &[u8]| filename::check(input));

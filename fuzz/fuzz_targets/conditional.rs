#![no_main]

#[path = "../../tests/it/fuzz/conditional.rs"]
mod conditional;

libfuzzer_sys::fuzz_target!(|input: &[u8]| conditional::check(input));

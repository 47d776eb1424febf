#![no_main]

#[path = "../../tests/it/fuzz/public.rs"]
mod public;

libfuzzer_sys::fuzz_target!(|input: &[u8]| public::check(input));

#![no_main]

#[path = "../../tests/it/fuzz/client.rs"]
mod client;

libfuzzer_sys::fuzz_target!(|input: &[u8]| client::check(input));

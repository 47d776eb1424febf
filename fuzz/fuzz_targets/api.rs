#![no_main]

#[path = "../../tests/it/fuzz/api.rs"]
mod api;
#[allow(dead_code)]
#[path = "../../tests/it/api_router.rs"]
mod api_router;

libfuzzer_sys::fuzz_target!(|input: &[u8]| api::check(input));

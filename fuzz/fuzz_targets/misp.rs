//! Events and answers of MISP, as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::intelligence::file(weir_intel::Format::Misp, bytes));

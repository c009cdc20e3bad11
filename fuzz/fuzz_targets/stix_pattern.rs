//! Patterns of STIX.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::intelligence::pattern(bytes));

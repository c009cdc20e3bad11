//! Tables of indicators.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::intelligence::file(weir_intel::Format::Table, bytes));

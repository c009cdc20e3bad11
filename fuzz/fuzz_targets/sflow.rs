//! Datagrams of sFlow v5.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::export::run(weir_fuzz::export::Format::SFlow, bytes));

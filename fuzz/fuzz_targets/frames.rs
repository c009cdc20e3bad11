//! Frames of captures, of all link types.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::frames::run(bytes));

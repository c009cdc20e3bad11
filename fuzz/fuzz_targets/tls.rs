//! A conversation of TLS, and certificates.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::conversation::tls(bytes));

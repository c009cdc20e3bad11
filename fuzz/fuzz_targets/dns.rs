//! What is said on the ports of DNS, over UDP and TCP.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::conversation::dns(bytes));

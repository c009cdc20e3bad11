//! IPFIX messages of streams, and their ends.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_fuzz::export::run(
    weir_fuzz::export::Format::IpfixStream,
    bytes
));

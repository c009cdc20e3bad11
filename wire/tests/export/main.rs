//! The decoder of exported flow records, as the collector meets it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "helpers of tests: what goes wrong here shall fail, and skipping is said"
)]

mod corpora;
mod corpus;
mod golden;
mod oracle;
mod sink;

//! The decoder of exported flow records, as the collector meets it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong here shall fail, and skipping is said"
)]

mod build;
mod corpora;
mod corpus;
mod golden;
mod hostile;
mod oracle;
mod rules;
mod sink;

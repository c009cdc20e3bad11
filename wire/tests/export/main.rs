//! The decoder of exported flow records, as the collector meets it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, and skipping is said"
)]

mod corpora;
mod corpus;
mod sink;

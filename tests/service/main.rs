//! `weir run` as a service: what it tells the service manager, what its journal gets, what confines it, and its units.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, patience is measured by the clock, what is skipped is said"
)]

mod confined;
mod journal;
mod probe;
mod units;
mod watched;

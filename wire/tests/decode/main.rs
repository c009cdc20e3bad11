//! The decoder against inputs that nobody on this project wrote, against another decoder, and against anything.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, and skipping is said"
)]

mod captures;
mod community_id;
mod hostile;
mod oracle;
mod peek;

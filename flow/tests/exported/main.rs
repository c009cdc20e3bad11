//! Exported records to flows.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there in a test makes it fail, as it should"
)]

mod budget;
mod cases;
mod kit;
mod oracle;

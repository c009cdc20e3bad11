//! What the program says of captures that nobody on this project wrote, against what others say of them
//! (`docs/AGREEMENT.md`). `make agreement` runs these and prints the table.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: what goes wrong here shall fail"
)]

mod arkime;
#[path = "../common/mod.rs"]
mod common;
mod community_id;
mod ja4;
mod program;

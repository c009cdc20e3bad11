//! Memory for large tables: arrays that are reserved whole, lie on huge pages where the kernel gives them, and can be
//! fetched ahead; files that are mapped instead of read.
//!
//! Looking up one of millions of entries costs a cache miss and, on pages of 4 KiB, a miss of the address translation as
//! well. Huge pages take the second away; fetching ahead lets many misses pass at the same time. Both need
//! `unsafe`, which is why they are here and nowhere else; what this crate offers is safe.

#![expect(
    unsafe_code,
    reason = "the memory of this process is asked of the kernel, and its cache is given hints"
)]

mod mapped;
mod pages;
mod prefetch;
mod reserved;

pub use mapped::Mapped;
pub use prefetch::{fetch, fetch_address, fetch_value};
pub use reserved::{Pages, Reserved};

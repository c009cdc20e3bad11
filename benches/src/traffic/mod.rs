//! Traffic made to order: Ethernet frames with valid checksums, the same for the same profile, seed and flow count.
//!
//! Addresses inside are 10.0.0.0/8 and 2001:db8:20::/48; outside are 198.18.0.0/15 (RFC 2544) and 2001:db8:8000::/33.
//! Names end in `.example`. What each [`Profile`] holds is said there.
//!
//! - [`profile`]: which conversation speaks next;
//! - `conversation`: the packets of one, in order; `tls`, `quic`, `dns`: what it says;
//! - `packet`: headers and checksums; [`chance`]: repeatable chance.

mod address;
pub mod chance;
mod conversation;
mod dns;
mod names;
mod packet;
pub mod profile;
mod quic;
mod tls;

#[cfg(test)]
mod tests;

pub use profile::{Profile, Traffic};

//! Bytes to meaning: what a frame holds, and what a payload says.
//!
//! Nothing here does I/O, reads a clock, or panics on any input. Each format has a file of its own that names the
//! specification it follows.
//!
//! - [`decode`]: a frame to the packet in it (link layer, VLAN, MPLS, tunnels, IP, fragments, transport).
//! - [`export`]: datagrams of NetFlow, IPFIX and sFlow to flow records.
//! - [`inspect`]: the bytes of a conversation to what they say (DNS, TLS, QUIC, HTTP/1 and HTTP/2), as observations.

pub mod cursor;
pub mod decode;
pub mod dns;
pub mod export;
pub mod http;
pub mod http2;
pub mod inspect;
pub mod packet;
pub mod quic;
pub(crate) mod text;
pub mod tls;

pub use decode::{DecodeConfig, DecodeStats, Decoder, Gather, Peeked, peek, peek_closer, peek_plain};
pub use inspect::{DatagramInspector, Side, StreamInspector};
pub use packet::{About, Packet, Rare, TcpFields, Transport};

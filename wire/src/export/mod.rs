//! Flow records that routers export: NetFlow v1, v5, v7, v9, IPFIX and sFlow v5.
//!
//! [`ExportDecoder::datagram`] takes a datagram and hands records, and headers of sampled packets, to an [`ExportSink`]. There
//! is one decoder per collector thread, and all datagrams of an exporter must reach the same one.
//!
//! - **State** is keyed by (exporter's address, version, observation domain or source id), never by source port, which
//!   exporters change and strangers choose. It is bounded ([`ExportLimits`]): per exporter first, then in all; exporters that have
//!   proved themselves are not pushed out by newcomers, so a flood of forged source addresses reaches only other newcomers.
//! - **Templates** compile into plans: steps that copy bytes at fixed offsets to fields. They live by packet
//!   time. Data that comes before its template waits, bounded, and is decoded when it comes.
//! - **Division of labour**: `netflow_parser` reads templates, and datagrams of v5 and v7. Data records of v9 and IPFIX are
//!   read by the plans, because the crate builds a vector of values per record; and its caches, which are keyed by
//!   socket address and live by a clock of its own, are not used. It is the oracle of the tests: all records of all datagrams
//!   of the corpora, value by value.
//! - **Sampling** that the operator configured ([`ExportDecoder::set_configured_sampling`]) fills what exporters leave open.
//! - **Loss** by sequence numbers, restarts and wrong clocks are counted per exporter ([`ExportStats`]).
//!
//! Nothing here panics on any bytes; what cannot be read is refused with a reason ([`Refused`]) and counted.

mod configured;
mod decoder;
mod domain;
mod element;
mod exporter;
mod exporters;
mod fixed;
mod limits;
mod lru;
mod message;
mod number;
mod options;
mod plan;
mod refused;
mod sequence;
mod sflow;
mod snapshot;
mod stats;
mod template;
mod time;

pub use configured::Precedence;
pub use decoder::{ExportDecoder, ExportSink, ExporterStatus, Notice};
pub use limits::ExportLimits;
pub use refused::{Reasons, Refused};
pub use sequence::SequenceStats;
pub use snapshot::RestoreError;
pub use stats::ExportStats;
pub use time::export_time;

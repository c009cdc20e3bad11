//! Packets to flows: tables, timers, streams, and which name belongs to which address.
//!
//! This crate decides from packets and their times alone; it does no I/O and reads no clock.
//!
//! - [`table`]: the flow table and whom it tells; [`config`] its limits, [`stats`] its books, [`effort`] what it leaves out under overload;
//! - `index`, `slots`, `timers`: where a flow is found, and the queues and lists that flows stand in;
//! - `ends`, `entry`, `ended`, `orientation`, [`timeouts`], `tcp`, `icmp`: what a flow is, who began it, when it ends;
//! - `unresolved`: flows that wait for their names until all workers have got as far;
//! - `reading`, [`streams`], `facts`: what payloads say, TCP put in order as far as needed;
//! - [`exported`]: records of routers to flows, in one map for all threads;
//! - [`passive_dns`], [`answers`]: which name an address had, for whom and when.

pub mod answers;
pub mod config;
pub mod effort;
mod ended;
mod ends;
mod entry;
pub mod exported;
mod facts;
mod icmp;
mod index;
mod orientation;
pub mod passive_dns;
mod reading;
mod side;
mod slots;
pub mod stats;
pub mod streams;
pub mod table;
mod tcp;
pub mod timeouts;
mod timers;
mod unresolved;

pub use config::{FlowConfig, IcmpNotes};
pub use effort::{Effort, Shed};
pub use ended::Ended;
pub use exported::{
    EndedExported, ExportedBatch, ExportedFlowStats, ExportedFlows, ExportedFlowsConfig, ExportedSink,
    SweepPlace,
};
pub use passive_dns::{PassiveDns, PassiveDnsConfig, PassiveDnsStats, ROUND_PACKETS};
pub use stats::FlowStats;
pub use streams::StreamStats;
pub use table::{FlowSink, FlowTable, Whence};
pub use timeouts::Clock;

//! Packets to flows: tables, timers, streams, and which name belongs to which address.
//!
//! This crate decides from packets and their times alone; it does no I/O and reads no clock.
//!
//! - [`table`]: the flow table and whom it tells; [`config`] its limits, [`stats`] its books;
//! - `index`, `slots`: where a flow is found, and the queues that flows stand in;
//! - `ends`, `entry`, `orientation`, `timeouts`, `tcp`, `icmp`: what a flow is, who began it, when it ends;
//! - `reading`, [`streams`], `facts`: what payloads say, TCP put in order as far as needed;
//! - [`passive_dns`], [`answers`]: which name an address had, for whom and when.

pub mod answers;
pub mod config;
mod ends;
mod entry;
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
mod timeouts;

pub use config::FlowConfig;
pub use passive_dns::{PassiveDns, PassiveDnsConfig, PassiveDnsStats};
pub use stats::FlowStats;
pub use streams::StreamStats;
pub use table::{FlowSink, FlowTable};

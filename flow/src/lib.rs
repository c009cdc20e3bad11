//! Packets to flows: tables, timers, streams, and which name belongs to which address.
//!
//! This crate decides from packets and their times alone; it does no I/O and reads no clock.

pub mod table;

pub use table::{FlowConfig, FlowSink, FlowStats, FlowTable};

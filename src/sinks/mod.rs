//! Where what is told goes: opens the sinks of the configuration, runs their couriers, says how they are.
//!
//! ```text
//!   desk --append--> spool --cursor--> courier --> sink       a thread for each way out of a sink
//!   clerk --put--> hatch ---------------^                    a queue, or a depot on the disk
//!                 overlook <--watch------/                    what /metrics, weir status and the ledger show
//! ```

mod commands;
mod depots;
mod overlook;
mod post;
mod staff;
mod tasting;

pub(crate) use commands::run;
pub(crate) use overlook::{FreightRow, Overlook, SinkRow};
pub(crate) use staff::{Deliveries, Sinks};

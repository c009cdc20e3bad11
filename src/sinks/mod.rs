//! Where what is told goes: opens the sinks of the configuration, runs their couriers, says how they are.
//!
//! ```text
//!   desk --append--> spool --cursor--> courier --> sink       a thread for each way out of a sink
//!   clerk --put--> hatch ---------------^
//!                 overlook <--watch------/                    what /metrics, weir status and the ledger show
//! ```

mod commands;
mod overlook;
mod staff;
mod tasting;

pub(crate) use commands::run;
pub(crate) use overlook::{Overlook, SinkRow};
pub(crate) use staff::{Delivery, Sinks};

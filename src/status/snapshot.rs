//! What a running Weir says of itself: the JSON of `/status`, and all that `weir status` shows.

use crate::latency::Quantiles;
use crate::ledger::Ledger;
use serde::{Deserialize, Serialize};

/// The form of the answer; a Weir that answers in another is not understood.
pub(crate) const VERSION: u32 = 1;

/// A running Weir at one moment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Status {
    pub version: u32,
    pub program: String,
    pub process: u32,
    pub running_seconds: u64,
    /// A signal came: what is under way is finished.
    pub is_ending: bool,
    pub interfaces: Vec<InterfaceStatus>,
    pub workers: Vec<WorkerStatus>,
    pub flows_begun: u64,
    pub flows_open: u64,
    pub incidents_open: u64,
    /// Lines of alerts, by notice.
    pub alerts: Vec<Count>,
    /// What queues between threads had no room for.
    pub lost: Vec<Count>,
    /// What went from worker to worker, because only decoding told whose it is.
    #[serde(default)]
    pub lanes: Vec<Count>,
    /// Packet on the wire to alert written, in microseconds.
    pub latency: Quantiles,
    pub stages: Vec<StageStatus>,
    pub is_balanced: bool,
    pub ledger: Ledger,
}

/// An interface.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct InterfaceStatus {
    pub name: String,
    pub is_up: bool,
    /// `up`, `down` or `absent`.
    pub state: String,
    pub went_down: u64,
    pub packets: u64,
    pub kernel_drops: u64,
    pub before_joining: u64,
    pub interface_drops: u64,
    pub freezes: u64,
}

/// A worker.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct WorkerStatus {
    pub packets: u64,
    pub bytes: u64,
    pub flows_open: u64,
    /// Share of the time since the start in which it was at work, in thousandths.
    pub busy_permille: u64,
}

/// A name and a count.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Count {
    pub name: String,
    pub count: u64,
}

/// How long a stage takes for a batch, in microseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct StageStatus {
    pub stage: String,
    pub total_us: u64,
    pub batch: Quantiles,
}

impl Status {
    /// Whether nobody has to look after anything.
    pub(crate) fn is_well(&self) -> bool {
        let is_up = |interface: &InterfaceStatus| {
            interface.is_up && interface.kernel_drops == 0 && interface.interface_drops == 0
        };
        self.is_balanced && self.interfaces.iter().all(is_up) && self.lost.iter().all(|lost| lost.count == 0)
    }
}

//! What a running Weir says of itself: the JSON of `/status`, and all that `weir status` shows.

use super::intel::IntelStatus;
use crate::latency::Quantiles;
use crate::ledger::Ledger;
use crate::sinks::SinkRow;
use serde::{Deserialize, Serialize};

/// The form of the answer; a Weir that answers in another is not understood.
pub(crate) const VERSION: u32 = 1;

/// A running Weir at one moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Status {
    pub version: u32,
    pub program: String,
    pub process: u32,
    pub running_seconds: u64,
    /// A signal came: what is under way is finished.
    pub is_ending: bool,
    pub interfaces: Vec<InterfaceStatus>,
    pub workers: Vec<WorkerStatus>,
    /// What listens to routers.
    #[serde(default)]
    pub collector: Option<CollectorStatus>,
    /// Where what is told goes.
    #[serde(default)]
    pub sinks: Vec<SinkRow>,
    /// Where sources of intelligence are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligence: Option<IntelStatus>,
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
    /// Of each thread that takes packets or records.
    #[serde(default)]
    pub canaries: Vec<CanaryStatus>,
    /// Packet on the wire to message durable in the spool, in microseconds.
    pub latency: Quantiles,
    pub stages: Vec<StageStatus>,
    pub is_balanced: bool,
    pub ledger: Ledger,
}

/// A thread's canary: an observation of our own that goes the whole way.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct CanaryStatus {
    pub thread: String,
    /// Since the last one came through.
    pub age_seconds: u64,
    /// It should have long come.
    pub is_late: bool,
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct WorkerStatus {
    pub packets: u64,
    pub bytes: u64,
    pub flows_open: u64,
    /// Share of the time since the start in which it was at work, in thousandths.
    pub busy_permille: u64,
}

/// What listens to routers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct CollectorStatus {
    pub sockets: Vec<SocketStatus>,
    pub threads: Vec<CollectorThreadStatus>,
    /// Those that are named in the settings, in order.
    pub exporters: Vec<ExporterRow>,
    /// The largest of those that are not.
    pub others: Vec<ExporterRow>,
    /// How many there are of these.
    pub others_known: u64,
    /// All of them together, those that are forgotten too.
    pub other: ExporterRow,
    /// Datagrams of exporters that are not in the list.
    pub not_in_list: u64,
}

/// An address at which routers are heard, over all threads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct SocketStatus {
    /// `udp 0.0.0.0:2055`, `tcp ...`, `tls ...`.
    pub name: String,
    /// Datagrams, or messages of streams.
    pub datagrams: u64,
    pub bytes: u64,
    /// Datagrams for which the receive buffer had no room.
    pub kernel_drops: u64,
    /// What the kernel granted for each socket; none for streams.
    pub buffer_bytes: Option<u64>,
    /// Streams that are open; none for datagrams.
    pub sessions: Option<u64>,
    /// Streams that were cut off or turned away, because they were slow, sent what is no IPFIX, or were too many.
    pub cut_off: u64,
}

/// A thread that receives and decodes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct CollectorThreadStatus {
    pub datagrams: u64,
    pub records: u64,
    /// As for workers.
    pub busy_permille: u64,
}

/// An exporter, or several of them together.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ExporterRow {
    /// Its address, or `other`.
    pub exporter: String,
    /// Seconds since its last datagram; none, if there was none.
    pub silent_seconds: Option<u64>,
    pub datagrams: u64,
    pub bytes: u64,
    pub records: u64,
    /// Headers of sampled packets.
    pub samples: u64,
    /// Units (flows, datagrams, records) that its sequence numbers say were sent and that did not come.
    pub lost: u64,
    pub restarts: u64,
    /// It looks at one packet in so many; none, if that is not known.
    pub sampled_one_in: Option<u32>,
    /// Its clock less ours.
    pub clock_skew_ms: i64,
    pub templates: u64,
    /// Bytes that wait for a template.
    pub waiting_bytes: u64,
    /// Data sets that were not read for want of a template: no room to wait, or it did not come in time.
    pub without_template: u64,
    /// What was not taken, by reason.
    pub refused: Vec<Count>,
    /// What a person should look after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
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
        self.is_balanced
            && self.interfaces.iter().all(is_up)
            && self.collector.as_ref().is_none_or(CollectorStatus::is_well)
            && self.intelligence.as_ref().is_none_or(IntelStatus::is_well)
            && self.lost.iter().all(|lost| lost.count == 0)
            && self.sinks.iter().all(SinkRow::is_well)
            && !self.canaries.iter().any(|canary| canary.is_late)
    }
}

impl CollectorStatus {
    fn is_well(&self) -> bool {
        self.sockets.iter().all(|socket| socket.kernel_drops == 0)
            && self.exporters.iter().all(|exporter| exporter.trouble.is_none())
    }
}

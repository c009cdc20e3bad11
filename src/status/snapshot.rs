//! What a running Weir says of itself: the JSON of `/status`, and all that `weir status` shows.

use super::clock::ClockStatus;
use super::intel::{IntelStatus, SetStatus};
use super::losses::Loss;
use super::reload::ReloadStatus;
use crate::latency::Quantiles;
use crate::ledger::Ledger;
use crate::process::Disk;
use crate::sandbox::Part;
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
    /// When it began, in seconds since 1970.
    #[serde(default)]
    pub started: u64,
    pub running_seconds: u64,
    /// The same, to make rates from two looks.
    #[serde(default)]
    pub uptime_ms: u64,
    /// A signal came: what is under way is finished.
    pub is_ending: bool,
    /// The clock by which it has its times.
    #[serde(default)]
    pub clock: ClockStatus,
    /// What it needs to do its work, see [`Check`].
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Threads that must make progress.
    #[serde(default)]
    pub threads: Vec<ThreadStatus>,
    /// Since when what flows is compared with indicators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<ArmedStatus>,
    pub interfaces: Vec<InterfaceStatus>,
    pub workers: Vec<WorkerStatus>,
    /// What listens to routers.
    #[serde(default)]
    pub collector: Option<CollectorStatus>,
    /// Where what is told goes.
    #[serde(default)]
    pub sinks: Vec<SinkRow>,
    /// Where messages wait for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolStatus>,
    /// The file system of the state directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    /// The set that counts, also where there are no sources.
    #[serde(default)]
    pub indicators: SetStatus,
    /// Where sources of intelligence are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intelligence: Option<IntelStatus>,
    /// What the program gave up, and whether that holds.
    #[serde(default)]
    pub sandbox: Vec<Part>,
    pub flows_begun: u64,
    pub flows_open: u64,
    /// How many flows each table has, and may have.
    #[serde(default)]
    pub tables: Vec<TableStatus>,
    pub incidents_open: u64,
    /// Indicators that flows met.
    #[serde(default)]
    pub hits: u64,
    /// Lines of alerts, by notice.
    pub alerts: Vec<Count>,
    /// What became of messages.
    #[serde(default)]
    pub messages: Vec<Count>,
    /// Mutes that are in force.
    #[serde(default)]
    pub mutes_active: u64,
    /// What waits between threads.
    #[serde(default)]
    pub queues: Vec<QueueStatus>,
    /// What queues between threads had no room for.
    pub lost: Vec<Count>,
    /// All that was lost, and when last.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// What went from worker to worker, because only decoding told whose it is.
    #[serde(default)]
    pub lanes: Vec<Count>,
    /// Of each thread that takes packets or records.
    #[serde(default)]
    pub canaries: Vec<CanaryStatus>,
    /// Packet on the wire to message durable in the spool, in microseconds.
    pub latency: Quantiles,
    pub stages: Vec<StageStatus>,
    /// What came of reading the configuration again.
    #[serde(default)]
    pub reload: ReloadStatus,
    pub is_balanced: bool,
    pub ledger: Ledger,
}

/// When what flows was first compared with indicators.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ArmedStatus {
    /// In seconds since 1970.
    pub at: u64,
    /// So long after the program began.
    pub after_ms: u64,
}

/// Something that must be so before all that is configured is done.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// `eth1 is captured from`, `indicators are armed`.
    pub what: String,
    pub is_met: bool,
}

/// A thread that must make progress.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ThreadStatus {
    pub name: String,
    /// Since it last did.
    pub silent_ms: u64,
}

/// A table of flows.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct TableStatus {
    /// `packets` or `records`.
    pub name: String,
    pub flows_open: u64,
    /// How many may be.
    pub capacity: u64,
}

/// A queue between threads.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct QueueStatus {
    pub name: String,
    pub length: u64,
    pub capacity: u64,
}

/// Where messages wait for sinks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct SpoolStatus {
    pub bytes: u64,
    pub limit_bytes: u64,
    pub messages: u64,
    /// Age of the oldest; none while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<u64>,
    /// Messages that were ever appended.
    pub appended: u64,
    /// Those that fell off the end before all sinks had them.
    pub expired: u64,
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
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
    /// That time, in microseconds.
    #[serde(default)]
    pub busy_us: u64,
    /// What it does of each packet, if it cannot do everything.
    #[serde(default)]
    pub reduced_to: Option<String>,
    /// Packets whose payload was passed over, and packets of small flows that did not begin, because it could not keep up.
    #[serde(default)]
    pub payloads_left_out: u64,
    #[serde(default)]
    pub packets_left_out: u64,
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
    #[serde(default)]
    pub busy_us: u64,
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
    /// Whether all that it needs to do its work is there.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_ending && self.checks.iter().all(|check| check.is_met)
    }
}

//! Where the threads of a run put up what they counted, and where whoever asks reads it.
//!
//! Each thread writes only its own place, a few times a second, so nothing on the way of a packet waits for whoever reads.

use super::cage::Cage;
use super::clock;
use super::collector::{Exporters, SeenCollector, Terms};
use super::losses::Losses;
use super::outbox::Sent;
use super::overload::OverloadCounts;
use super::source::Interfaces;
use super::tables::TablesReport;
use crate::collect::CollectorReport;
use crate::latency::{Latency, StageTimes};
use crate::ledger::Entry;
use crate::sinks::{Overlook, SinkRow};
use crate::status::{ArmedStatus, SpoolStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use weir_capture::collector::CollectorMonitor;
use weir_capture::live::InterfaceStats;
use weir_flow::ExportedFlows;
use weir_rules::{FlowHits, IncidentStats};

/// What a worker puts up.
#[derive(Clone, Debug)]
pub(super) struct WorkerView {
    pub report: TablesReport,
    pub sent: Sent,
    pub overload: OverloadCounts,
}

/// What a collector's thread puts up.
#[derive(Clone, Debug)]
pub(super) struct CollectorView {
    pub report: CollectorReport,
    pub exporters: Exporters,
    pub sent: Sent,
    pub times: StageTimes,
    /// Of going over open flows with new indicators.
    pub sweeps: StageTimes,
}

/// What the desk of alerts puts up.
#[derive(Clone, Debug)]
pub(super) struct DeskView {
    pub incidents: IncidentStats,
    /// Hits that came with flows that ended.
    pub hits: u64,
    pub messages: MessageCounts,
    pub cage: Cage,
    /// Packet to message durable.
    pub latency: Latency,
    pub times: StageTimes,
    /// News that wait in the queue to it.
    pub waiting: usize,
}

/// What became of what there was to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MessageCounts {
    /// What is not of an incident: of sources, of canaries, of storms.
    pub of_weir: u64,
    /// Of what nobody wants to hear for a while.
    pub muted: u64,
    /// Folded into a summary.
    pub folded: u64,
    /// Waiting for the spool to take them.
    pub held: u64,
    /// Never taken by the spool.
    pub lost: u64,
    /// Durable, from where sinks have them.
    pub spooled: u64,
}

impl MessageCounts {
    /// For metrics.
    pub(super) const fn counters(&self) -> [(&'static str, u64); 6] {
        [
            ("of_weir", self.of_weir),
            ("muted", self.muted),
            ("folded", self.folded),
            ("held", self.held),
            ("lost", self.lost),
            ("spooled", self.spooled),
        ]
    }

    /// Where messages went: these add up to all. What did not happen is left out.
    pub(super) fn went(&self) -> impl Iterator<Item = Entry> {
        [
            Entry::new("muted", self.muted),
            Entry::new("folded", self.folded),
            Entry::held("held until the spool takes them", self.held),
            Entry::new("lost before the spool", self.lost),
            Entry::new("spooled", self.spooled),
        ]
        .into_iter()
        .filter(|entry| entry.name == "spooled" || entry.count > 0)
    }
}

/// What the clerk who writes flows and names puts up.
#[derive(Clone, Debug)]
pub(super) struct ClerkView {
    /// What came, with what could not be written.
    pub flows: u64,
    pub names: u64,
    /// What could not be written.
    pub flows_lost: u64,
    pub names_lost: u64,
    pub times: StageTimes,
    /// Bundles of lines that wait in the queue to it.
    pub waiting: usize,
}

impl ClerkView {
    pub(super) fn new() -> Self {
        let times = StageTimes::new();
        Self { flows: 0, names: 0, flows_lost: 0, names_lost: 0, times, waiting: 0 }
    }
}

/// All places.
pub(super) struct Board {
    started: Instant,
    /// When what flows was first compared with indicators, and how long after the start of the program.
    armed: OnceLock<ArmedStatus>,
    /// The same by the system's clock, in seconds since 1970.
    started_at: u64,
    interfaces: Arc<dyn Interfaces>,
    workers: Vec<Mutex<Option<WorkerView>>>,
    collector: Option<CollectorPlaces>,
    desk: Mutex<Option<DeskView>>,
    clerk: Mutex<Option<ClerkView>>,
    sinks: Arc<Overlook>,
    is_ending: AtomicBool,
    losses: Losses,
}

/// Those of the threads that listen to routers.
pub(super) struct CollectorPlaces {
    pub monitor: Arc<CollectorMonitor>,
    /// Where it listens, in the order of the settings.
    pub listen: Vec<String>,
    pub terms: Arc<Terms>,
    /// Flows that all of them share.
    pub flows: Arc<ExportedFlows<FlowHits>>,
    /// How many of them may be open.
    pub flows_most: u64,
    pub threads: Vec<Mutex<Option<CollectorView>>>,
}

/// Everything at one moment.
pub(super) struct Seen {
    pub running: Duration,
    pub is_ending: bool,
    pub armed: Option<ArmedStatus>,
    pub interfaces: Vec<InterfaceStats>,
    pub workers: Vec<WorkerView>,
    pub collector: Option<SeenCollector>,
    pub desk: Option<DeskView>,
    pub clerk: Option<ClerkView>,
    pub sinks: Vec<SinkRow>,
    pub spool: SpoolStatus,
    /// When the program began, in seconds since 1970.
    pub started: u64,
}

impl Board {
    /// For so many workers; nothing is put up.
    #[expect(clippy::disallowed_methods, reason = "the program says how long it has been running")]
    pub(super) fn new(
        workers: usize,
        interfaces: Arc<dyn Interfaces>,
        collector: Option<CollectorPlaces>,
        sinks: Arc<Overlook>,
    ) -> Self {
        Self {
            started: Instant::now(),
            armed: OnceLock::new(),
            started_at: clock::now().as_nanos() / 1_000_000_000,
            interfaces,
            workers: (0..workers).map(|_| Mutex::default()).collect(),
            collector,
            desk: Mutex::default(),
            clerk: Mutex::default(),
            sinks,
            is_ending: AtomicBool::new(false),
            losses: Losses::default(),
        }
    }

    /// Names of the threads that take packets or records, in their order.
    pub(super) fn threads(&self) -> Vec<String> {
        let collectors = self.collector.as_ref().map_or(0, |places| places.threads.len());
        let workers = (0..self.workers.len()).map(|index| format!("worker {index}"));
        workers.chain((0..collectors).map(|index| format!("collector {index}"))).collect()
    }

    pub(super) fn put_worker(&self, index: usize, view: WorkerView) {
        if let Some(place) = self.workers.get(index) {
            *lock(place) = Some(view);
        }
    }

    pub(super) fn put_collector(&self, index: usize, view: CollectorView) {
        if let Some(place) = self.collector.as_ref().and_then(|places| places.threads.get(index)) {
            *lock(place) = Some(view);
        }
    }

    pub(super) fn put_desk(&self, view: DeskView) {
        *lock(&self.desk) = Some(view);
    }

    pub(super) fn put_clerk(&self, view: ClerkView) {
        *lock(&self.clerk) = Some(view);
    }

    /// What listens to routers, at one moment.
    pub(super) fn see_collector(&self) -> Option<SeenCollector> {
        self.collector.as_ref().map(|places| places.see(self.started.elapsed()))
    }

    /// How sinks are, at one moment.
    pub(super) fn sinks(&self) -> Vec<SinkRow> {
        self.sinks.rows()
    }

    /// Nobody takes anything of what is told any more.
    pub(super) fn are_sinks_over(&self) -> bool {
        self.sinks.is_over()
    }

    /// From here on what flows is compared with indicators, so long after the start of the program.
    pub(super) fn armed(&self, after: Duration) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        // The first time counts.
        let _ = self.armed.set(ArmedStatus { at: clock::now().as_nanos() / 1_000_000_000, after_ms });
    }

    /// When something was last lost.
    pub(super) const fn losses(&self) -> &Losses {
        &self.losses
    }

    pub(super) fn ending(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Reads all places, against the stream: what comes out of a stage is read before what went in, so that the difference is what is
    /// under way.
    pub(super) fn see(&self) -> Seen {
        let (sinks, spool) = self.sinks.look();
        let clerk = lock(&self.clerk).clone();
        let desk = lock(&self.desk).clone();
        let workers = self.workers.iter().filter_map(|place| lock(place).clone()).collect();
        let collector = self.see_collector();
        let interfaces = self.interfaces.stats();
        let is_ending = self.is_ending.load(Ordering::Relaxed);
        Seen {
            running: self.started.elapsed(),
            is_ending,
            armed: self.armed.get().copied(),
            interfaces,
            workers,
            collector,
            desk,
            clerk,
            sinks,
            spool,
            started: self.started_at,
        }
    }
}

impl CollectorPlaces {
    fn see(&self, running: Duration) -> SeenCollector {
        let threads = self.threads.iter().filter_map(|place| lock(place).clone()).collect();
        SeenCollector {
            threads,
            sockets: self.monitor.stats(),
            flows: self.flows.stats(),
            flows_most: self.flows_most,
            listen: self.listen.clone(),
            named: Arc::clone(&self.terms.agreed().named),
            running,
        }
    }
}

/// What a thread that broke down has put up is still true.
fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

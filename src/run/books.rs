//! The books of a run, made of what the threads have put up: at any moment, and at the end.

use super::board::{CollectorView, MessageCounts, Seen, WorkerView};
use super::collector::SeenCollector;
use super::outbox::{BUNDLES_UNDER_WAY, HITS_UNDER_WAY, MAX_HITS_WAITING, Sent};
use crate::collect::books;
use crate::latency::{Latency, StageTimes};
use crate::ledger::{Entry, Ledger};
use crate::pipeline::WatchCounts;
use crate::report::not_notified;
use crate::sinks::SinkRow;
use crate::status::{
    CanaryStatus, CollectorStatus, Count, InterfaceStatus, QueueStatus, StageStatus, Status, TableStatus,
    VERSION, WorkerStatus,
};
use std::collections::BTreeMap;
use std::time::Duration;
use weir_capture::live::LinkState;
use weir_flow::Effort;
use weir_model::Told;

/// What is written besides alerts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub flows: bool,
    pub names: bool,
    /// What is told of requests.
    pub told: Told,
}

/// How far the run is: until the end something is always under way between two threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Running,
    End,
}

/// Everything that was seen at one moment, in the forms in which it is told.
pub(super) struct Books {
    seen: Seen,
    wanted: Wanted,
    moment: Moment,
}

impl Books {
    pub(super) const fn new(seen: Seen, wanted: Wanted, moment: Moment) -> Self {
        Self { seen, wanted, moment }
    }

    fn sum(&self, count: impl Fn(&WorkerView) -> u64) -> u64 {
        self.seen.workers.iter().map(count).sum()
    }

    fn collectors(&self) -> impl Iterator<Item = &CollectorView> {
        self.seen.collector.iter().flat_map(|collector| &collector.threads)
    }

    fn sent(&self, count: impl Fn(&Sent) -> u64) -> u64 {
        let collectors: u64 = self.collectors().map(|thread| count(&thread.sent)).sum();
        self.sum(|worker| count(&worker.sent)) + collectors
    }

    /// What workers and collectors counted of flows and hits.
    fn watched(&self, count: impl Fn(&WatchCounts) -> u64) -> u64 {
        let collectors: u64 = self.collectors().map(|thread| count(&thread.report.watch)).sum();
        self.sum(|worker| count(&worker.report.watch)) + collectors
    }

    /// An equation between two threads. While the run goes on, what has gone in and not come out is under way;
    /// and what has come out had gone in, also when the thread before has not put up so yet.
    fn add(&self, ledger: &mut Ledger, unit: &str, mut entered: Entry, mut left: Vec<Entry>) {
        if self.moment == Moment::Running {
            let out = left.iter().map(|entry| entry.count).sum();
            entered.count = entered.count.max(out);
            left.push(Entry::held("under way", entered.count - out));
        }
        ledger.add(unit, entered, left);
    }

    /// The books in the order of the way of the data.
    pub(super) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        if !self.seen.interfaces.is_empty() {
            self.frames(&mut ledger);
            self.packets(&mut ledger);
        }
        self.exports(&mut ledger);
        self.flows(&mut ledger);
        self.findings(&mut ledger);
        ledger.boundaries.extend(self.seen.sinks.iter().flat_map(SinkRow::boundaries));
        ledger
    }

    fn frames(&self, ledger: &mut Ledger) {
        for interface in &self.seen.interfaces {
            let left = vec![
                Entry::new("before joining", interface.before_joining),
                Entry::new("dropped by the kernel", interface.dropped),
                Entry::new("delivered", interface.delivered),
            ];
            let unit = format!("frames of {}", interface.interface);
            self.add(ledger, &unit, Entry::new("received", interface.received), left);
        }
        let delivered = self.seen.interfaces.iter().map(|interface| interface.delivered).sum();
        let taken = self.sum(|worker| worker.report.frames);
        self.add(
            ledger,
            "frames",
            Entry::new("delivered", delivered),
            vec![Entry::new("taken by workers", taken)],
        );
        let in_packets = self.sum(|worker| worker.report.decode.packet_frames);
        let held = self.sum(|worker| worker.report.decode.fragments.held_frames);
        let mut left = vec![Entry::new("in packets", in_packets), Entry::held("fragments held", held)];
        left.extend(self.undecoded());
        let entered = match self.sum(|worker| worker.report.canaries) {
            0 => Entry::new("taken by workers", taken),
            canaries => Entry::new("taken by workers or canaries", taken + canaries),
        };
        ledger.add("frames", entered, left);
    }

    /// Frames in which there is no packet, by reason.
    fn undecoded(&self) -> Vec<Entry> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for worker in &self.seen.workers {
            let lost = worker.report.decode.counters();
            for (name, count) in lost.filter(|(name, _)| ["not_ip", "undecodable"].contains(&name.group)) {
                *counts.entry(name.to_string()).or_default() += count;
            }
        }
        counts.into_iter().map(|(name, count)| Entry::new(name, count)).collect()
    }

    /// Packets into flows. Between workers, what one hands over the other takes over.
    fn packets(&self, ledger: &mut Ledger) {
        let in_packets = self.sum(|worker| worker.report.decode.packet_frames);
        let counted = self.sum(|worker| worker.report.flow.frames_ended);
        let shed = self.sum(|worker| worker.report.flow.shed.frames);
        let left_out = self.sum(|worker| worker.report.flow.left_out_frames);
        let uncounted = self.sum(|worker| worker.report.flow.frames - worker.report.flow.frames_ended);
        let open = uncounted - shed - left_out;
        let handed = self.sum(|worker| worker.report.lane.handed_frames);
        let taken = self.sum(|worker| worker.report.lane.taken_frames);
        let entered = match taken {
            0 => Entry::new("in packets", in_packets),
            _ => Entry::new("in packets or taken over", in_packets + taken),
        };
        let mut left = vec![Entry::new("in flows that ended", counted)];
        if self.moment == Moment::Running {
            left.push(Entry::held("in open flows", open));
        }
        left.extend((shed > 0).then(|| Entry::new("of small flows left out under overload", shed)));
        left.extend((left_out > 0).then(|| Entry::new("of networks that are left out", left_out)));
        left.push(Entry::new("handed to another worker", handed));
        ledger.add("frames", entered, left);
        // Workers put up their counts at different times, so while they run this need not balance.
        if self.moment == Moment::End && handed + taken > 0 {
            let left = [Entry::new("taken over", taken)];
            ledger.add("frames", Entry::new("handed to another worker", handed), left);
        }
    }

    /// What routers sent.
    fn exports(&self, ledger: &mut Ledger) {
        let Some(collector) = &self.seen.collector else { return };
        for (unit, entered, left) in collector.boundaries() {
            self.add(ledger, &unit, entered, left);
        }
        // Threads put up their counts at different times, so while they run only what is of one thread balances.
        match self.moment {
            Moment::Running => books::enter_decoded(ledger, &collector.report().decode),
            Moment::End => books::enter(ledger, &collector.report()),
        }
    }

    fn flows(&self, ledger: &mut Ledger) {
        let ended = self.watched(|watch| watch.ended);
        let mut begun = self.watched(|watch| watch.began);
        let mut left = vec![Entry::new("ended", ended)];
        if self.moment == Moment::Running {
            // A flow that began in one collector's thread may have ended in another, which has put up its counts since.
            begun = begun.max(ended);
            left.push(Entry::held("open", begun - ended));
        }
        ledger.add("flows", Entry::new("begun", begun), left);
        let clerk = self.seen.clerk.as_ref();
        if self.wanted.flows {
            let (came, unwritten) = clerk.map_or((0, 0), |clerk| (clerk.flows, clerk.flows_lost));
            let mut left = written(came, unwritten, self.sent(|sent| sent.flows_lost));
            let canaries = self.watched(|watch| watch.canaries_ended);
            left.extend((canaries > 0).then(|| Entry::new("canaries", canaries)));
            self.add(ledger, "flows", Entry::new("ended", ended), left);
        }
        if self.wanted.names {
            let (came, unwritten) = clerk.map_or((0, 0), |clerk| (clerk.names, clerk.names_lost));
            let left = written(came, unwritten, self.sent(|sent| sent.names_lost));
            self.add(ledger, "facts", Entry::new("sent", self.sent(|sent| sent.names)), left);
        }
    }

    fn findings(&self, ledger: &mut Ledger) {
        let Some(desk) = &self.seen.desk else { return };
        let matched = self.watched(|watch| watch.hits);
        let lost = self.sent(|sent| sent.hits_lost);
        let gone: u64 = self.collectors().map(|thread| thread.report.hits_of_gone).sum();
        let mut left = vec![
            Entry::new("at the desk", desk.hits),
            Entry::new("lost in the queue", lost),
            Entry::new("of flows that another thread ended first", gone),
        ];
        left.extend((desk.cage.hits > 0).then(|| Entry::new("of canaries", desk.cage.hits)));
        if self.moment == Moment::Running {
            // The desk may have counted hits of flows of which their thread has not put up that they ended.
            let told: u64 = left.iter().map(|entry| entry.count).sum();
            let of_ended = told.max(self.watched(|watch| watch.hits_of_ended) + gone);
            left.push(Entry::held("of open flows", matched.saturating_sub(of_ended)));
        }
        self.add(ledger, "hits", Entry::new("matched", matched), left);
        let stats = &desk.incidents;
        ledger.add_hits(Entry::new("at the desk", desk.hits), stats, []);
        ledger.add_incidents(stats);
        let given = self.notices().iter().map(|(_, count)| count).sum::<u64>() + desk.messages.of_weir;
        ledger.add("messages", Entry::new("given", given), desk.messages.went());
    }

    /// What queues had no room for.
    pub(super) fn lost(&self) -> Vec<Count> {
        let lost = [
            ("flows", self.sent(|sent| sent.flows_lost)),
            ("names", self.sent(|sent| sent.names_lost)),
            ("hits", self.sent(|sent| sent.hits_lost)),
            ("snapshots", self.sent(|sent| sent.snapshots_lost)),
        ];
        lost.map(|(name, count)| Count { name: name.to_owned(), count }).to_vec()
    }

    /// What went from worker to worker.
    pub(super) fn lanes(&self) -> Vec<Count> {
        let mut sums: Vec<Count> = Vec::new();
        for worker in &self.seen.workers {
            for (place, (name, count)) in worker.report.lane.iter().enumerate() {
                match sums.get_mut(place) {
                    Some(sum) => sum.count += count,
                    None => sums.push(Count { name: name.to_owned(), count }),
                }
            }
        }
        sums
    }

    /// Packets and ICMP errors that did not reach the worker of their flow.
    pub(super) fn stayed(&self) -> u64 {
        self.sum(|worker| worker.report.lane.stayed + worker.report.lane.notes_stayed)
    }

    /// Alerts by notice.
    pub(super) fn alerts(&self) -> Vec<Count> {
        self.notices().into_iter().map(|(name, count)| Count { name: name.to_owned(), count }).collect()
    }

    /// The same for the summary.
    pub(super) fn notices(&self) -> Vec<(&'static str, u64)> {
        let stats = self.seen.desk.as_ref().map(|desk| desk.incidents).unwrap_or_default();
        [
            ("opened", stats.notices_opened),
            ("raised", stats.notices_raised),
            ("repeated", stats.notices_repeated),
            ("closed", stats.notices_closed),
        ]
        .to_vec()
    }

    /// What became of what there was to tell.
    pub(super) fn messages(&self) -> MessageCounts {
        self.seen.desk.as_ref().map(|desk| desk.messages).unwrap_or_default()
    }

    /// Hits of which nobody is told, by reason.
    pub(super) fn not_notified(&self) -> Vec<(&'static str, u64)> {
        self.seen.desk.as_ref().map_or_else(Vec::new, |desk| not_notified(&desk.incidents))
    }

    /// Frames that the kernel saw.
    pub(super) fn frames_received(&self) -> u64 {
        self.seen.interfaces.iter().map(|interface| interface.received).sum()
    }

    /// Time per batch and stage, over all workers.
    pub(super) fn stages(&self) -> Vec<(&'static str, StageTimes)> {
        let mut decode = StageTimes::new();
        self.seen.workers.iter().for_each(|worker| decode.add(&worker.report.times));
        let mut collect = StageTimes::new();
        self.collectors().for_each(|thread| collect.add(&thread.times));
        let mut sweep = StageTimes::new();
        self.seen.workers.iter().for_each(|worker| sweep.add(&worker.report.sweeps));
        self.collectors().for_each(|thread| sweep.add(&thread.sweeps));
        let sweep = (sweep.quantiles().count > 0).then_some(("sweep", sweep));
        let decode = (!self.seen.workers.is_empty()).then_some(("decode", decode));
        let collect = self.seen.collector.is_some().then_some(("collect", collect));
        let desk = self.seen.desk.as_ref().map(|desk| ("alert", desk.times.clone()));
        let clerk = self.seen.clerk.as_ref().map(|clerk| ("write", clerk.times.clone()));
        decode.into_iter().chain(collect).chain(sweep).chain(desk).chain(clerk).collect()
    }

    /// Packet to message durable.
    pub(super) fn latency(&self) -> Latency {
        self.seen.desk.as_ref().map_or_else(Latency::new, |desk| desk.latency.clone())
    }

    /// Counts of each stage, over all workers.
    pub(super) fn counters(&self) -> Vec<(&'static str, String, u64)> {
        let mut sums: BTreeMap<(&'static str, String), u64> = BTreeMap::new();
        for worker in &self.seen.workers {
            let wire =
                worker.report.decode.counters().map(|(name, count)| (("wire", name.to_string()), count));
            let flow = worker.report.flow.iter().map(|(name, count)| (("flow", name.to_owned()), count));
            let overload = worker.overload.iter().map(|(name, count)| (("overload", name.to_owned()), count));
            for (name, count) in wire.chain(flow).chain(overload) {
                *sums.entry(name).or_default() += count;
            }
        }
        if let Some(collector) = &self.seen.collector {
            let report = collector.report();
            let decoded = books::counters(&report.decode).into_iter();
            sums.extend(decoded.map(|(name, count)| (("export", name), count)));
            sums.insert(("export", "notices_left_out".to_owned()), report.notices_left_out);
            let flows = books::flow_counters(&report.flows);
            sums.extend(flows.map(|(name, count)| (("exported_flow", name.to_owned()), count)));
        }
        let desk = self.seen.desk.iter().flat_map(|desk| desk.incidents.iter());
        sums.extend(desk.map(|(name, count)| (("rules", name.to_owned()), count)));
        sums.extend(
            self.lost().into_iter().map(|lost| (("queue", format!("{}_lost", lost.name)), lost.count)),
        );
        sums.extend(self.lanes().into_iter().map(|lane| (("lane", lane.name), lane.count)));
        sums.extend(self.alerts().into_iter().map(|alert| (("alert", alert.name), alert.count)));
        let messages = self.seen.desk.iter().flat_map(|desk| desk.messages.counters());
        sums.extend(messages.map(|(name, count)| (("message", name.to_owned()), count)));
        sums.into_iter().map(|((stage, name), count)| (stage, name, count)).collect()
    }

    /// What `weir status` shows.
    pub(super) fn status(&self) -> Status {
        let ledger = self.ledger();
        Status {
            version: VERSION,
            program: format!("weir {}", env!("CARGO_PKG_VERSION")),
            process: std::process::id(),
            started: self.seen.started,
            running_seconds: self.seen.running.as_secs(),
            uptime_ms: u64::try_from(self.seen.running.as_millis()).unwrap_or(u64::MAX),
            is_ending: self.seen.is_ending,
            armed: self.seen.armed,
            interfaces: self.interfaces(),
            workers: self.seen.workers.iter().map(|worker| self.worker(worker)).collect(),
            collector: self.collector(),
            sinks: self.seen.sinks.clone(),
            spool: Some(self.seen.spool.clone()),
            flows_begun: self.watched(|watch| watch.began),
            flows_open: self.watched(|watch| watch.began).saturating_sub(self.watched(|watch| watch.ended)),
            incidents_open: self.incidents_open(),
            hits: self.watched(|watch| watch.hits),
            alerts: self.alerts(),
            messages: self.message_counts(),
            tables: self.tables(),
            queues: self.queues(),
            lost: self.lost(),
            lanes: self.lanes(),
            canaries: self.canaries(),
            latency: self.latency().quantiles(),
            stages: self.stages().iter().map(|(stage, times)| stage_status(stage, times)).collect(),
            is_balanced: ledger.is_balanced(),
            ledger,
            ..Status::default()
        }
    }

    fn message_counts(&self) -> Vec<Count> {
        let counts = self.messages().counters();
        counts.into_iter().map(|(name, count)| Count { name: name.to_owned(), count }).collect()
    }

    /// How many flows each table has, and may have.
    fn tables(&self) -> Vec<TableStatus> {
        let of_packets = (!self.seen.workers.is_empty()).then(|| TableStatus {
            name: "packets".to_owned(),
            flows_open: self.sum(|worker| worker.report.flow.flows_open),
            capacity: self.sum(|worker| worker.report.flows_most),
        });
        let of_records = self.seen.collector.as_ref().map(|collector| TableStatus {
            name: "records".to_owned(),
            flows_open: collector.flows.open,
            capacity: collector.flows_most,
        });
        of_packets.into_iter().chain(of_records).collect()
    }

    /// What waits between threads.
    fn queues(&self) -> Vec<QueueStatus> {
        let queue = |name: &str, length: u64, capacity: usize| QueueStatus {
            name: name.to_owned(),
            length,
            capacity: capacity as u64,
        };
        let desk = self.seen.desk.as_ref().map_or(0, |desk| desk.waiting);
        let clerk = self.seen.clerk.as_ref().map_or(0, |clerk| clerk.waiting);
        let threads = self.seen.workers.len() + self.collectors().count();
        vec![
            queue("hits", desk as u64, HITS_UNDER_WAY),
            queue("hits_behind", self.sent(|sent| sent.hits_waiting), MAX_HITS_WAITING * threads),
            queue("lines", clerk as u64, BUNDLES_UNDER_WAY),
        ]
    }

    pub(super) fn interfaces(&self) -> Vec<InterfaceStatus> {
        let interfaces = self.seen.interfaces.iter();
        interfaces
            .map(|interface| InterfaceStatus {
                name: interface.interface.clone(),
                is_up: interface.state == LinkState::Up,
                state: interface.state.name().to_owned(),
                went_down: interface.went_down,
                packets: interface.received,
                kernel_drops: interface.dropped,
                before_joining: interface.before_joining,
                interface_drops: interface.interface_dropped,
                freezes: interface.freezes,
            })
            .collect()
    }

    /// When each thread's canary was last seen at the desk.
    pub(super) fn canaries(&self) -> Vec<CanaryStatus> {
        self.seen.desk.as_ref().map(|desk| desk.cage.status()).unwrap_or_default()
    }

    /// What is shown of exporters and the sockets at which they are heard.
    pub(super) fn collector(&self) -> Option<CollectorStatus> {
        self.seen.collector.as_ref().map(SeenCollector::status)
    }

    /// The same at the end, for warnings.
    pub(super) const fn seen_collector(&self) -> Option<&SeenCollector> {
        self.seen.collector.as_ref()
    }

    /// Told of and not over.
    fn incidents_open(&self) -> u64 {
        let stats = self.seen.desk.as_ref().map(|desk| desk.incidents).unwrap_or_default();
        stats.notices_opened.saturating_sub(stats.notices_closed)
    }

    /// How sinks are.
    pub(super) fn sinks(&self) -> &[SinkRow] {
        &self.seen.sinks
    }

    fn worker(&self, worker: &WorkerView) -> WorkerStatus {
        let busy = worker.report.times.total().as_millis() * 1_000 / self.seen.running.as_millis().max(1);
        WorkerStatus {
            packets: worker.report.frames,
            bytes: worker.report.bytes,
            flows_open: worker.report.flow.flows_open,
            busy_permille: u64::try_from(busy).unwrap_or(1_000).min(1_000),
            busy_us: micros(worker.report.times.total()),
            reduced_to: match worker.overload.effort {
                Effort::Full => None,
                Effort::Headers => Some("headers and DNS".to_owned()),
                Effort::Addresses => Some("addresses and large flows".to_owned()),
            },
            payloads_left_out: worker.report.flow.shed.payloads,
            packets_left_out: worker.report.flow.shed.packets,
        }
    }
}

/// Where lines went of which so many came to the clerk.
fn written(came: u64, unwritten: u64, lost_in_queue: u64) -> Vec<Entry> {
    let written = Entry::new("written", came - unwritten);
    let unwritten = (unwritten > 0).then(|| Entry::new("could not be written", unwritten));
    [written, Entry::new("lost in the queue", lost_in_queue)].into_iter().chain(unwritten).collect()
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn stage_status(stage: &str, times: &StageTimes) -> StageStatus {
    StageStatus { stage: stage.to_owned(), total_us: micros(times.total()), batch: times.quantiles() }
}

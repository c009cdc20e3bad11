//! Records of routers to flows: the directions of a conversation, its successive records, and what several routers tell of it
//! become one flow.
//!
//! All collector threads share one map. A thread collects records in an [`ExportedBatch`] and puts them into flows together: the
//! batch is sorted by shard, each shard is locked once, the entries that its records need are fetched, then records are taken
//! up. The map is a DashMap of a flow's hash to its slot, eight bytes, and its locks are the locks of all there is in
//! a shard; entries are in slots beside it, so that the map stays small enough for a cache and doubles cheaply.
//!
//! What came of a batch is told when no lock is held, in the order of the records. Names are asked of passive DNS then. With one
//! thread the same records give the same flows and the same news, as long as the budget lasts.
//!
//! - `batch`, `order`, `place`, `times`, `tally`, `told`: what of a record counts;
//! - `entry`, `witness`, `rare`, `initiator`: a flow, its observers, what few flows have, who began;
//! - `shard`, `expiry`, `sweep`: where flows are, when they end, all of them one after the other; `news`, `head`, `ended`: how they are told of.

mod batch;
mod config;
mod ended;
mod entry;
mod expiry;
mod head;
mod initiator;
mod news;
mod order;
mod place;
mod rare;
mod shard;
mod stats;
mod sweep;
mod tally;
mod times;
mod told;
mod witness;

pub use batch::ExportedBatch;
pub use config::ExportedFlowsConfig;
pub use ended::EndedExported;
pub use stats::{EndedBy, ExportedFlowStats};
pub use sweep::SweepPlace;

use crate::answers::Received;
use crate::ends::Seed;
use crate::passive_dns::PassiveDns;
use batch::BatchCounts;
use dashmap::DashMap;
use expiry::Due;
use head::Head;
use news::{Ended, Item, News};
use shard::{Locked, Shard, ends_of, spread};
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use weir_model::flow::{EndReason, FlowHead, PassiveName};
use weir_model::held::Held;
use weir_model::observation::{Fact, Observation};
use weir_model::{Endpoint, Flow, Protocol};

/// Who is told what becomes of records. Nothing is locked meanwhile: a sink may ask the flows and attach to them.
pub trait ExportedSink<A> {
    /// A flow began (also when it continues one that passed the active timeout).
    fn began(&mut self, head: &FlowHead<'_>);
    /// A router told how the addresses of a flow that had begun are translated: `head.translated`.
    fn translated(&mut self, head: &FlowHead<'_>);
    /// A record told names of it, or a sampled frame said something.
    fn observed(&mut self, head: &FlowHead<'_>, observation: &Observation);
    /// It ended, with what was attached to it.
    fn ended(&mut self, ended: EndedExported<'_>, attached: A);
}

/// Each batch begins with another shard, so that threads do not queue up behind each other from the first to the last.
const FIRST_SHARDS_APART: usize = 3;

/// All open flows of exported records. `A` is what callers attach to them.
#[derive(Debug)]
pub struct ExportedFlows<A> {
    config: ExportedFlowsConfig,
    seed: Seed,
    /// Where flows are. The lock of a shard is that of its entries, too.
    map: DashMap<u32, u32, Spread>,
    /// By shard. Only locked by who holds the shard of the map, or wants it only to look.
    entries: Box<[Mutex<Shard<A>>]>,
    /// Flows whose time has come, by part.
    due: Box<[Mutex<Vec<Due>>]>,
    counts: Mutex<ExportedFlowStats>,
    /// Batches that were made.
    batches: AtomicUsize,
    passive_dns: Option<Arc<PassiveDns>>,
}

impl<A: Default + Held + Send> ExportedFlows<A> {
    /// No flows. Flows are named from `passive_dns`, and DNS answers in sampled frames teach it.
    pub fn new(config: ExportedFlowsConfig, passive_dns: Option<Arc<PassiveDns>>) -> Self {
        let shards = config.shards();
        Self {
            seed: Seed::random(),
            map: DashMap::with_hasher_and_shard_amount(Spread, shards),
            entries: (0..shards).map(|_| Mutex::new(Shard::new(&config))).collect(),
            due: (0..shards).map(|_| Mutex::default()).collect(),
            counts: Mutex::default(),
            batches: AtomicUsize::new(0),
            passive_dns,
            config,
        }
    }

    /// Has the memory of the first so many flows ready before they begin, as far as the budget goes: while the kernel finds pages
    /// for a flood of new flows, a collector that grows from nothing loses records.
    pub fn take_memory(&self, flows: usize) {
        // Flows are not spread quite evenly.
        let of_shard = (flows / self.shard_count() * 17 / 16).min(self.config.max_flows_of_shard());
        for shard in 0..self.shard_count() {
            self.lock(shard).take_memory(of_shard);
        }
    }

    /// An empty batch for one thread.
    pub fn batch(&self) -> ExportedBatch {
        let number = self.batches.fetch_add(1, Ordering::Relaxed);
        ExportedBatch::new(&self.config, self.seed, number * FIRST_SHARDS_APART)
    }

    /// Puts the records of a batch into flows, tells what came of them, and empties the batch.
    pub fn take(&self, batch: &mut ExportedBatch, sink: &mut impl ExportedSink<A>) {
        self.count(batch.counts);
        let mut order = std::mem::take(&mut batch.order);
        order.sort(&batch.reports, |report| self.shard_of(report.tag));
        let mut news = News::new();
        for (shard, places) in order.groups(batch.first_shard) {
            let mut locked = self.lock(shard);
            let of_places = || places.iter().filter_map(|place| batch.reports.get(*place as usize));
            of_places().for_each(|report| locked.fetch_place(report));
            let unknown = of_places().filter(|report| !locked.fetch(report)).count();
            locked.fetch_for_room(unknown);
            for place in places {
                if let Some(report) = batch.reports.get_mut(*place as usize) {
                    locked.put(report, *place, &mut news);
                }
            }
        }
        batch.order = order;
        batch.clear();
        self.tell(news, sink);
    }

    /// Changes what is attached to an open flow; whether it is still open.
    pub fn attach(&self, head: &FlowHead<'_>, change: impl FnOnce(&mut A)) -> bool {
        let ends = ends_of(head.protocol, head.source, head.destination);
        let tag = ends.tag(&self.seed);
        let mut locked = self.lock(self.shard_of(tag));
        let Some(slot) = locked.find_flow(tag, &ends, head.id) else { return false };
        locked.change(slot, change);
        true
    }

    /// The record of an open flow as it stands and what is attached to it; `None` when none is open between these ends.
    pub fn find_open(&self, protocol: Protocol, source: Endpoint, destination: Endpoint) -> Option<(Flow, A)>
    where
        A: Clone,
    {
        let ends = ends_of(protocol, source, destination);
        let tag = ends.tag(&self.seed);
        let locked = self.lock(self.shard_of(tag));
        let (slot, _) = locked.find(tag, &ends)?;
        let attached = locked.attached(slot).cloned().unwrap_or_default();
        let entry = locked.shard.flows.get(slot)?;
        Some((EndedExported::new(entry, EndReason::Active).to_flow(), attached))
    }

    /// Counts so far.
    pub fn stats(&self) -> ExportedFlowStats {
        let mut stats = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in 0..self.shard_count() {
            stats.add(&self.entries(shard).stats());
        }
        stats
    }

    fn count(&self, counts: BatchCounts) {
        let mut stats = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        stats.records += counts.records;
        stats.sampled += counts.sampled;
        stats.without_addresses += counts.without_addresses;
        stats.left_out += counts.left_out;
        stats.names_refused += counts.names_refused;
        stats.clocks_corrected += counts.clocks_corrected;
    }

    fn tell(&self, news: News<A>, sink: &mut impl ExportedSink<A>) {
        let (items, ended) = news.in_order();
        let mut ended: Vec<Option<Ended<A>>> = ended.into_iter().map(Some).collect();
        for item in items {
            match item {
                Item::Ended(place) => {
                    if let Some(ended) = ended.get_mut(place as usize).and_then(Option::take) {
                        tell_ended(ended, sink);
                    }
                }
                Item::Began(head) => {
                    let names = self.name(&head, sink);
                    sink.began(&head.view(&names));
                }
                Item::Translated(head) => sink.translated(&head.view(&[])),
                Item::Observed(observed) => {
                    for observation in &observed.observations {
                        self.learn(observation, observed.from_responder);
                        sink.observed(&observed.head.view(&[]), observation);
                    }
                }
            }
        }
    }

    /// Asks passive DNS what the ends of a flow were called when it began.
    fn name(&self, head: &Head, sink: &mut impl ExportedSink<A>) -> Vec<PassiveName> {
        let Some(passive_dns) = &self.passive_dns else { return Vec::new() };
        let ends = head.view(&[]);
        let mut names = passive_dns.names(ends.source.ip, ends.destination.ip, head.first, head.id.0);
        // The record came long after its flow began: what was learnt meanwhile cannot have led anybody there.
        let latest = head.first + self.config.clock_tolerance;
        names.retain(|named| named.name.time <= latest);
        if !names.is_empty() {
            let tag = head.ends.tag(&self.seed);
            let mut evicted = News::new();
            self.lock(self.shard_of(tag)).keep_names(tag, &head.ends, head.id, &names, &mut evicted);
            evicted.into_ended().into_iter().for_each(|ended| tell_ended(ended, sink));
        }
        names
    }

    /// Teaches passive DNS an answer that was in a sampled frame. Questions are seldom in view; who answers must be the one who was
    /// asked as far as the flow tells.
    fn learn(&self, observation: &Observation, from_responder: bool) {
        let (Some(passive_dns), Fact::Dns(message)) = (&self.passive_dns, &observation.fact) else { return };
        if !message.is_response {
            return;
        }
        if from_responder || message.link_local {
            let (client, time, packet) = (observation.destination.ip, observation.time, observation.packet);
            passive_dns.learn(Received { message, client, time, packet });
        } else {
            let mut stats = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            stats.dns_answers_refused += 1;
        }
    }

    fn shard_count(&self) -> usize {
        self.entries.len()
    }

    fn shard_of(&self, tag: u32) -> usize {
        self.map.determine_shard(spread(tag) as usize)
    }

    #[expect(clippy::indexing_slicing, reason = "shards are counted by the map itself")]
    fn lock(&self, shard: usize) -> Locked<'_, A> {
        Locked { index: self.map.shards()[shard].write(), shard: self.entries(shard) }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as the map has shards")]
    fn entries(&self, shard: usize) -> MutexGuard<'_, Shard<A>> {
        self.entries[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell_ended<A: Default>(ended: Ended<A>, sink: &mut impl ExportedSink<A>) {
    sink.ended(EndedExported::new(&ended.entry, ended.reason), ended.attached.unwrap_or_default());
}

/// Tags are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Spread;

impl BuildHasher for Spread {
    type Hasher = Spreading;
    fn build_hasher(&self) -> Spreading {
        Spreading(0)
    }
}

struct Spreading(u64);

impl Hasher for Spreading {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, tag: u32) {
        self.0 = spread(tag);
    }
}

//! What routers send, in a run: the threads that receive and decode it, what they put up, and what is said of exporters.
//!
//! ```text
//!   sockets ──datagrams──> collector ──hits──> desk            one thread for each share of the exporters
//!                              ├──lines──> clerk
//!                              ├──counts─> board <── /metrics, weir status
//!                              ├──snapshots─> templates ──> state directory
//!                              └──records── flows, which all collectors share
//! ```

mod books;
mod exporters;
mod keeper;
mod notices;
mod sockets;
mod templates;
mod terms;
mod thread;
mod watchman;

pub(super) use books::SeenCollector;
pub(super) use exporters::Exporters;
pub(super) use keeper::Keeper;
pub(super) use sockets::Listening;
pub(super) use terms::Terms;
pub(super) use thread::CollectorThread;

use super::arming::{Arming, Follower};
use super::board::{Board, CollectorPlaces};
use super::books::Wanted;
use super::outbox::{Outbox, Queues};
use super::tables::Peers;
use crate::canary::{Aviary, Interval};
use crate::collect::{Collector, CollectorConfig};
use crate::config::Settings;
use crate::pipeline;
use crate::read::exported_flow_config;
use crate::state::State;
use std::sync::{Arc, Mutex};
use templates::Templates;
use thread::Done;
use weir_flow::{ExportedFlows, ExportedFlowsConfig, FlowConfig};
use weir_model::dealing;
use weir_rules::FlowHits;
use weir_wire::export::ExportLimits;

/// Flows for which there is memory (70 MB) before the first datagram comes, so that the conversations that are open when a
/// collector starts, which all begin in the first second, find it ready.
const FLOWS_AT_START: usize = 1 << 18;

/// All collectors of a run, before their threads begin.
pub(super) struct Collectors {
    listening: Listening,
    flows: Arc<ExportedFlows<FlowHits>>,
    /// How many of them may be open.
    flows_most: u64,
    stages: Vec<Collector>,
    arming: Arc<Arming>,
    templates: Option<(Arc<Templates>, Arc<State>)>,
}

impl Collectors {
    /// One for each thread; they know the templates that were kept.
    pub(super) fn new(
        listening: Listening,
        settings: &Settings,
        (arming, wanted): (&Arc<Arming>, Wanted),
        (flow, peers): (&FlowConfig, &Arc<Peers>),
        state: Option<&Arc<State>>,
    ) -> Self {
        let threads = listening.workers.len();
        let records = |wanted| if wanted { pipeline::Wanted::Records } else { pipeline::Wanted::Nothing };
        let exported =
            ExportedFlowsConfig { table_bytes: flow.table_bytes, ..exported_flow_config(settings, threads) };
        let flows_most = exported.max_flows() as u64;
        let flows = Arc::new(ExportedFlows::new(exported, Some(Arc::clone(peers.passive_dns()))));
        flows.take_memory(FLOWS_AT_START);
        let armed = arming.current();
        let config = CollectorConfig {
            limits: ExportLimits::default(),
            set: Arc::clone(&armed.set),
            site: (*armed.site).clone(),
            want_flows: records(wanted.flows),
            want_names: records(wanted.names),
            part: 0,
            parts: threads,
            is_live: true,
            told: wanted.told,
        };
        let new = |part| Collector::new(CollectorConfig { part, ..config.clone() }, Arc::clone(&flows));
        let mut stages: Vec<_> = (0..threads).map(new).collect();
        let agreed = listening.terms.agreed();
        for collector in &mut stages {
            agreed.teach(collector.decoder());
        }
        let templates = state.map(|state| {
            let mut decoders: Vec<_> = stages.iter_mut().map(Collector::decoder).collect();
            templates::restore(state, &mut decoders, |exporter| {
                dealing::worker(dealing::exporter(exporter), threads)
            });
            (Arc::new(Templates::new(threads)), Arc::clone(state))
        });
        Self { listening, flows, flows_most, stages, arming: Arc::clone(arming), templates }
    }

    /// Where the threads put up what they count.
    pub(super) fn places(&self) -> CollectorPlaces {
        let Listening { workers, monitor, addresses, terms } = &self.listening;
        CollectorPlaces {
            monitor: Arc::clone(monitor),
            listen: addresses.clone(),
            terms: Arc::clone(terms),
            flows: Arc::clone(&self.flows),
            flows_most: self.flows_most,
            threads: workers.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// The threads, and who looks after them.
    pub(super) fn divide(
        self,
        board: &Arc<Board>,
        peers: &Arc<Peers>,
        queues: &Queues,
        canary: &Arc<Interval>,
    ) -> (Vec<CollectorThread>, Keeper) {
        let Self { listening: Listening { workers, monitor, terms, .. }, stages, arming, templates, .. } =
            self;
        let done = Done::for_each(workers.len());
        let thread = |(index, ((worker, mut collector), done)): (usize, ((_, Collector), _))| {
            let (follower, armed) = Follower::new(&arming, peers.workers() + index);
            collector.follow(Arc::clone(&armed.set), &armed.site);
            CollectorThread {
                index,
                follower,
                to_sweep: Vec::new(),
                aviary: Aviary::new(Arc::clone(canary), peers.workers() + index),
                peer: peers.workers() + index,
                worker,
                collector,
                outbox: Outbox::new(queues.clone()),
                board: Arc::clone(board),
                peers: Arc::clone(peers),
                agreed: terms.agreed(),
                terms: Arc::clone(&terms),
                done,
                templates: templates.as_ref().map(|(templates, _)| Arc::clone(templates)),
            }
        };
        let threads = workers.into_iter().zip(stages).zip(done).enumerate().map(thread).collect();
        (threads, Keeper::new(monitor, Arc::clone(board), templates))
    }
}

//! Flows that began, to be asked about together.

use super::{Found, Matcher};
use crate::hits::FlowHits;
use std::net::IpAddr;
use weir_model::flow::{FlowHead, FlowId};
use weir_model::{Endpoint, Protocol, Timestamp};

/// Flows asked about at a time: their addresses fill two rounds of [`crate::IndicatorSet::addresses`].
const FLOWS_AT_A_TIME: usize = 64;

/// Addresses per flow.
const ENDS: usize = 2;

/// The ends of flows that began and that nobody compared yet. Between the packets of a capture, a question put alone waits about
/// 100 ns for memory; many put together wait at the same time.
#[derive(Debug, Default)]
pub struct Questions {
    flows: Vec<Began>,
    /// Source and destination of each of them.
    addresses: Vec<IpAddr>,
    /// Positions of those that the set knows; here to be reused.
    met: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Began {
    id: FlowId,
    first: Timestamp,
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
}

impl Questions {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Whether it is time for [`Matcher::answer`].
    pub fn is_full(&self) -> bool {
        self.flows.len() >= FLOWS_AT_A_TIME
    }

    fn ask(&mut self, head: &FlowHead<'_>) {
        let FlowHead { id, first, protocol, source, destination, .. } = *head;
        self.flows.push(Began { id, first, protocol, source, destination });
        self.addresses.extend([source.ip, destination.ip]);
    }
}

impl Matcher {
    /// As [`Self::began`], to be answered later, together with others; until then, what is met in the flow otherwise can be
    /// added to its hits. `false`: this cannot wait, because of the tunnels around the flow.
    pub fn ask(&self, head: &FlowHead<'_>, questions: &mut Questions) -> bool {
        if !head.tunnels.is_empty() {
            return false;
        }
        if !self.set.is_empty() {
            questions.ask(head);
        }
        true
    }

    /// Answers all questions: `met` gets the flows of which an address is known, each with these hits, which stand before all
    /// others of the flow.
    pub fn answer(&self, questions: &mut Questions, mut met: impl FnMut(&FlowHead<'_>, FlowHits)) {
        let Questions { flows, addresses, met: positions } = questions;
        if self.set.has_address_ports() {
            positions.extend(0..addresses.len());
        } else {
            self.set.addresses(addresses, |position, _| positions.push(position));
        }
        for position in positions.iter_mut() {
            *position /= ENDS;
        }
        positions.dedup();
        for Began { id, first, protocol, source, destination } in
            positions.iter().filter_map(|flow| flows.get(*flow)).copied()
        {
            let head = FlowHead {
                id,
                first,
                protocol,
                source,
                destination,
                tunnels: &[],
                translated: None,
                passive: &[],
            };
            let mut hits = FlowHits::default();
            Found { set: &self.set, hits: &mut hits, time: first, packet: id.0 }.ends(&head);
            if !hits.is_empty() {
                met(&head, hits);
            }
        }
        flows.clear();
        addresses.clear();
        positions.clear();
    }
}

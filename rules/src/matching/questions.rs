//! Flows that began, to be asked about together.

use super::{Found, Matcher};
use crate::hits::FlowHits;
use std::net::IpAddr;
use weir_model::flow::{FlowHead, FlowId};
use weir_model::record::Translated;
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
    /// What a translator made of their ends, with their positions: few flows have that.
    translated: Vec<(usize, Translated)>,
    /// Source and destination of each of these.
    translated_addresses: Vec<IpAddr>,
    /// Positions of the flows of which the set knows an address; here to be reused.
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
        if let Some(translated) = head.translated {
            let [made_of_source, made_of_destination] = [translated.source, translated.destination];
            self.translated_addresses
                .extend([made_of_source.unwrap_or(source.ip), made_of_destination.unwrap_or(destination.ip)]);
            self.translated.push((self.flows.len(), *translated));
        }
        self.flows.push(Began { id, first, protocol, source, destination });
        self.addresses.extend([source.ip, destination.ip]);
    }

    fn clear(&mut self) {
        self.flows.clear();
        self.addresses.clear();
        self.translated.clear();
        self.translated_addresses.clear();
        self.met.clear();
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
        self.find(questions);
        let Questions { flows, translated, met: positions, .. } = &*questions;
        for position in positions {
            let Some(Began { id, first, protocol, source, destination }) = flows.get(*position).copied()
            else {
                continue;
            };
            let translated = match translated.as_slice() {
                [] => None,
                some => {
                    some.binary_search_by_key(position, |(flow, _)| *flow).ok().and_then(|at| some.get(at))
                }
            };
            let head = FlowHead {
                id,
                first,
                protocol,
                source,
                destination,
                tunnels: &[],
                translated: translated.map(|(_, translated)| translated),
                passive: &[],
            };
            let mut hits = FlowHits::default();
            Found::new(&self.set, &mut hits, (first, id.0)).ends(&head);
            if !hits.is_empty() {
                met(&head, hits);
            }
        }
        questions.clear();
    }

    /// Finds the flows of which an address may be met.
    fn find(&self, questions: &mut Questions) {
        let Questions { flows, addresses, translated, translated_addresses, met } = questions;
        if self.set.has_address_ports() {
            met.extend(0..flows.len());
            return;
        }
        self.set.addresses(addresses, |position, _| met.push(position / ENDS));
        if !translated.is_empty() {
            self.set.addresses(translated_addresses, |position, _| {
                met.extend(translated.get(position / ENDS).map(|(flow, _)| *flow));
            });
            met.sort_unstable();
        }
        met.dedup();
    }
}

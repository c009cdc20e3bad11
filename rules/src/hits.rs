//! Hits: which indicators were met in a flow, collected until the flow ends.

mod met;

use met::Met;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use weir_model::alert::{Field, Lookup};
use weir_model::flow::Tunnel;
use weir_model::held::Held;
use weir_model::{Endpoint, Indicator, Name, Timestamp};

/// Different hits kept of one flow record. Hits alike are counted in one, so only a flow that meets ever new indicators gets
/// there: a host that fills its flow with listed names to hide one. What is beyond is counted ([`FlowHits::left_out`]).
pub const MAX_HITS_PER_FLOW: usize = 8192;

/// Different DNS look-ups kept of one flow record, for a client that asks for listed names from one port without end. Beyond
/// it, hits of indicators that the flow has met already are counted with those, others are counted as left out.
pub const MAX_LOOKUPS_PER_FLOW: usize = 4096;

/// A question and an answer with the same identifier, name and ends further apart than this are two look-ups: identifiers have
/// 16 bits and come back.
pub const LOOKUP_MERGE_WINDOW: Duration = Duration::from_secs(30);

/// An indicator met in a flow.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The indicator, complete: the set that it is from may have been replaced when the flow ends.
    pub indicator: Arc<Indicator>,
    /// Where it was met.
    pub field: Field,
    /// What stood there.
    pub value: Arc<str>,
    /// Time of the packet, the first one of hits alike.
    pub time: Timestamp,
    /// Number of that packet.
    pub packet: u64,
    /// What in the flow the hit is about.
    pub subject: Subject,
    /// Time of the last one of hits alike.
    pub last: Timestamp,
    /// How many matches this stands for: hits alike, the same indicator, field, value and look-up, are counted in one.
    pub count: u64,
    /// It was found in what is kept of an open flow when the indicator came, and not in a packet: the time is that of the latest packet
    /// then.
    pub is_late: bool,
}

impl Hit {
    fn absorb(&mut self, other: &Self) {
        self.time = self.time.min(other.time);
        self.last = self.last.max(other.last);
        self.packet = self.packet.min(other.packet);
        self.count = self.count.saturating_add(other.count);
    }
}

/// What in a flow a hit is about: decides whose incident it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// One end of the flow, by its address; also where it was met by the address that a translator gives it.
    End(IpAddr),
    /// An end of a tunnel around the flow.
    Tunnel {
        /// The tunnel, as around the first packet.
        tunnel: Tunnel,
        /// Whether the indicator is the outer source.
        is_source: bool,
        /// Who sent the first packet inside: tells at the flow's end which outer end began.
        inner_source: Endpoint,
    },
    /// The flow as a whole: JA4, certificate.
    Flow,
    /// A host that the client said inside the flow.
    Said {
        /// The host, as text.
        host: Arc<str>,
        /// It was said to a proxy (CONNECT, absolute-form), which is then the responder.
        to_proxy: bool,
    },
    /// A name by which the client had asked for an address; it counts only if nothing contradicts it at the flow's end.
    Passive {
        /// The address so named, one end of the flow.
        address: IpAddr,
        /// The name asked for and its aliases.
        names: Arc<[Name]>,
    },
    /// A DNS look-up inside the flow: a position in [`FlowHits::lookups`].
    Lookup(usize),
}

/// The hits of one flow record, and the look-ups that they belong to. Nearly all flows have none, and then this is nothing but
/// an empty place.
#[derive(Clone, Debug, Default)]
pub struct FlowHits {
    met: Option<Box<Met>>,
}

impl FlowHits {
    /// Whether nothing was met.
    pub fn is_empty(&self) -> bool {
        self.hits().is_empty() && self.left_out() == 0
    }

    /// The hits, in the order in which they were added.
    pub fn hits(&self) -> &[Hit] {
        self.met.as_ref().map(|met| met.hits.as_slice()).unwrap_or_default()
    }

    /// The hits in an order that does not depend on when they were added: names from passive DNS may come after what was seen
    /// later in the flow.
    pub fn in_order(&self) -> Vec<&Hit> {
        let mut hits: Vec<&Hit> = self.hits().iter().collect();
        hits.sort_by_key(|hit| (hit.time, hit.packet, hit.field));
        hits
    }

    /// A look-up that hits belong to, by its position.
    pub fn lookup(&self, position: usize) -> Option<&Lookup> {
        self.met.as_ref()?.lookups.get(position).map(|(_, lookup)| lookup)
    }

    /// The look-ups that hits belong to.
    pub fn lookups(&self) -> impl ExactSizeIterator<Item = &Lookup> {
        let lookups = self.met.as_ref().map(|met| met.lookups.as_slice()).unwrap_or_default();
        lookups.iter().map(|(_, lookup)| lookup)
    }

    /// Takes over what was met later in the same flow, as if it had been met here.
    pub fn append(&mut self, later: &mut Self) {
        let Some(later) = later.met.take() else { return };
        let met = self.met.get_or_insert_default();
        let positions: Vec<Option<usize>> =
            later.lookups.into_iter().map(|(id, lookup)| met.push_lookup(id, lookup)).collect();
        met.left_out = met.left_out.saturating_add(later.left_out);
        for mut hit in later.hits {
            if let Subject::Lookup(position) = &mut hit.subject {
                let Some(here) = positions.get(*position).copied().flatten() else {
                    met.push_without_lookup(&hit);
                    continue;
                };
                *position = here;
            }
            met.push(hit);
        }
    }

    /// As [`Self::append`] the other way round: takes over what was met earlier in the same flow.
    pub fn prepend(&mut self, mut earlier: Self) {
        earlier.append(self);
        *self = earlier;
    }

    /// Takes over what was found in what is known of the same flow as a whole, but for what it has met already: an indicator in a field
    /// counts once for each value there, however often packets said it.
    pub fn append_new(&mut self, found: Self) {
        let Some(found) = found.met else { return };
        let met = self.met.get_or_insert_default();
        for mut hit in found.hits {
            if met.has_met(&hit) {
                continue;
            }
            if let Subject::Lookup(position) = &mut hit.subject {
                let Some((id, lookup)) = found.lookups.get(*position) else { continue };
                let Some(here) = met.position_of(*id, lookup) else {
                    met.push_without_lookup(&hit);
                    continue;
                };
                *position = here;
            }
            met.push(Hit { count: 1, ..hit });
        }
    }

    /// Matches that no hit stands for, because a cap was reached.
    pub fn left_out(&self) -> u64 {
        self.met.as_ref().map_or(0, |met| met.left_out)
    }

    /// All matches: those that hits stand for and those left out.
    pub fn matched(&self) -> u64 {
        self.hits().iter().map(|hit| hit.count).fold(self.left_out(), u64::saturating_add)
    }

    pub(crate) fn push(&mut self, hit: Hit) {
        self.met.get_or_insert_default().push(hit);
    }

    /// The position of the look-up that this message is of: a new one, or the one that it repeats or answers, which then
    /// gets what it did not say yet. `None`: there is no room for another.
    pub(crate) fn push_lookup(&mut self, id: u16, lookup: Lookup) -> Option<usize> {
        self.met.get_or_insert_default().push_lookup(id, lookup)
    }

    /// Counts a match in a look-up that there was no room for.
    pub(crate) fn push_without_lookup(&mut self, hit: &Hit) {
        self.met.get_or_insert_default().push_without_lookup(hit);
    }
}

impl Held for FlowHits {
    fn held_bytes(&self) -> usize {
        self.met.as_ref().map_or(0, |met| met.held_bytes())
    }
}

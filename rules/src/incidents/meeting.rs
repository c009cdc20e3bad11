//! Meetings: what one flow has to say to one incident.

use super::stats::IncidentStats;
use crate::grade::{grade, is_icmp_error};
use crate::hits::{FlowHits, Hit, Subject};
use crate::site::Site;
use crate::specificity;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::alert::{Field, Lookup, Translated};
use weir_model::flow::Tunnel;
use weir_model::indicator::Side;
use weir_model::{Direction, Flow, Grade, Indicator, Name, Protocol, Role, Timestamp};

/// What an incident is about besides its indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum About {
    /// Outbound and unknown: the inside host.
    Host(IpAddr),
    /// Inbound: nothing more, so that one scanner is one incident.
    Inbound,
    /// Both ends inside: the other end.
    Lateral(IpAddr),
    /// Both ends outside: the other end.
    Transit(IpAddr),
}

/// Hits of one flow that belong together: indicators that were met in the same thing, of which the most specific rings.
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    pub flow: Arc<Flow>,
    /// Never empty; those of the indicator that rings come first, then the next specific one's, and so on.
    pub hits: Vec<Hit>,
    pub about: About,
    pub direction: Direction,
    pub grade: Grade,
    pub at_least: bool,
    /// Inbound: the inside end.
    pub touched: Option<IpAddr>,
    /// The host that the incident counts for, or inbound the inside, began the flow.
    pub is_initiator: bool,
    /// The look-up, if it is one.
    pub lookup: Option<Lookup>,
    /// Matches that this accounts for.
    pub weight: u64,
    /// The flow's earlier record had this meeting already.
    pub is_continuation: bool,
    /// The indicator is an outer end of this tunnel, whose source is on the side of the flow's initiator.
    pub tunnel: Option<Tunnel>,
    /// On which side of the flow the address stood that rings, where it is known who began.
    pub side: Option<Side>,
    /// The host that the incident counts for translates addresses: what its log is to be asked for.
    pub translated: Option<Translated>,
}

impl Meeting {
    /// The indicator that rings.
    pub(super) fn ring(&self) -> Option<&Arc<Indicator>> {
        self.hits.first().map(|hit| &hit.indicator)
    }

    /// Each indicator once, the one that rings first.
    pub(super) fn indicators(&self) -> impl Iterator<Item = &Arc<Indicator>> {
        self.hits.chunk_by(same_indicator).filter_map(|hits| hits.first()).map(|hit| &hit.indicator)
    }

    /// The hits of the indicator that rings.
    pub(super) fn ring_hits(&self) -> impl Iterator<Item = &Hit> {
        self.hits.chunk_by(same_indicator).take(1).flatten()
    }

    /// The same meeting told for another of its indicators, accounting for no match.
    pub(super) fn told_for(&self, indicator: &Indicator) -> Self {
        let hits = self.hits.iter().filter(|hit| hit.indicator.value == indicator.value);
        Self { hits: hits.cloned().collect(), weight: 0, ..self.clone() }
    }

    /// When it was first met, and at which packet.
    pub(super) fn met(&self) -> (Timestamp, u64) {
        self.hits.iter().map(|hit| (hit.time, hit.packet)).min().unwrap_or((self.flow.first, self.flow.id.0))
    }

    /// First and last packet of what matched.
    pub(super) fn span(&self) -> (Timestamp, Timestamp) {
        let Some(lookup) = &self.lookup else {
            return (self.flow.first, self.flow.last);
        };
        let last = self.hits.iter().map(|hit| hit.last).max().unwrap_or(lookup.time);
        (lookup.time.min(self.met().0), last)
    }
}

fn same_indicator(one: &Hit, other: &Hit) -> bool {
    one.indicator.value == other.indicator.value
}

/// Sorts the hits of a flow that ended into meetings; what rings for nobody is counted in `stats`.
///
/// What was met in the flow itself (its addresses, what was said in it, its certificate) is one meeting; if the client said
/// several host names in it, as to a proxy, one for each. Each DNS look-up is a meeting of its own, because it has its own grade
/// and asker, and so is each tunnel around the flow, because it lies between other hosts.
pub(super) fn meetings(
    flow: &Arc<Flow>,
    hits: &FlowHits,
    carried: &[Hit],
    site: &Site,
    stats: &mut IncidentStats,
) -> Vec<(Meeting, IsHoneypot)> {
    let mut sorter = Sorter { flow, hits, site, by_thing: BTreeMap::new(), hosts: HashMap::default() };
    for hit in carried.iter().chain(hits.in_order()) {
        match rejected(hit, flow) {
            None => sorter.sort(hit),
            Some(Rejected::Contradicted) => stats.hits_contradicted += hit.count,
            Some(Rejected::NotResponder) => stats.hits_not_responder += hit.count,
            Some(Rejected::Continued) => stats.hits_continued += hit.count,
        }
    }
    sorter.finish()
}

/// Hits that one record hands on to the next of the same conversation. A client can say thousands of listed names in one flow;
/// the first ones are enough to count the flow's later bytes for.
const MAX_CARRIED_HITS: usize = 64;

/// Hits that later records of the same conversation take up, when this one ended by the active timeout. They count for nothing.
pub(super) fn to_carry(hits: &FlowHits, carried: &[Hit], flow: &Flow) -> Vec<Hit> {
    let of_flow = |hit: &&Hit| !matches!(hit.subject, Subject::Lookup(_)) && rejected(hit, flow).is_none();
    let mut all: Vec<Hit> = carried.to_vec();
    for hit in hits.in_order().into_iter().filter(of_flow) {
        let known =
            |other: &Hit| same_indicator(other, hit) && other.field == hit.field && other.value == hit.value;
        if all.len() < MAX_CARRIED_HITS && !all.iter().any(known) {
            all.push(Hit { count: 0, ..hit.clone() });
        }
    }
    all
}

/// Whether a honeypot is one of the hosts of a meeting.
pub(super) type IsHoneypot = bool;

enum Rejected {
    Contradicted,
    NotResponder,
    Continued,
}

/// Passive DNS rings only for the end that was spoken to, only when the name was asked for before the conversation began, and
/// only when the client did not say another name: one that is neither the name asked for nor an alias of it, nor below one.
fn rejected(hit: &Hit, flow: &Flow) -> Option<Rejected> {
    let Subject::Passive { address, names } = &hit.subject else {
        return None;
    };
    if *address != flow.responder.ip {
        return Some(Rejected::NotResponder);
    }
    if flow.continues.is_some() && hit.count > 0 && !hit.is_late {
        return Some(Rejected::Continued);
    }
    let mut said = flow.names().filter(|name| name.source.is_said()).map(|name| &name.name).peekable();
    let agrees = |said: &Name| names.iter().any(|asked| said.is_within(asked));
    (said.peek().is_some() && !said.any(agrees)).then_some(Rejected::Contradicted)
}

/// What hits belong together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// The flow, or in it the n-th host said.
    Flow(usize),
    Tunnel {
        source: IpAddr,
        destination: IpAddr,
        is_source: bool,
    },
    Lookup(usize),
}

struct Sorter<'a> {
    flow: &'a Arc<Flow>,
    hits: &'a FlowHits,
    site: &'a Site,
    by_thing: BTreeMap<Thing, Vec<Hit>>,
    /// The host names said, by the order in which they were.
    hosts: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
}

impl Sorter<'_> {
    fn sort(&mut self, hit: &Hit) {
        let thing = match &hit.subject {
            Subject::Lookup(position) => Thing::Lookup(*position),
            Subject::Tunnel { tunnel: Tunnel { source, destination, .. }, is_source, .. } => {
                Thing::Tunnel { source: *source, destination: *destination, is_source: *is_source }
            }
            Subject::Said { host, .. } if host.parse::<IpAddr>().is_err() => {
                let next = self.hosts.len();
                Thing::Flow(*self.hosts.entry(Arc::clone(host)).or_insert(next))
            }
            Subject::End(_) | Subject::Flow | Subject::Passive { .. } | Subject::Said { .. } => {
                Thing::Flow(0)
            }
        };
        self.by_thing.entry(thing).or_default().push(hit.clone());
    }

    fn finish(mut self) -> Vec<(Meeting, IsHoneypot)> {
        let things = std::mem::take(&mut self.by_thing);
        things.into_iter().map(|(thing, hits)| self.meeting(thing, hits)).collect()
    }

    fn meeting(&self, thing: Thing, mut hits: Vec<Hit>) -> (Meeting, IsHoneypot) {
        hits.sort_by_cached_key(|hit| (specificity::order(&hit.indicator.value), hit.time, hit.packet));
        let lookup = match thing {
            Thing::Lookup(position) => self.lookup(position),
            Thing::Flow(_) | Thing::Tunnel { .. } => None,
        };
        let ends = self.ends(&hits, lookup.as_ref());
        let is_honeypot = self.is_honeypot(&ends);
        let assessment = grade(self.flow);
        let (about, direction, touched) = ends.placed(self.site, self.flow);
        let counted_for = match about {
            About::Host(ip) | About::Lateral(ip) | About::Transit(ip) => Some(ip),
            About::Inbound => touched,
        };
        let translator =
            counted_for.filter(|ip| about != About::Inbound && self.site.has_role(*ip, Role::Nat));
        let is_continuation = self.flow.continues.is_some() && hits.iter().any(|hit| hit.count == 0);
        let meeting = Meeting {
            tunnel: ends.tunnel,
            side: self.side(&hits, &ends, direction).filter(|_| lookup.is_none()),
            translated: translator
                .filter(|_| ends.tunnel.is_none() && !is_continuation)
                .and_then(|ip| translated(ip, self.flow, lookup.as_ref())),
            flow: Arc::clone(self.flow),
            about,
            direction,
            grade: if lookup.is_some() { Grade::LookedUp } else { assessment.grade },
            at_least: lookup.is_none() && assessment.at_least,
            touched,
            is_initiator: (counted_for == Some(ends.began)) == ends.first_began,
            lookup,
            weight: hits.iter().map(|hit| hit.count).sum(),
            is_continuation,
            hits,
        };
        (meeting, is_honeypot)
    }

    /// Whether one of the hosts is a honeypot, by the address that the flow has or by the one behind a translator.
    fn is_honeypot(&self, ends: &Ends) -> bool {
        let own = [self.flow.initiator.ip, self.flow.responder.ip];
        let own = own.into_iter().filter(|_| ends.tunnel.is_none());
        [ends.began, ends.answered].into_iter().chain(own).any(|ip| self.site.has_role(ip, Role::Honeypot))
    }

    /// A flow that carries one question was begun by it, also if only the answer was compared.
    fn lookup(&self, position: usize) -> Option<Lookup> {
        let mut lookup = self.hits.lookup(position)?.clone();
        let one_question = self.flow.protocol == Protocol::UDP && self.flow.dns_messages.0 == 1;
        if one_question && self.hits.lookups().len() == 1 && lookup.client == self.flow.initiator {
            lookup.time = lookup.time.min(self.flow.first);
        }
        Some(lookup)
    }

    /// Between whom the meeting is. Of a flow, the end that answered counts as the bad one unless the indicator that rings is
    /// the other end and not this one.
    fn ends(&self, hits: &[Hit], lookup: Option<&Lookup>) -> Ends {
        let (initiator, responder) = (self.flow.initiator.ip, self.flow.responder.ip);
        if let Some(lookup) = lookup {
            let first_began = lookup.client.ip == initiator;
            let (began, answered) = (self.host_of(lookup.client.ip), self.host_of(lookup.server.ip));
            return Ends { began, answered, bad_began: false, asks: true, first_began, tunnel: None };
        }
        if let Some(Hit { subject: Subject::Tunnel { tunnel, is_source, inner_source }, .. }) = hits.first() {
            let forward = *inner_source == self.flow.initiator;
            let Tunnel { source, destination, .. } = *tunnel;
            let (began, answered) = if forward { (source, destination) } else { (destination, source) };
            return Ends {
                began,
                answered,
                bad_began: *is_source == forward,
                asks: false,
                first_began: true,
                tunnel: Some(Tunnel { source: began, destination: answered, ..*tunnel }),
            };
        }
        let is_end = |ip| move |hit: &Hit| matches!(hit.subject, Subject::End(end) if end == ip);
        let mut ringing = hits.chunk_by(same_indicator).take(1).flatten();
        let bad_answered = ringing.clone().any(is_end(responder));
        let bad_began = !bad_answered && ringing.any(is_end(initiator));
        let by_proxy = self.site.has_role(responder, Role::Proxy);
        let asks = hits
            .iter()
            .any(|hit| matches!(hit.subject, Subject::Said { to_proxy, .. } if to_proxy || by_proxy));
        let (began, answered) = (self.host_of(initiator), self.host_of(responder));
        Ends { began, answered, bad_began, asks, first_began: true, tunnel: None }
    }

    fn side(&self, hits: &[Hit], ends: &Ends, direction: Direction) -> Option<Side> {
        let is_address =
            |field| matches!(field, Field::FlowAddress | Field::TranslatedAddress | Field::TunnelAddress);
        let is_known = direction != Direction::Unknown && !ends.nobody_began(self.flow);
        let mut ringing = hits.chunk_by(same_indicator).take(1).flatten();
        let is_met = is_known && ringing.any(|hit| is_address(hit.field));
        is_met.then_some(if ends.bad_began { Side::Source } else { Side::Destination })
    }

    /// The host behind an end of the flow.
    fn host_of(&self, ip: IpAddr) -> IpAddr {
        let ends = [self.flow.initiator_ends(), self.flow.responder_ends()];
        let translated = ends.into_iter().find(|(own, _)| own.ip == ip).and_then(|(_, other)| other);
        self.site.host_of(ip, translated.map(|end| end.ip))
    }
}

/// The port that a translator used for a flow, or for a look-up in it.
fn translated(translator: IpAddr, flow: &Flow, lookup: Option<&Lookup>) -> Option<Translated> {
    let (time, one, other) = match lookup {
        Some(lookup) => (lookup.time, lookup.client, lookup.server),
        None => (flow.first, flow.initiator, flow.responder),
    };
    let (end, peer) = [(one, other), (other, one)].into_iter().find(|(end, _)| end.ip == translator)?;
    flow.protocol.has_ports().then_some(Translated { time, end, peer, protocol: flow.protocol })
}

/// The two hosts of a meeting.
struct Ends {
    began: IpAddr,
    answered: IpAddr,
    /// The indicator is the end that began.
    bad_began: bool,
    /// The end that began asks the other for something elsewhere: a resolver, a proxy. Then it alone decides.
    asks: bool,
    /// `began` is the flow's initiator, or stands where it does.
    first_began: bool,
    /// They are the ends of this tunnel, its source the one that began.
    tunnel: Option<Tunnel>,
}

impl Ends {
    fn placed(&self, site: &Site, flow: &Flow) -> (About, Direction, Option<IpAddr>) {
        let other = if self.bad_began { self.answered } else { self.began };
        match (site.is_inside(self.began), site.is_inside(self.answered)) {
            (true, _) if self.asks => (About::Host(self.began), Direction::Outbound, None),
            (true, true) => (About::Lateral(other), Direction::Lateral, None),
            (false, false) => (About::Transit(other), Direction::Transit, None),
            (began_inside, _) if self.nobody_began(flow) => {
                let host = if began_inside { self.began } else { self.answered };
                (About::Host(host), Direction::Unknown, None)
            }
            (true, false) if !self.asks && flow.is_bare_answer() => {
                (About::Host(self.began), Direction::Unknown, None)
            }
            (true, false) => (About::Host(self.began), Direction::Outbound, None),
            (false, true) => (About::Inbound, Direction::Inbound, Some(self.answered)),
        }
    }

    /// No start was seen, or the flow is an ICMP error, which only answers.
    fn nobody_began(&self, flow: &Flow) -> bool {
        !self.asks && (!flow.is_start_known() || is_icmp_error(flow))
    }
}

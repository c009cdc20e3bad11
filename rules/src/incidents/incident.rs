//! One incident, from its first meeting to its notice.

use super::meeting::{About, Meeting};
use super::memory::Remembered;
use super::met::Met;
use super::relations::{Related, indicators};
use super::totals::Totals;
use crate::severity::{Circumstances, severity};
use crate::site::Site;
use crate::specificity;
use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::alert::{Field, Lookup, Match, Notice, Severity, Translated};
use weir_model::flow::{FlowId, NameSource, Tunnel};
use weir_model::indicator::Side;
use weir_model::{
    Alert, Direction, Effect, Endpoint, Flow, Grade, Indicator, IndicatorValue, Name, Role, Sampling,
    Timestamp,
};

/// Indicators besides the one that rings that one incident lists. Every indicator met must appear in some notice: one for
/// which there is no room rings by itself.
pub const MAX_ALSO_MATCHED: usize = 256;
/// Names that an alert lists, the first ones met; a client can say as many as it likes.
pub const MAX_NAMES: usize = 32;
/// Look-ups that an alert lists, the first ones; a client can ask as often as it likes. All are counted.
pub const MAX_LISTED_LOOKUPS: usize = 32;
/// Hosts that an alert lists in each of its lists, the first ones; a scanner touches whole networks. All are counted.
pub const MAX_LISTED_HOSTS: usize = 64;
/// Resolvers that an alert lists, the lowest addresses; a site has a handful.
pub const MAX_LISTED_RESOLVERS: usize = 16;
/// Ports of an address translator that an alert lists, the first ones; whoever is behind it can open as many flows as it likes.
pub const MAX_TRANSLATED: usize = 16;
/// Touched hosts that an inbound incident remembers, to count them and to know when one calls back: a /16. Beyond it,
/// touches are counted as forgotten and the number of touched hosts is a lower bound.
pub const MAX_TOUCHED_HOSTS: usize = 65_536;

/// The namespace of all identifiers of incidents and notices (UUIDv5, RFC 9562 section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0a_65c2_6f4e_4f0b_9d3c_7765_6972_0001);

/// What makes two hits one incident.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub indicator: IndicatorValue,
    pub about: About,
}

impl Key {
    /// The key of the incident that a notice is of.
    pub(super) fn of(alert: &Alert) -> Option<Self> {
        let about = match alert.direction {
            Direction::Outbound | Direction::Unknown => About::Host(alert.host?),
            Direction::Inbound => About::Inbound,
            Direction::Lateral => About::Lateral(alert.host?),
            Direction::Transit => About::Transit(alert.host?),
        };
        Some(Self { indicator: alert.indicator.value.clone(), about })
    }

    /// Its text form: part of identifiers, so it never changes.
    pub(super) fn text(&self) -> String {
        let (kind, indicator) = (self.indicator.kind(), &self.indicator);
        match self.about {
            About::Host(ip) => format!("host {ip} {kind} {indicator}"),
            About::Inbound => format!("inbound {kind} {indicator}"),
            About::Lateral(ip) => format!("lateral {ip} {kind} {indicator}"),
            About::Transit(ip) => format!("transit {ip} {kind} {indicator}"),
        }
    }

    /// The identifier of the incident with this key that opened then: the same for all its notices.
    pub(super) fn incident(&self, opened: Timestamp) -> Uuid {
        identifier(self, opened, None)
    }
}

/// An incident. What it gathers does not depend on the order in which its meetings come.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub key: Key,
    pub indicator: Arc<Indicator>,
    /// Time and packet of the first hit.
    pub opened: (Timestamp, u64),
    pub first: Timestamp,
    pub last: Timestamp,
    pub direction: Direction,
    pub grade: Grade,
    /// Of some flow only one side, or some packets, were seen.
    one_sided: bool,
    /// An address that rings began a flow.
    met_as_source: bool,
    /// An address that rings was spoken to.
    met_as_destination: bool,
    /// How packets of its flows were chosen, by the coarsest of the routers that told of them.
    sampling: Option<Sampling>,
    /// Matches that it accounts for.
    pub weight: u64,
    connections: Totals,
    looked_up: Totals,
    /// The flow counted last: several meetings of one flow count it once.
    counted: Option<FlowId>,
    example: Arc<Flow>,
    example_grade: Grade,
    example_tunnel: Option<Tunnel>,
    translated: BTreeSet<Translated>,
    matched: BTreeMap<Field, (Timestamp, u64, Arc<str>)>,
    /// The other indicators.
    pub also: HashMap<IndicatorValue, Arc<Indicator>, RandomState>,
    /// The beginning of the latest flow that the host opened, of all indicators.
    pub contacts: HashMap<IndicatorValue, Timestamp, RandomState>,
    names: BTreeMap<(Name, NameSource), Timestamp>,
    lookups: BTreeMap<LookupOrder, Lookup>,
    lookup_count: u64,
    /// Inbound: when each inside host was touched first.
    pub touched: BTreeMap<IpAddr, Timestamp>,
    resolvers: BTreeSet<IpAddr>,
    /// The incident before with the same key.
    pub previous: Option<Uuid>,
    /// Notices given before it was over.
    pub notices: u32,
    /// Those of them that nobody was sent.
    pub unsent: u32,
    /// How many of its indicators are shown where incidents are looked up by what they met.
    shown: usize,
}

/// As what it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    pub notice: Notice,
    pub number: u32,
    pub unsent: u32,
}

type LookupOrder = (Timestamp, Endpoint, Endpoint, Name, u16);

impl Incident {
    /// An incident that begins with a meeting, which is still to be added. `None` for a meeting without hits: there is none.
    pub(super) fn new(meeting: &Meeting) -> Option<Self> {
        let indicator = Arc::clone(meeting.ring()?);
        let (first, last) = meeting.span();
        Some(Self {
            key: Key { indicator: indicator.value.clone(), about: meeting.about },
            indicator,
            opened: meeting.met(),
            first,
            last,
            direction: meeting.direction,
            grade: meeting.grade,
            one_sided: false,
            met_as_source: false,
            met_as_destination: false,
            sampling: None,
            weight: 0,
            connections: Totals::default(),
            looked_up: Totals::default(),
            counted: None,
            example: Arc::clone(&meeting.flow),
            example_grade: meeting.grade,
            example_tunnel: meeting.tunnel,
            translated: BTreeSet::new(),
            matched: BTreeMap::new(),
            also: HashMap::default(),
            contacts: HashMap::default(),
            names: BTreeMap::new(),
            lookups: BTreeMap::new(),
            lookup_count: 0,
            touched: BTreeMap::new(),
            resolvers: BTreeSet::new(),
            previous: None,
            notices: 0,
            unsent: 0,
            shown: 0,
        })
    }

    /// An incident, or none yet, with meetings of its key added, those of one flow next to each other.
    pub(super) fn of<'a>(before: Option<Self>, meetings: impl Iterator<Item = &'a Meeting>) -> Option<Self> {
        meetings.fold(before, |incident, meeting| {
            let mut incident = incident.or_else(|| Self::new(meeting))?;
            incident.add(meeting, true);
            Some(incident)
        })
    }

    /// Adds a meeting with this key. Says what that cost, and what found no place.
    pub(super) fn add(&mut self, meeting: &Meeting, room_for_touch: bool) -> Added {
        let (first, last) = meeting.span();
        self.opened = self.opened.min(meeting.met());
        self.first = self.first.min(first);
        self.last = self.last.max(last);
        self.grade = self.grade.max(meeting.grade);
        self.one_sided |= meeting.at_least;
        self.met_as_source |= meeting.side == Some(Side::Source);
        self.met_as_destination |= meeting.side == Some(Side::Destination);
        self.weight += meeting.weight;
        if meeting.direction == Direction::Outbound {
            self.direction = Direction::Outbound;
        }
        for hit in meeting.ring_hits() {
            let met = (hit.time, hit.packet, Arc::clone(&hit.value));
            let known = self.matched.entry(hit.field).or_insert_with(|| met.clone());
            *known = met.min(known.clone());
        }
        self.add_flow(meeting);
        self.add_names(&meeting.flow);
        self.list_translated(meeting.translated.iter().cloned());
        if let Some(lookup) = &meeting.lookup {
            self.lookup_count += 1;
            self.list_lookup(lookup.clone());
        } else if meeting.direction == Direction::Outbound {
            self.add_contact(meeting);
        }
        let without_place =
            meeting.indicators().skip(1).filter(|other| !self.lists(other)).cloned().collect();
        Added { without_place, touch: self.add_touch(meeting, room_for_touch) }
    }

    /// Has it found by all indicators that it met, which only become more.
    pub(super) fn show_in(&mut self, met: &mut Met) {
        let all = 1 + self.also.len();
        if self.shown != all {
            self.shown = all;
            met.insert(&self.key, indicators(self));
        }
    }

    /// Takes in what a resolver asked on behalf of this incident's host.
    pub(super) fn add_resolver(&mut self, meeting: &Meeting, resolver: IpAddr) -> Vec<Arc<Indicator>> {
        self.weight += meeting.weight;
        self.resolvers.insert(resolver);
        if self.resolvers.len() > MAX_LISTED_RESOLVERS {
            self.resolvers.pop_last();
        }
        let others = meeting.indicators().filter(|other| other.value != self.key.indicator);
        others.cloned().collect::<Vec<_>>().into_iter().filter(|other| !self.lists(other)).collect()
    }

    /// Takes in the incident of the look-ups that led to this one, which lists its indicator. `false`: it lacks the room.
    /// The opening time stays, and with it the identifier, which a later incident may have been linked to.
    pub(super) fn absorb(&mut self, lookups: &Incident) -> bool {
        let new = lookups
            .also
            .keys()
            .filter(|value| **value != self.key.indicator && !self.also.contains_key(*value));
        if self.also.len() + new.count() > MAX_ALSO_MATCHED {
            return false;
        }
        self.first = self.first.min(lookups.first);
        self.last = self.last.max(lookups.last);
        self.weight += lookups.weight;
        self.sampling = Sampling::coarser(self.sampling, lookups.sampling);
        self.looked_up.add(lookups.looked_up);
        self.lookup_count += lookups.lookup_count;
        lookups.lookups.values().for_each(|lookup| self.list_lookup(lookup.clone()));
        self.list_translated(lookups.translated.iter().cloned());
        self.resolvers.extend(&lookups.resolvers);
        while self.resolvers.len() > MAX_LISTED_RESOLVERS {
            self.resolvers.pop_last();
        }
        for other in lookups.also.values() {
            self.lists(other);
        }
        true
    }

    /// Whether these look-ups, of which is another incident, led to this contact: it is about the same host, not more than the
    /// quiet period away, a more specific indicator rang for it, and it lists this one.
    pub(super) fn includes(&self, lookups: &Self, quiet: Duration) -> bool {
        lookups.grade == Grade::LookedUp
            && self.grade > Grade::LookedUp
            && self.key.about == lookups.key.about
            && self.also.contains_key(&lookups.key.indicator)
            && self.first.since(lookups.last) <= quiet
            && lookups.first.since(self.last) <= quiet
    }

    /// The keys of the incidents that the indicators listed here have of their own, if any, in a fixed order.
    pub(super) fn listed_keys(&self) -> Vec<Key> {
        let key = |other: &Arc<Indicator>| Key { indicator: other.value.clone(), about: self.key.about };
        self.also_matched().iter().map(key).collect()
    }

    fn id(&self) -> Uuid {
        self.key.incident(self.opened.0)
    }

    /// What a later incident with the same key is linked by.
    pub(super) fn remembered(&self) -> Remembered {
        Remembered {
            key: self.key.text(),
            opened: self.opened.0,
            last: self.last,
            incident: self.id(),
            previous: self.previous,
            told: None,
        }
    }

    /// How urgent it is.
    pub(super) fn severity(&self, site: &Site, related: &Related) -> Severity {
        severity(&Circumstances {
            direction: self.direction,
            grade: self.grade,
            indicator: &self.key.indicator,
            roles: &self.host().map(|ip| site.roles_of(ip)).unwrap_or_default(),
            called_back: related.touched_before.is_some() || !related.called_back.is_empty(),
            is_other_side: self.known_as().is_some(),
            warned: self.warned(),
        })
    }

    /// The side of flows on which all sources know the indicator, where it was only met on the other.
    fn known_as(&self) -> Option<Side> {
        let side = self.indicator.side()?;
        let (met, other) = match side {
            Side::Source => (self.met_as_source, self.met_as_destination),
            Side::Destination => (self.met_as_destination, self.met_as_source),
        };
        (other && !met).then_some(side)
    }

    /// What warninglists that hold the indicator do to the urgency. A sinkhole in a cloud is a sinkhole; behind an address that serves many
    /// it may have been any of them, so that these two together do nothing.
    fn warned(&self) -> Option<Effect> {
        let has = |effect| self.indicator.warnings.iter().any(|warning| warning.effect == effect);
        let is_name = |value: &IndicatorValue| {
            matches!(value, IndicatorValue::Domain(_) | IndicatorValue::Host(_) | IndicatorValue::Url(_))
        };
        let is_shared = has(Effect::Shared) && !self.also.keys().any(is_name);
        let raises = has(Effect::Raise) && self.direction == Direction::Outbound;
        match (raises, is_shared, has(Effect::Lower)) {
            (true, true, _) | (false, false, false) => None,
            (true, false, _) => Some(Effect::Raise),
            (false, _, true) => Some(Effect::Lower),
            (false, true, false) => Some(Effect::Shared),
        }
    }

    /// The host that it is about.
    fn host(&self) -> Option<IpAddr> {
        match self.key.about {
            About::Host(ip) | About::Lateral(ip) | About::Transit(ip) => Some(ip),
            About::Inbound => None,
        }
    }

    /// A notice of it.
    pub(super) fn alert(&self, site: &Site, related: Related, telling: Telling) -> Alert {
        let Telling { notice, number, unsent } = telling;
        let urgency = self.severity(site, &related);
        let host = self.host();
        let roles = host.map(|ip| site.roles_of(ip)).unwrap_or_default();
        let totals = if self.grade == Grade::LookedUp { self.looked_up } else { self.connections };
        let touched = first_hosts(self.touched.iter().map(|(ip, time)| (*time, *ip)).collect());
        Alert {
            id: identifier(&self.key, self.opened.0, Some(number)),
            incident: self.id(),
            notice,
            number,
            unsent,
            indicator: Arc::clone(&self.indicator),
            also_matched: self.also_matched(),
            matched: self.matched_fields(),
            direction: self.direction,
            grade: self.grade,
            at_least: self.one_sided && self.grade < Grade::Exchanged,
            severity: urgency,
            known_as: self.known_as(),
            warned: self.warned(),
            host,
            unknown_client: self.lookup_count > 0 && roles.contains(&Role::Resolver),
            roles,
            first: self.first,
            last: self.last,
            flows: self.connections.flows + self.looked_up.flows,
            connections: self.connections.flows,
            sent: totals.sent,
            received: totals.received,
            sampling: self.sampling,
            estimated_sent: totals.estimated_sent,
            estimated_received: totals.estimated_received,
            example: Arc::clone(&self.example),
            tunnel: self.example_tunnel,
            names: self.listed_names(),
            lookups: self.lookups.values().cloned().collect(),
            lookup_count: self.lookup_count,
            touched,
            touched_count: self.touched.len() as u64,
            other_hosts: related.other_hosts,
            other_host_count: related.other_host_count,
            called_back: related.called_back,
            touched_before: related.touched_before,
            translated: self.translated.iter().cloned().collect(),
            resolvers: self.resolvers.iter().copied().collect(),
            previous: self.previous,
            clock: None,
        }
    }

    fn add_flow(&mut self, meeting: &Meeting) {
        let flow = &meeting.flow;
        let says_more = |grade: Grade, flow: &Flow| (Reverse(grade), flow.first, flow.id);
        if says_more(meeting.grade, flow) < says_more(self.example_grade, &self.example) {
            (self.example, self.example_grade) = (Arc::clone(flow), meeting.grade);
            self.example_tunnel = meeting.tunnel;
        }
        if self.counted.replace(flow.id) == Some(flow.id) {
            return;
        }
        if let Some(exported) = flow.exported.as_ref().filter(|exported| exported.is_sampled()) {
            self.sampling = Sampling::coarser(self.sampling, exported.sampling);
        }
        let totals = if meeting.lookup.is_some() { &mut self.looked_up } else { &mut self.connections };
        totals.add(Totals::of(flow, meeting.is_initiator, u64::from(!meeting.is_continuation)));
    }

    fn add_names(&mut self, flow: &Flow) {
        for learnt in flow.names() {
            let key = (learnt.name.clone(), learnt.source);
            let time = self.names.entry(key).or_insert(learnt.time);
            *time = learnt.time.min(*time);
            if self.names.len() > MAX_NAMES {
                let last = self
                    .names
                    .iter()
                    .max_by_key(|(name, time)| (**time, *name))
                    .map(|(name, _)| name.clone());
                last.and_then(|last| self.names.remove(&last));
            }
        }
    }

    fn add_contact(&mut self, meeting: &Meeting) {
        for indicator in meeting.indicators() {
            let known = self.contacts.contains_key(&indicator.value);
            if known || self.contacts.len() <= MAX_ALSO_MATCHED {
                let latest = self.contacts.entry(indicator.value.clone()).or_default();
                *latest = meeting.flow.first.max(*latest);
            }
        }
    }

    fn add_touch(&mut self, meeting: &Meeting, room: bool) -> Touch {
        let Some(ip) = meeting.touched else {
            return Touch::Known;
        };
        let (first, _) = meeting.span();
        if let Some(time) = self.touched.get_mut(&ip) {
            *time = first.min(*time);
            return Touch::Known;
        }
        if !room || self.touched.len() >= MAX_TOUCHED_HOSTS {
            return Touch::Forgotten;
        }
        self.touched.insert(ip, first);
        Touch::New
    }

    /// Lists another indicator, if there is room; says whether it is listed.
    fn lists(&mut self, other: &Arc<Indicator>) -> bool {
        if other.value == self.key.indicator || self.also.contains_key(&other.value) {
            return true;
        }
        let room = self.also.len() < MAX_ALSO_MATCHED;
        if room {
            self.also.insert(other.value.clone(), Arc::clone(other));
        }
        room
    }

    fn list_lookup(&mut self, lookup: Lookup) {
        let order = (lookup.time, lookup.client, lookup.server, lookup.name.clone(), lookup.qtype);
        self.lookups.insert(order, lookup);
        if self.lookups.len() > MAX_LISTED_LOOKUPS {
            self.lookups.pop_last();
        }
    }

    fn list_translated(&mut self, translated: impl Iterator<Item = Translated>) {
        for translated in translated {
            self.translated.insert(translated);
            if self.translated.len() > MAX_TRANSLATED {
                self.translated.pop_last();
            }
        }
    }

    fn also_matched(&self) -> Vec<Arc<Indicator>> {
        let mut also: Vec<Arc<Indicator>> = self.also.values().cloned().collect();
        also.sort_by_cached_key(|indicator| specificity::order(&indicator.value));
        also
    }

    fn matched_fields(&self) -> Vec<Match> {
        let mut matched: Vec<_> = self.matched.iter().map(|(field, met)| (met, *field)).collect();
        matched.sort();
        matched.into_iter().map(|((_, _, value), field)| Match { field, value: Arc::clone(value) }).collect()
    }

    fn listed_names(&self) -> Vec<(Name, NameSource)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, time)| (*time, name)).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }
}

/// What adding a meeting left undone.
#[derive(Debug, Default)]
pub(super) struct Added {
    pub without_place: Vec<Arc<Indicator>>,
    pub touch: Touch,
}

/// What became of a touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Touch {
    /// There was none, or the host had been touched before.
    #[default]
    Known,
    /// Another host is remembered.
    New,
    /// There was no room to remember it.
    Forgotten,
}

/// The first hosts of a list, by time.
pub(super) fn first_hosts(mut hosts: Vec<(Timestamp, IpAddr)>) -> Vec<IpAddr> {
    hosts.sort_unstable();
    hosts.into_iter().take(MAX_LISTED_HOSTS).map(|(_, ip)| ip).collect()
}

/// UUIDv5 over key, opening time in nanoseconds and, for a notice, its number.
fn identifier(key: &Key, opened: Timestamp, number: Option<u32>) -> Uuid {
    let number = number.map(|number| format!("\n{number}")).unwrap_or_default();
    let text = format!("{}\n{}{number}", key.text(), opened.as_nanos());
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

//! Incidents: hits of many flows, gathered so that one infected host is one alert.
//!
//! [`Incidents::fold`] takes each flow record when it ends, with its hits. The hits are sorted into meetings (what belongs
//! together within the flow), of which the most specific indicator rings; meetings are gathered by key:
//!
//! | direction | key |
//! |---|---|
//! | outbound, unknown | indicator and inside host |
//! | inbound | indicator |
//! | lateral, transit | indicator and other end |
//!
//! An indicator that never is the most specific of a meeting needs no incident of its own: it is listed where it was outranked.
//! Likewise, when a host only looked up what it then contacted, and a more specific indicator rang for the contact, then the
//! look-ups become part of that incident.
//!
//! On a tap, [`Incidents::stands`] takes flows that are still open, and [`Incidents::notices`] tells of incidents as they open, rise
//! and go on; neither changes what they gather.
//!
//! What an incident gathers does not depend on the order in which flows end, and notices come in the order of opening time,
//! packet number and key. One owner folds all flows: hits are rare, so nothing is won yet by sharing this between threads;
//! keys never span two indicators that ring, by which the incidents can be divided later.

mod closing;
mod incident;
mod live;
mod meeting;
mod memory;
mod met;
mod notices;
mod relations;
mod resolver;
mod stats;
#[cfg(test)]
mod tests;
mod totals;

pub use incident::{
    MAX_ALSO_MATCHED, MAX_LISTED_HOSTS, MAX_LISTED_LOOKUPS, MAX_LISTED_RESOLVERS, MAX_NAMES,
    MAX_TOUCHED_HOSTS, MAX_TRANSLATED,
};
pub use live::{MAX_STANDING_FLOWS, Told};
pub use memory::{MAX_TOLD, Remembered};
pub use notices::{PASSIVE_RINGS_AFTER, RESOLVER_RINGS_AFTER};
pub use resolver::{MAX_REMEMBERED_LOOKUPS, RESOLVER_WINDOW};
pub use stats::IncidentStats;

use crate::hits::{FlowHits, Hit};
use crate::site::Site;
use foldhash::fast::RandomState;
use incident::{Incident, Key, Touch};
use live::Live;
use meeting::{Meeting, meetings, to_carry};
use memory::Memory;
use met::Met;
use resolver::{Asked, Asker};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use weir_model::flow::{EndReason, FlowId};
use weir_model::{Alert, Direction, Flow, Indicator, Role, Timestamp};

/// Look-ups by resolvers that wait until their client's flow has ended too. Beyond it they are decided at once, which may give
/// a notice of an unknown client too many. The adversary is whoever makes a resolver look up listed names without end.
pub const MAX_WAITING_LOOKUPS: usize = 65_536;

/// Flows that met an indicator and go on after an active timeout, whose hits are kept for their next record. Beyond it,
/// bytes of later records are not counted with the incident.
pub const MAX_CONTINUING_FLOWS: usize = 65_536;

/// How long a resolver's look-up waits: longer than flow tables keep a quiet datagram flow.
const RESOLVER_WAIT: Duration = Duration::from_mins(10);

/// Touched hosts that all incidents together remember, at about 40 bytes: a thousand scanners that sweep a few thousand hosts
/// each. Beyond it, touches of further hosts are counted as forgotten, as with [`MAX_TOUCHED_HOSTS`].
pub const MAX_TOUCHES: usize = 1 << 22;

/// When notices are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// When an incident is over, once.
    WhenOver,
    /// When it opens, rises, goes on and is over.
    AsItHappens,
}

/// How incidents are gathered, and which are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentConfig {
    /// When notices are given.
    pub notify: Notify,
    /// The directions of which notices are wanted; the others are counted.
    pub directions: Vec<Direction>,
    /// An incident is over when nothing was added for so long.
    pub quiet: Duration,
    /// Incidents held at once, open or not yet told of: one or two kilobytes each as a rule, and with every list in it
    /// full less than 200 (touched hosts have their own bound). Beyond it hits are counted as overflowed.
    /// The adversary spoofs packets of ever new listed addresses.
    pub max_incidents: u64,
}

impl Default for IncidentConfig {
    /// One notice per incident, in every direction: for input that has an end.
    fn default() -> Self {
        Self {
            notify: Notify::WhenOver,
            directions: Direction::ALL.to_vec(),
            quiet: Duration::from_hours(24),
            max_incidents: 1 << 18,
        }
    }
}

impl IncidentConfig {
    /// Notices as things happen, of what the inside did and met: for a tap. What only comes from outside is counted, and makes
    /// it more urgent when a host that was touched calls back.
    pub fn live() -> Self {
        let directions = vec![Direction::Outbound, Direction::Lateral, Direction::Unknown];
        Self { notify: Notify::AsItHappens, directions, ..Self::default() }
    }
}

/// All incidents that are not over and told of.
#[derive(Debug)]
pub struct Incidents {
    site: Site,
    config: IncidentConfig,
    /// By key, those with the same key more than the quiet period apart.
    held: HashMap<Key, Vec<Incident>, RandomState>,
    /// Which of them met which indicator.
    met: Met,
    /// Opened since it was looked last which incidents are over: those before them are not known yet.
    unlinked: Vec<Key>,
    memory: Memory,
    /// The latest packet of all flows folded.
    newest: Timestamp,
    asked: Asked,
    /// Meetings that are look-ups by resolvers.
    waiting: Vec<Meeting>,
    /// Hits of flows that ended by the active timeout, with the time when.
    continuing: HashMap<FlowId, (Timestamp, Vec<Hit>), RandomState>,
    /// Touched hosts remembered by all incidents.
    touches: usize,
    /// What is told while it happens.
    live: Live,
    /// When it was looked last which incidents are over.
    closed_at: Timestamp,
    /// There were more than are closed at once.
    closes_more: bool,
    stats: IncidentStats,
}

impl Incidents {
    /// None yet.
    pub fn new(site: Site, config: IncidentConfig) -> Self {
        Self {
            site,
            config,
            held: HashMap::default(),
            met: Met::default(),
            unlinked: Vec::new(),
            memory: Memory::default(),
            newest: Timestamp::EPOCH,
            asked: Asked::default(),
            waiting: Vec::new(),
            continuing: HashMap::default(),
            touches: 0,
            live: Live::default(),
            closed_at: Timestamp::EPOCH,
            closes_more: false,
            stats: IncidentStats::default(),
        }
    }

    /// Judges by another site from here on. What is held stays as it was judged; a flow that is open is judged anew when it is looked at
    /// again or ends, and may then belong to another incident.
    pub fn set_site(&mut self, site: Site) {
        self.site = site;
    }

    /// What happened so far.
    pub fn stats(&self) -> &IncidentStats {
        &self.stats
    }

    /// Takes a flow record that ended and what it met. Wants every record, also those that met nothing: a long conversation's
    /// later records belong to what its first one met.
    pub fn fold(&mut self, flow: &Arc<Flow>, hits: &FlowHits) {
        self.newest = self.newest.max(flow.last);
        let before = flow.continues.and_then(|id| self.continuing.remove(&id));
        let carried = before.map(|(_, hits)| hits).unwrap_or_default();
        let former = self.live.take(flow.id);
        if hits.is_empty() && carried.is_empty() {
            return self.forsake(&former);
        }
        self.stats.hits_matched += hits.matched();
        self.stats.hits_left_out += hits.left_out();
        if flow.end == EndReason::Active {
            self.carry(flow, to_carry(hits, &carried, flow));
        }
        for (meeting, is_honeypot) in meetings(flow, hits, &carried, &self.site, &mut self.stats) {
            if is_honeypot {
                self.stats.hits_honeypot += meeting.weight;
                self.remember_asker(&meeting, &Asker::Honeypot);
            } else {
                self.stats.hits_open += meeting.weight;
                self.sort_out(meeting);
            }
        }
        self.forsake(&former);
    }

    /// Takes up an incident of an earlier run: the next one with its key is linked to it, and one that was not over goes on,
    /// without being told as a new one. What it had gathered is not known any more: its later notices tell what came since, and
    /// if nothing comes, none tells that it is over.
    pub fn remember(&mut self, told: Remembered) {
        self.memory.remember(told);
    }

    /// A notice that was just given goes to nobody: later ones of its incident say so.
    pub fn was_not_sent(&mut self, notice: &Alert) {
        let case = Key::of(notice).and_then(|key| self.live.case_mut(&key));
        if let Some(told) = case.and_then(|case| case.told.as_mut()) {
            told.unsent = told.unsent.saturating_add(1);
        }
    }

    /// What a later run must know of the incident of a notice that was just given, so that it goes on where this one stops.
    pub fn remembered_of(&self, notice: &Alert) -> Option<Remembered> {
        let key = Key::of(notice)?;
        let open = self.live.case(&key).and_then(|case| case.remembered(&key));
        open.or_else(|| self.memory.of(&key.text()).cloned())
    }

    /// The incidents told of that a later run should know, by key; those that are not over count as told of if a notice of them
    /// was given.
    pub fn remembered(&self) -> Vec<Remembered> {
        let mut memory = self.memory.clone();
        for (key, case) in self.live.cases() {
            if let Some(open) = case.remembered(key) {
                memory.replace(open);
            }
        }
        memory.all()
    }

    /// Closes every incident, as at the end of the input, and gives their notices.
    pub fn close_all(&mut self) -> Vec<Alert> {
        self.decide_waiting(Timestamp::MAX);
        self.continuing.clear();
        self.asked = Asked::default();
        self.forget_standing(&self.live.flows());
        let notices = self.close(None);
        self.memory.forget(self.newest);
        self.stats.count(&notices);
        notices
    }

    fn carry(&mut self, flow: &Flow, hits: Vec<Hit>) {
        if hits.is_empty() {
            return;
        }
        if self.continuing.len() < MAX_CONTINUING_FLOWS {
            self.continuing.insert(flow.id, (flow.last, hits));
        } else {
            self.stats.continuations_forgotten += 1;
        }
    }

    /// A resolver's own question waits for its client's; anything else is added at once.
    fn sort_out(&mut self, meeting: Meeting) {
        let Some(lookup) = &meeting.lookup else {
            return self.add(&meeting);
        };
        if self.site.has_role(lookup.client.ip, Role::Resolver) {
            self.stand_while_waiting(&meeting);
            self.waiting.push(meeting);
            if self.waiting.len() > MAX_WAITING_LOOKUPS {
                self.stats.resolver_lookups_hurried += self.waiting.len() as u64;
                self.decide_waiting(Timestamp::MAX);
            }
            return;
        }
        if let Some(ring) = meeting.ring() {
            let asker = Asker::Incident(Key { indicator: ring.value.clone(), about: meeting.about });
            self.remember_asker(&meeting, &asker);
        }
        self.add(&meeting);
    }

    /// Remembers who asked a resolver.
    fn remember_asker(&mut self, meeting: &Meeting, asker: &Asker) {
        let server = meeting.lookup.as_ref().map(|lookup| lookup.server.ip);
        if server.is_some_and(|ip| self.site.has_role(ip, Role::Resolver)) {
            self.stats.client_lookups_forgotten += self.asked.remember(meeting, asker);
        }
    }

    /// Decides whose the resolvers' questions up to a time were, first ones first: a resolver may ask another one.
    fn decide_waiting(&mut self, until: Timestamp) {
        let time = |meeting: &Meeting| meeting.lookup.as_ref().map(|lookup| lookup.time);
        let (mut due, later) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|meeting| time(meeting) <= Some(until));
        self.waiting = later;
        due.sort_by_key(|meeting| (time(meeting), meeting.met(), meeting.flow.id));
        let former: Vec<_> = due.iter().flat_map(|meeting| self.live.take(meeting.flow.id)).collect();
        let mut own = Vec::new();
        for meeting in due {
            let Some(asker) = self.asked.asker(&meeting).cloned() else {
                own.push(meeting);
                continue;
            };
            self.remember_asker(&meeting, &asker);
            own.extend(self.fold_into(&asker, meeting));
        }
        // Look-ups of one flow next to each other, so that it is counted once.
        own.sort_by_key(|meeting| meeting.flow.id);
        for meeting in &own {
            self.add(meeting);
        }
        self.forsake(&former);
    }

    /// Makes a resolver's question part of its client's incident; gives it back where there is none.
    fn fold_into(&mut self, asker: &Asker, meeting: Meeting) -> Option<Meeting> {
        let Asker::Incident(key) = asker else {
            self.stats.hits_open -= meeting.weight;
            self.stats.hits_honeypot += meeting.weight;
            return None;
        };
        let quiet = self.config.quiet;
        let resolver = meeting.lookup.as_ref().map(|lookup| lookup.client.ip);
        let incident = self.held.get_mut(key).and_then(|held| near(held, meeting.span(), quiet));
        let (Some(resolver), Some(incident)) = (resolver, incident) else {
            return Some(meeting);
        };
        let without_place = incident.add_resolver(&meeting, resolver);
        incident.show_in(&mut self.met);
        self.stats.resolver_lookups_folded += 1;
        self.add_for_each(&meeting, &without_place);
        None
    }

    /// Adds a meeting to its incident, which it may open.
    fn add(&mut self, meeting: &Meeting) {
        let Some(ring) = meeting.ring() else { return };
        let key = Key { indicator: ring.value.clone(), about: meeting.about };
        let room_for_touch = self.touches < MAX_TOUCHES;
        let known = self.held.get_mut(&key).and_then(|held| near(held, meeting.span(), self.config.quiet));
        let added = if let Some(incident) = known {
            let added = incident.add(meeting, room_for_touch);
            incident.show_in(&mut self.met);
            added
        } else {
            let room = self.stats.incidents_open < self.config.max_incidents;
            let Some(mut incident) = room.then(|| Incident::new(meeting)).flatten() else {
                self.stats.hits_open -= meeting.weight;
                self.stats.hits_overflowed += meeting.weight;
                return;
            };
            self.stats.incidents_opened += 1;
            self.stats.incidents_open += 1;
            let added = incident.add(meeting, room_for_touch);
            incident.show_in(&mut self.met);
            self.unlinked.push(key.clone());
            // Nearly always there is one, and room for four would cost four kilobytes.
            self.held.entry(key.clone()).or_insert_with(|| Vec::with_capacity(1)).push(incident);
            added
        };
        self.note_added(&key, meeting);
        self.touches += usize::from(added.touch == Touch::New);
        self.stats.touches_forgotten += u64::from(added.touch == Touch::Forgotten);
        self.add_for_each(meeting, &added.without_place);
    }

    /// Indicators that an incident has no room to list ring by themselves.
    fn add_for_each(&mut self, meeting: &Meeting, indicators: &[Arc<Indicator>]) {
        for indicator in indicators {
            self.add(&meeting.told_for(indicator));
        }
    }
}

/// Incidents with one key among which a meeting's is looked for, the latest ones opened. More than one is only held when time
/// jumps; a capture whose times jump at each packet must not make this slow.
const MAX_SEARCHED: usize = 8;

/// The incident that is not further away from a span of time than the quiet period; the first such.
fn near(
    held: &mut [Incident],
    (first, last): (Timestamp, Timestamp),
    quiet: Duration,
) -> Option<&mut Incident> {
    let is_near =
        |incident: &&mut Incident| first.since(incident.last) <= quiet && incident.first.since(last) <= quiet;
    held.iter_mut().rev().take(MAX_SEARCHED).filter(is_near).min_by_key(|incident| incident.opened)
}

//! Notices while things happen: opened, raised, repeated, closed.

use super::incident::{Incident, Key, Telling};
use super::live::{Before, STANDING_FORGOTTEN};
use super::meeting::{About, Meeting, meetings};
use super::relations::{Related, Relations, indicators};
use super::resolver::{Asker, RESOLVER_WINDOW};
use super::stats::IncidentStats;
use super::{Incidents, Notify};
use crate::hits::{FlowHits, Subject};
use foldhash::fast::RandomState;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use weir_model::alert::{Notice, Severity};
use weir_model::flow::FlowId;
use weir_model::{Alert, Direction, Flow, Grade, IndicatorValue, Role, Timestamp};

/// How long a resolver's question waits for its client's before it rings for an unknown client. Their packets are
/// milliseconds apart, and workers tell of open flows several times a second.
pub const RESOLVER_RINGS_AFTER: Duration = Duration::from_secs(3);

/// How long what only passive DNS tells of a flow waits for the client to say another name in it.
pub const PASSIVE_RINGS_AFTER: Duration = Duration::from_secs(2);

/// Incidents that are looked at in one go, and closed in one go: what is to be told of them is in memory until it is kept, at two kilobytes
/// or so. What is left comes with the next look. The adversary opens hundreds of thousands of incidents at once.
const MAX_LOOKED_AT: usize = 4_096;
/// See [`MAX_LOOKED_AT`].
pub(super) const MAX_CLOSED: usize = 4_096;

/// How often it is looked which incidents are over: closing may come later by so much.
const CLOSING_EVERY: Duration = Duration::from_mins(1);

impl Incidents {
    /// Takes a flow that is still open as it stands, with what it met so far: a snapshot, in place of the one before. Its
    /// record is folded when it ends, and then counts in place of the snapshots, so that nothing is counted twice; a flow
    /// must not be given again after its record was.
    pub fn stands(&mut self, flow: &Arc<Flow>, hits: &FlowHits) {
        self.newest = self.newest.max(flow.last);
        if self.config.notify != Notify::AsItHappens {
            return;
        }
        if !self.live.has_room(flow.id) {
            self.stats.snapshots_forgotten += 1;
            return;
        }
        let carried = flow.continues.and_then(|id| self.continuing.get(&id));
        let carried = carried.map(|(_, hits)| hits.as_slice()).unwrap_or_default();
        let met = meetings(flow, hits, carried, &self.site, &mut IncidentStats::default());
        let former = self.live.take(flow.id);
        for (meeting, is_honeypot) in met {
            self.note_asker(&meeting, is_honeypot);
            if !is_honeypot {
                self.stand(meeting);
            }
        }
        self.forsake(&former);
    }

    /// The notices that are due.
    ///
    /// Of incidents that are over, looked for once a minute, come the closing ones; with [`Notify::AsItHappens`] also those that
    /// opened, rose, or went on. To be called several times a second, with the time of the packets.
    pub fn notices(&mut self, now: Timestamp) -> Vec<Alert> {
        let mut notices = Vec::new();
        if now.since(self.closed_at) >= CLOSING_EVERY || now < self.closed_at {
            self.forget_standing(&self.live.quiet_flows(now - STANDING_FORGOTTEN));
            self.live.asked.forget_before(now - RESOLVER_RINGS_AFTER - RESOLVER_WINDOW);
            notices = self.close_quiet(now);
            self.closed_at = if self.closes_more { now - CLOSING_EVERY } else { now };
        }
        notices.append(&mut self.tell(now));
        self.stats.count(&notices);
        notices
    }

    /// Lets go of snapshots: nothing will take their place.
    pub(super) fn forget_standing(&mut self, flows: &[FlowId]) {
        for flow in flows {
            let former = self.live.take(*flow);
            self.forsake(&former);
        }
    }

    /// Takes note of a meeting of a record that ended, which was added to its incident.
    pub(super) fn note_added(&mut self, key: &Key, meeting: &Meeting) {
        if self.config.notify == Notify::AsItHappens {
            self.note(key, meeting, Timestamp::EPOCH);
        }
    }

    /// Looks after the incidents to which a flow that was open says nothing any more.
    pub(super) fn forsake(&mut self, former: &[(Key, Meeting)]) {
        for (key, _) in former {
            if !self.held.contains_key(key) {
                self.live.forsake(key, former);
            }
        }
    }

    /// A resolver's look-up whose flow ended stands until it is decided whose it was.
    pub(super) fn stand_while_waiting(&mut self, meeting: &Meeting) {
        if self.config.notify == Notify::AsItHappens && self.live.has_room(meeting.flow.id) {
            self.stand(meeting.clone());
        }
    }

    /// Holds what an open flow met.
    fn stand(&mut self, meeting: Meeting) {
        let Some(ring) = meeting.ring() else { return };
        let key = Key { indicator: ring.value.clone(), about: meeting.about };
        let wake = self.rings_from(&meeting);
        self.note(&key, &meeting, wake);
        self.live.place(key, meeting);
    }

    /// Remembers for live notices who asked a resolver.
    fn note_asker(&mut self, meeting: &Meeting, is_honeypot: bool) {
        let Some(lookup) = &meeting.lookup else { return };
        if !self.site.has_role(lookup.server.ip, Role::Resolver) {
            return;
        }
        let Some(ring) = meeting.ring() else { return };
        let key = Key { indicator: ring.value.clone(), about: meeting.about };
        let asker = if is_honeypot { Asker::Honeypot } else { Asker::Incident(key) };
        self.stats.client_lookups_forgotten += self.live.asked.remember(meeting, &asker);
    }

    fn note(&mut self, key: &Key, meeting: &Meeting, wake: Timestamp) {
        if self.live.case(key).is_none() {
            if self.live.len() as u64 >= self.config.max_incidents {
                self.stats.snapshots_forgotten += 1;
                return;
            }
            let (memory, quiet) = (&self.memory, self.config.quiet);
            self.live.begin(key, meeting, || {
                let (first, _) = meeting.span();
                memory.resume(&key.text(), first, quiet).map_or_else(
                    || Before { previous: memory.before(&key.text(), meeting.met().0), ..Before::default() },
                    |told| Before { opened: Some(told.opened), told: told.told, previous: told.previous },
                )
            });
        }
        let calls_back = self.wake_counterpart(meeting, wake);
        self.live.note(key, meeting, wake, calls_back);
    }

    /// A host that was touched from outside and calls back: has the other side's incident looked at. Says whether there is one.
    fn wake_counterpart(&mut self, meeting: &Meeting, wake: Timestamp) -> bool {
        let about = match (meeting.about, meeting.touched) {
            (About::Host(_), _) => About::Inbound,
            (About::Inbound, Some(touched)) => About::Host(touched),
            _ => return false,
        };
        let mut found = false;
        for indicator in meeting.indicators() {
            let key = Key { indicator: indicator.value.clone(), about };
            if let Some(case) = self.live.case(&key) {
                found = true;
                if case.told.is_some() {
                    self.live.wake_at(&key, wake);
                }
            }
        }
        found
    }

    /// From when on an open flow's meeting may ring.
    fn rings_from(&self, meeting: &Meeting) -> Timestamp {
        if let Some(lookup) = self.of_resolver(meeting) {
            return lookup + RESOLVER_RINGS_AFTER;
        }
        let only_passive = meeting.hits.iter().all(|hit| matches!(hit.subject, Subject::Passive { .. }));
        let said = meeting.flow.names().any(|name| name.source.is_said());
        if only_passive && !said { meeting.flow.first + PASSIVE_RINGS_AFTER } else { Timestamp::EPOCH }
    }

    /// When a resolver asked itself, if that is what this is.
    fn of_resolver(&self, meeting: &Meeting) -> Option<Timestamp> {
        let lookup = meeting.lookup.as_ref()?;
        self.site.has_role(lookup.client.ip, Role::Resolver).then_some(lookup.time)
    }

    /// Whether a client is known for whom a resolver asked this.
    fn has_asker(&self, meeting: &Meeting) -> bool {
        self.of_resolver(meeting).is_some()
            && (self.live.asked.asker(meeting).is_some() || self.asked.asker(meeting).is_some())
    }

    /// Opened, raised and repeated.
    fn tell(&mut self, now: Timestamp) -> Vec<Alert> {
        let due = self.live.due(now, MAX_LOOKED_AT);
        let due = due.iter().filter(|key| self.may_ring(key.about));
        let mut views: Vec<Incident> = due.filter_map(|key| self.view(key)).collect();
        views.retain(|view| self.why_silent(view).is_none());
        if views.is_empty() {
            return Vec::new();
        }
        views.sort_by_cached_key(|view| (view.opened, view.key.text()));
        self.take_in_lookups(&mut views);
        let related = self.related(&views);
        let mut notices = Vec::new();
        for (view, related) in views.iter().zip(related) {
            let severity = view.severity(&self.site, &related);
            if let Some(telling) = self.decide(view, severity, now) {
                notices.push(view.alert(&self.site, related, telling));
            }
        }
        notices
    }

    /// Whether a notice of such an incident may be wanted. A scanner's incident is large, and most often nobody wants it.
    fn may_ring(&self, about: About) -> bool {
        let wanted = |direction| self.config.directions.contains(&direction);
        match about {
            About::Host(_) => wanted(Direction::Outbound) || wanted(Direction::Unknown),
            About::Inbound => wanted(Direction::Inbound),
            About::Lateral(_) => wanted(Direction::Lateral),
            About::Transit(_) => wanted(Direction::Transit),
        }
    }

    /// Whether there is something to tell of an incident that was looked at; if so, it is taken for told.
    fn decide(&mut self, view: &Incident, severity: Severity, now: Timestamp) -> Option<Telling> {
        let case = self.live.case_mut(&view.key)?;
        let (notice, wait) = match case.told {
            None => (Notice::Opened, None),
            Some(told) if severity > told.severity => (Notice::Raised, None),
            Some(told) if view.grade > told.grade => (Notice::Raised, Some(told.may_raise())),
            Some(told) if case.has_news => (Notice::Repeated, Some(told.may_repeat())),
            Some(_) => return None,
        };
        if let Some(later) = wait.filter(|later| *later > now) {
            self.live.wake_at(&view.key, later);
            return None;
        }
        Some(case.tell(notice, view.grade, severity, now))
    }

    fn related(&self, views: &[Incident]) -> Vec<Related> {
        let wanted: Wanted<'_> = views.iter().flat_map(indicators).collect();
        let beside = self.standing_beside(&wanted);
        let known = self.met.keys_of_any(wanted.iter().copied());
        let held = known.into_iter().filter_map(|key| self.held.get(key)).flatten();
        let relations = Relations::new(held.chain(&beside).chain(views));
        views.iter().map(|view| relations.of(view)).collect()
    }

    /// What open flows alone say of the indicators wanted.
    fn standing_beside(&self, wanted: &Wanted<'_>) -> Vec<Incident> {
        let is_wanted =
            |meeting: &&Meeting| meeting.indicators().any(|indicator| wanted.contains(&indicator.value));
        let keys = self.live.met().keys_of_any(wanted.iter().copied());
        keys.into_iter()
            .filter_map(|key| Incident::of(None, self.live.meetings(key).filter(is_wanted)))
            .collect()
    }

    /// An incident as it stands: what its ended flows gave, and its open ones.
    fn view(&self, key: &Key) -> Option<Incident> {
        let case = self.live.case(key)?;
        let settled = self.held.get(key).and_then(|held| held.iter().max_by_key(|incident| incident.opened));
        let meetings = self.live.meetings(key).filter(|meeting| !self.has_asker(meeting));
        let mut view =
            Incident::of(settled.cloned(), meetings).or_else(|| case.unborne.as_deref().cloned())?;
        (view.opened, view.previous) = (case.opened, case.previous);
        Some(view)
    }

    /// Makes look-ups part of the contact that they led to, as when incidents are over: the contact's notice lists them, and
    /// of look-ups that were not told of yet comes no notice.
    fn take_in_lookups(&self, views: &mut Vec<Incident>) {
        let parts = self.parts_of_contacts(views);
        let quiet = self.config.quiet;
        for contact in views.iter_mut() {
            for key in contact.listed_keys() {
                if let Some(lookup) = self.view(&key).filter(|lookup| contact.includes(lookup, quiet)) {
                    contact.absorb(&lookup);
                }
            }
        }
        views.retain(|view| !parts.contains(&view.key));
    }

    /// The look-ups that were not told of and that led to a contact which is told, or was.
    fn parts_of_contacts(&self, views: &[Incident]) -> HashSet<Key, RandomState> {
        let grade_told = |key: &Key| self.live.case(key).and_then(|case| case.told).map(|told| told.grade);
        let is_fresh = |view: &&Incident| view.grade == Grade::LookedUp && grade_told(&view.key).is_none();
        let hosts: HashSet<About, RandomState> =
            views.iter().filter(is_fresh).map(|view| view.key.about).collect();
        let looked_up = || views.iter().filter(is_fresh).map(|view| &view.key.indicator);
        let mut listing = self.met.keys_of_any(looked_up());
        listing.extend(self.live.met().keys_of_any(looked_up()));
        let is_contact = |key: &&Key| hosts.contains(&key.about) && grade_told(key) > Some(Grade::LookedUp);
        let told: Vec<Incident> =
            listing.into_iter().filter(is_contact).filter_map(|key| self.view(key)).collect();
        let is_part = |lookup: &&Incident| {
            views.iter().chain(&told).any(|contact| contact.includes(lookup, self.config.quiet))
        };
        views.iter().filter(is_fresh).filter(is_part).map(|view| view.key.clone()).collect()
    }
}

type Wanted<'a> = HashSet<&'a IndicatorValue, RandomState>;

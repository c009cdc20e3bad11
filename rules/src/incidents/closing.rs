//! How incidents end: the look-ups that belong to a contact, the links between them, the order of their notices.

use super::incident::{Incident, Key, Telling};
use super::live::Case;
use super::meeting::About;
use super::notices::MAX_CLOSED;
use super::relations::{Relations, indicators};
use super::resolver::RESOLVER_WINDOW;
use super::stats::Silent;
use super::{Incidents, RESOLVER_WAIT};
use crate::site::Site;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use weir_model::alert::Notice;
use weir_model::{Alert, Grade, IndicatorValue, Role, Timestamp};

impl Incidents {
    /// Closes the incidents to which nothing was added for the quiet period, and gives their notices.
    pub(super) fn close_quiet(&mut self, now: Timestamp) -> Vec<Alert> {
        self.decide_waiting(now - RESOLVER_WAIT);
        self.asked.forget_before(now - RESOLVER_WAIT - RESOLVER_WINDOW);
        let quiet_since = now - self.config.quiet;
        self.continuing.retain(|_, (ended, _)| *ended >= quiet_since);
        self.memory.forget(now);
        self.close(Some(quiet_since))
    }

    /// Ends the incidents to which nothing was added since then, or all, and gives their notices.
    pub(super) fn close(&mut self, quiet_since: Option<Timestamp>) -> Vec<Alert> {
        let is_quiet = |last: Timestamp| quiet_since.is_none_or(|since| last < since);
        let over = self.take_over(is_quiet, quiet_since.is_some());
        let (mut over, absorbed) = self.absorb_lookups(over);
        self.stats.absorb(absorbed.len());
        self.touches -= over.iter().map(|incident| incident.touched.len()).sum::<usize>();
        let mut unbooked = self.told_without_books(absorbed, is_quiet);
        for incident in &mut over {
            self.end_case(incident);
        }
        self.link(&mut over, &mut unbooked);
        let why_silent: Vec<_> = over.iter().map(|incident| self.why_silent(incident)).collect();
        for (incident, why_silent) in over.iter().zip(&why_silent) {
            self.stats.close(incident.weight, *why_silent);
        }
        let relations = self.relations_of(&over, &unbooked);
        let told = over.iter().zip(why_silent).filter(|(_, why_silent)| why_silent.is_none());
        let told = told.map(|(incident, _)| incident).chain(&unbooked);
        told.map(|incident| closing(incident, &self.site, &relations)).collect()
    }

    /// Takes out the incidents that are over: all, or as many as are closed at once, look-ups before the contacts to which they may belong,
    /// and the quietest first.
    fn take_over(&mut self, is_quiet: impl Fn(Timestamp) -> bool, is_limited: bool) -> Vec<Incident> {
        let live = &self.live;
        let is_over = |incident: &Incident| {
            is_quiet(incident.last) && live.case(&incident.key).is_none_or(|case| is_quiet(case.last))
        };
        let order = |incident: &Incident| (incident.grade > Grade::LookedUp, incident.last, incident.opened);
        let mut orders: Vec<_> = Vec::new();
        if is_limited {
            orders.extend(self.held.values().flatten().filter(|incident| is_over(incident)).map(order));
        }
        let last = (orders.len() > MAX_CLOSED).then(|| *orders.select_nth_unstable(MAX_CLOSED).1);
        let is_taken =
            |incident: &Incident| is_over(incident) && last.is_none_or(|last| order(incident) <= last);
        self.closes_more = last.is_some();
        let (mut over, met) = (Vec::new(), &mut self.met);
        self.held.retain(|key, held| {
            let before = over.len();
            over.extend(held.extract_if(.., |incident| is_taken(incident)));
            for incident in over.iter().skip(before) {
                met.remove(key, indicators(incident));
            }
            for incident in held.iter().filter(|_| over.len() > before) {
                met.insert(key, indicators(incident));
            }
            !held.is_empty()
        });
        over
    }

    /// What the incidents that are over have to do with each other and with those that go on.
    fn relations_of<'a>(&'a self, over: &'a [Incident], unbooked: &'a [Incident]) -> Relations<'a> {
        let ended = || over.iter().chain(unbooked);
        let wanted: HashSet<&IndicatorValue, RandomState> = ended().flat_map(indicators).collect();
        let near = self.met.keys_of_any(wanted.into_iter());
        Relations::new(ended().chain(near.into_iter().filter_map(|key| self.held.get(key)).flatten()))
    }

    /// Why no notice is given of an incident, if so.
    pub(super) fn why_silent(&self, incident: &Incident) -> Option<Silent> {
        if only_looked_up(incident, &self.site) {
            Some(Silent::OnlyLookedUp)
        } else if self.config.directions.contains(&incident.direction) {
            None
        } else {
            Some(Silent::NotWanted)
        }
    }

    /// Incidents of which notices were given while they went on and of which nothing is left: look-ups that became part of a
    /// contact, and what flows that ended did not bear out. Their matches are booked elsewhere.
    fn told_without_books(
        &mut self,
        absorbed: Vec<Incident>,
        is_quiet: impl Fn(Timestamp) -> bool,
    ) -> Vec<Incident> {
        let is_over = |case: &Case| case.unborne.is_some() && is_quiet(case.last);
        let unborne = self.live.cases().filter(|(_, case)| is_over(case));
        let unborne: Vec<Incident> =
            unborne.filter_map(|(_, case)| case.unborne.as_deref().cloned()).collect();
        let mut all: Vec<Incident> = absorbed.into_iter().chain(unborne).collect();
        for incident in &mut all {
            self.end_case(incident);
        }
        all.retain(|incident| incident.notices > 0);
        all.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
        all
    }

    /// Takes up what was told of an incident that is over.
    fn end_case(&mut self, incident: &mut Incident) {
        if let Some(case) = self.live.end(&incident.key)
            && let Some(told) = case.told
        {
            (incident.opened, incident.previous) = (case.opened, case.previous);
            (incident.notices, incident.unsent) = (told.notices, told.unsent);
        }
    }

    /// Links each incident to the one before with the same key, and remembers those that are over for later ones.
    fn link(&mut self, over: &mut [Incident], unbooked: &mut [Incident]) {
        let mut keys = std::mem::take(&mut self.unlinked);
        for incident in over.iter_mut().chain(unbooked) {
            let told = self.memory.tell(incident.remembered());
            incident.previous = told.or(incident.previous);
            keys.push(incident.key.clone());
        }
        for key in keys {
            let held = self.held.get_mut(&key).into_iter().flatten();
            for incident in held.filter(|incident| incident.previous.is_none()) {
                incident.previous = self.memory.before(&key.text(), incident.opened.0);
            }
        }
    }

    /// Makes incidents that are nothing but look-ups part of the contact that each led to ([`Incident::includes`]). Gives those that are left,
    /// and those that became part of another.
    fn absorb_lookups(&mut self, over: Vec<Incident>) -> (Vec<Incident>, Vec<Incident>) {
        let (mut lookups, mut contacts): (Vec<_>, Vec<_>) =
            over.into_iter().partition(|incident| incident.grade == Grade::LookedUp);
        lookups.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
        let listing = listing(&contacts);
        let (mut left, mut gone) = (Vec::new(), Vec::new());
        for lookup in lookups {
            let absorbed = match self.contact_of(&lookup, &contacts, &listing) {
                Some(Contact::Over(at)) => {
                    contacts.get_mut(at).is_some_and(|contact| contact.absorb(&lookup))
                }
                Some(Contact::Open(key, at)) => self.absorb_into(&key, at, &lookup),
                None => false,
            };
            if absorbed { &mut gone } else { &mut left }.push(lookup);
        }
        left.append(&mut contacts);
        left.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
        (left, gone)
    }

    /// The contact to which look-ups led, the first one: among those that are over, and those that go on.
    fn contact_of(&self, lookup: &Incident, over: &[Incident], listing: &Listing) -> Option<Contact> {
        let Key { indicator, about } = &lookup.key;
        let over_at = listing.get(&(indicator.clone(), *about)).into_iter().flatten();
        let over = over_at.filter_map(|at| Some((Contact::Over(*at), over.get(*at)?)));
        let open = self.met.keys(indicator).filter(|key| key.about == *about).flat_map(|key| {
            let held = self.held.get(key).into_iter().flatten().enumerate();
            held.map(|(at, contact)| (Contact::Open(key.clone(), at), contact))
        });
        let quiet = self.config.quiet;
        let near = over.chain(open).filter(|(_, contact)| contact.includes(lookup, quiet));
        near.min_by_key(|(_, contact)| (contact.opened, contact.key.text())).map(|(place, _)| place)
    }

    fn absorb_into(&mut self, key: &Key, at: usize, lookup: &Incident) -> bool {
        let Some(contact) = self.held.get_mut(key).and_then(|held| held.get_mut(at)) else { return false };
        let absorbed = contact.absorb(lookup);
        contact.show_in(&mut self.met);
        absorbed
    }
}

/// Where a contact is to which look-ups led.
enum Contact {
    /// Among those that are over.
    Over(usize),
    /// Among those that go on.
    Open(Key, usize),
}

/// Positions of incidents by the indicators that they list and what they are about.
type Listing = HashMap<(IndicatorValue, About), Vec<usize>, RandomState>;

fn listing(contacts: &[Incident]) -> Listing {
    let mut listing = Listing::default();
    for (position, contact) in contacts.iter().enumerate() {
        for value in contact.also.keys() {
            listing.entry((value.clone(), contact.key.about)).or_default().push(position);
        }
    }
    listing
}

/// The notice that an incident is over.
fn closing(incident: &Incident, site: &Site, relations: &Relations<'_>) -> Alert {
    let number = incident.notices + 1;
    let telling = Telling { notice: Notice::Closed, number, unsent: incident.unsent };
    incident.alert(site, relations.of(incident), telling)
}

/// Mail servers look up what others wrote, and our own scanners and crawlers what they find: that is no notice.
fn only_looked_up(incident: &Incident, site: &Site) -> bool {
    let About::Host(host) = incident.key.about else {
        return false;
    };
    incident.grade == Grade::LookedUp
        && [Role::Mail, Role::Scanner].iter().any(|role| site.has_role(host, *role))
}

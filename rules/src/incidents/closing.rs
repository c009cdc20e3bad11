//! How incidents end: the look-ups that belong to a contact, the links between them, the order of their notices.

use super::incident::{Incident, Telling};
use super::live::Case;
use super::meeting::About;
use super::relations::Relations;
use super::resolver::RESOLVER_WINDOW;
use super::stats::Silent;
use super::{Incidents, RESOLVER_WAIT};
use crate::site::Site;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::time::Duration;
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
        let live = &self.live;
        let is_over = |incident: &Incident| {
            is_quiet(incident.last) && live.case(&incident.key).is_none_or(|case| is_quiet(case.last))
        };
        let held = std::mem::take(&mut self.held).into_values().flatten();
        let (over, mut open): (Vec<_>, Vec<_>) = held.partition(is_over);
        let (mut over, absorbed) = absorb_lookups(over, &mut open, self.config.quiet);
        self.stats.absorb(absorbed.len());
        self.touches -= over.iter().map(|incident| incident.touched.len()).sum::<usize>();
        let mut unbooked = self.told_without_books(absorbed, is_quiet);
        for incident in &mut over {
            self.end_case(incident);
        }
        self.link(over.iter_mut().chain(&mut unbooked), &mut open);

        let relations = Relations::new(over.iter().chain(&unbooked).chain(&open));
        let mut notices = Vec::new();
        for incident in &over {
            let why_silent = self.why_silent(incident);
            self.stats.close(incident.weight, why_silent);
            if why_silent.is_none() {
                notices.push(closing(incident, &self.site, &relations));
            }
        }
        notices.extend(unbooked.iter().map(|incident| closing(incident, &self.site, &relations)));
        for incident in open {
            self.held.entry(incident.key.clone()).or_default().push(incident);
        }
        notices
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
    fn link<'a>(&mut self, over: impl Iterator<Item = &'a mut Incident>, open: &mut [Incident]) {
        for incident in over {
            let told = self.memory.tell(incident.remembered());
            incident.previous = told.or(incident.previous);
        }
        for incident in open.iter_mut().filter(|incident| incident.previous.is_none()) {
            incident.previous = self.memory.before(&incident.key.text(), incident.opened.0);
        }
    }
}

/// The notice that an incident is over.
fn closing(incident: &Incident, site: &Site, relations: &Relations<'_>) -> Alert {
    let number = incident.notices + 1;
    let telling = Telling { notice: Notice::Closed, number, unsent: incident.unsent };
    incident.alert(site, relations.of(incident), telling)
}

/// Makes incidents that are nothing but look-ups part of the contact that each led to ([`Incident::includes`]). Gives those that
/// are left, and those that became part of another.
fn absorb_lookups(
    over: Vec<Incident>,
    open: &mut [Incident],
    quiet: Duration,
) -> (Vec<Incident>, Vec<Incident>) {
    let (mut lookups, mut contacts): (Vec<_>, Vec<_>) =
        over.into_iter().partition(|incident| incident.grade == Grade::LookedUp);
    lookups.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
    let mut listing: HashMap<(IndicatorValue, About), Vec<usize>, RandomState> = HashMap::default();
    let mut all: Vec<&mut Incident> = contacts.iter_mut().chain(open).collect();
    for (position, incident) in
        all.iter().enumerate().filter(|(_, incident)| incident.grade > Grade::LookedUp)
    {
        for value in incident.also.keys() {
            listing.entry((value.clone(), incident.key.about)).or_default().push(position);
        }
    }
    let (mut left, mut gone) = (Vec::new(), Vec::new());
    for lookup in lookups {
        let candidates = listing.get(&(lookup.key.indicator.clone(), lookup.key.about)).into_iter().flatten();
        let near = candidates
            .filter_map(|at| Some((*at, all.get(*at)?)))
            .filter(|(_, it)| it.includes(&lookup, quiet));
        let contact = near.min_by_key(|(_, it)| (it.opened, it.key.text())).map(|(at, _)| at);
        let absorbed = contact.and_then(|at| all.get_mut(at)).is_some_and(|contact| contact.absorb(&lookup));
        if absorbed { &mut gone } else { &mut left }.push(lookup);
    }
    left.append(&mut contacts);
    left.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
    (left, gone)
}

/// Mail servers look up what others wrote, and our own scanners and crawlers what they find: that is no notice.
fn only_looked_up(incident: &Incident, site: &Site) -> bool {
    let About::Host(host) = incident.key.about else {
        return false;
    };
    incident.grade == Grade::LookedUp
        && [Role::Mail, Role::Scanner].iter().any(|role| site.has_role(host, *role))
}

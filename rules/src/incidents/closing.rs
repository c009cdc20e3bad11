//! How incidents end: the look-ups that belong to a contact, the links between them, the order of their notices.

use super::Incidents;
use super::incident::Incident;
use super::meeting::About;
use super::relations::Relations;
use crate::site::Site;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::time::Duration;
use weir_model::{Alert, Grade, IndicatorValue, Role};

impl Incidents {
    /// Ends the incidents that are over and gives their notices.
    pub(super) fn close(&mut self, is_over: &impl Fn(&Incident) -> bool) -> Vec<Alert> {
        let held = std::mem::take(&mut self.held).into_values().flatten();
        let (mut over, mut open): (Vec<_>, Vec<_>) = held.partition(is_over);
        let before = over.len();
        over = absorb_lookups(over, &mut open, self.config.quiet);
        self.stats.absorb(before - over.len());
        self.link(&mut over, &mut open);

        let relations = Relations::new(over.iter().chain(&open));
        let mut notices = Vec::new();
        for incident in &over {
            if self.stats.close(incident.weight, only_looked_up(incident, &self.site)) {
                notices.push(incident.alert(&self.site, relations.of(incident)));
            }
        }
        self.touches -= over.iter().map(|incident| incident.touched.len()).sum::<usize>();
        for incident in open {
            self.held.entry(incident.key.clone()).or_default().push(incident);
        }
        notices
    }

    /// Links each incident to the one before with the same key, and remembers those that are over for later ones.
    fn link(&mut self, over: &mut [Incident], open: &mut [Incident]) {
        for incident in over {
            let told = self.memory.tell(incident.remembered());
            incident.previous = told.or(incident.previous);
        }
        for incident in open.iter_mut().filter(|incident| incident.previous.is_none()) {
            incident.previous = self.memory.before(&incident.key.text(), incident.opened.0);
        }
    }
}

/// Makes incidents that are nothing but look-ups part of the contact that each led to: an incident about the same host, not
/// more than the quiet period away, for which a more specific indicator rang and that lists this one. Gives those that are
/// left.
fn absorb_lookups(over: Vec<Incident>, open: &mut [Incident], quiet: Duration) -> Vec<Incident> {
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
    let mut left = Vec::new();
    for lookup in lookups {
        let candidates = listing.get(&(lookup.key.indicator.clone(), lookup.key.about)).into_iter().flatten();
        let near = candidates
            .filter_map(|at| Some((*at, all.get(*at)?)))
            .filter(|(_, it)| are_near(&lookup, it, quiet));
        let contact = near.min_by_key(|(_, it)| (it.opened, it.key.text())).map(|(at, _)| at);
        let absorbed = contact.and_then(|at| all.get_mut(at)).is_some_and(|contact| contact.absorb(&lookup));
        if !absorbed {
            left.push(lookup);
        }
    }
    left.append(&mut contacts);
    left.sort_by_cached_key(|incident| (incident.opened, incident.key.text()));
    left
}

fn are_near(one: &Incident, other: &Incident, quiet: Duration) -> bool {
    one.first.since(other.last) <= quiet && other.first.since(one.last) <= quiet
}

/// Mail servers look up what others wrote, and our own scanners and crawlers what they find: that is no notice.
fn only_looked_up(incident: &Incident, site: &Site) -> bool {
    let About::Host(host) = incident.key.about else {
        return false;
    };
    incident.grade == Grade::LookedUp
        && [Role::Mail, Role::Scanner].iter().any(|role| site.has_role(host, *role))
}

//! What incidents have to do with one another: other hosts with the same indicator, touched hosts that called back.

use super::incident::{Incident, MAX_LISTED_HOSTS, first_hosts};
use super::meeting::About;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use weir_model::{IndicatorValue, Timestamp};

/// What other incidents say of one.
#[derive(Debug, Default)]
pub(super) struct Related {
    pub other_hosts: Vec<IpAddr>,
    pub other_host_count: u64,
    pub called_back: Vec<IpAddr>,
    pub touched_before: Option<Timestamp>,
}

/// All incidents that are known, by the indicators that they met, ringing or not.
#[derive(Debug, Default)]
pub(super) struct Relations<'a> {
    by_indicator: HashMap<&'a IndicatorValue, Known<'a>, RandomState>,
}

#[derive(Debug, Default)]
struct Known<'a> {
    /// Inside hosts that met the indicator, each with the time when; first ones first, each once.
    hosts: Vec<(Timestamp, IpAddr)>,
    /// The same hosts, to ask for one.
    is_host: HashSet<IpAddr, RandomState>,
    /// Inside hosts that opened a flow to it, with the latest time when.
    contacts: HashMap<IpAddr, Timestamp, RandomState>,
    inbound: Vec<&'a Incident>,
}

impl<'a> Relations<'a> {
    pub(super) fn new(incidents: impl Iterator<Item = &'a Incident>) -> Self {
        let mut by_indicator: HashMap<&IndicatorValue, Known<'_>, RandomState> = HashMap::default();
        for incident in incidents {
            for value in indicators(incident) {
                let known = by_indicator.entry(value).or_default();
                match incident.key.about {
                    About::Host(ip) => {
                        known.hosts.push((incident.first, ip));
                        if let Some(time) = incident.contacts.get(value) {
                            let latest = known.contacts.entry(ip).or_default();
                            *latest = (*latest).max(*time);
                        }
                    }
                    About::Lateral(ip) => known.hosts.push((incident.first, ip)),
                    About::Inbound => known.inbound.push(incident),
                    About::Transit(_) => {}
                }
            }
        }
        for known in by_indicator.values_mut() {
            once_each(&mut known.hosts);
            known.is_host = known.hosts.iter().map(|(_, ip)| *ip).collect();
        }
        Self { by_indicator }
    }

    pub(super) fn of(&self, incident: &Incident) -> Related {
        let mut related = Related::default();
        if let Some(known) = self.by_indicator.get(&incident.key.indicator) {
            // The list holds each host once, so this looks at no more hosts than are the incident's own, and those wanted.
            let others = known.hosts.iter().map(|(_, ip)| *ip).filter(|ip| !is_own(incident, *ip));
            related.other_hosts = others.take(MAX_LISTED_HOSTS).collect();
            let own = own(incident).filter(|ip| known.is_host.contains(ip)).count();
            related.other_host_count = (known.hosts.len() as u64).saturating_sub(own as u64);
        }
        match incident.key.about {
            About::Host(host) => related.touched_before = self.touched_before(incident, host),
            About::Inbound => related.called_back = self.called_back(incident),
            About::Lateral(_) | About::Transit(_) => {}
        }
        related
    }

    /// When an indicator to which this host opened a flow had touched it first, if that was before.
    fn touched_before(&self, incident: &Incident, host: IpAddr) -> Option<Timestamp> {
        let touches = incident.contacts.iter().filter_map(|(value, contact)| {
            let inbound = &self.by_indicator.get(value)?.inbound;
            inbound
                .iter()
                .filter_map(|inbound| inbound.touched.get(&host))
                .filter(|touch| *touch < contact)
                .min()
        });
        touches.min().copied()
    }

    /// The hosts that this indicator touched and that opened a flow to it later.
    fn called_back(&self, inbound: &Incident) -> Vec<IpAddr> {
        let contacts = indicators(inbound)
            .filter_map(|value| self.by_indicator.get(value))
            .flat_map(|known| &known.contacts);
        let called =
            contacts.filter(|(ip, contact)| inbound.touched.get(*ip).is_some_and(|touch| touch < *contact));
        let mut called: Vec<_> = called.map(|(ip, contact)| (*contact, *ip)).collect();
        once_each(&mut called);
        first_hosts(called)
    }
}

/// The inside hosts that an incident tells of itself: its host, or those that were touched.
fn own(incident: &Incident) -> impl Iterator<Item = &IpAddr> {
    let host = match &incident.key.about {
        About::Host(ip) | About::Lateral(ip) => Some(ip),
        About::Inbound | About::Transit(_) => None,
    };
    host.into_iter().chain(incident.touched.keys())
}

fn is_own(incident: &Incident, ip: IpAddr) -> bool {
    match incident.key.about {
        About::Host(host) | About::Lateral(host) => host == ip,
        About::Inbound => incident.touched.contains_key(&ip),
        About::Transit(_) => false,
    }
}

/// All indicators that an incident met, the one that rings first.
pub(super) fn indicators(incident: &Incident) -> impl Iterator<Item = &IndicatorValue> {
    std::iter::once(&incident.key.indicator).chain(incident.also.keys())
}

/// Keeps each host once, with its first time, in the order of those times.
fn once_each(hosts: &mut Vec<(Timestamp, IpAddr)>) {
    hosts.sort_unstable_by_key(|(time, ip)| (*ip, *time));
    hosts.dedup_by_key(|(_, ip)| *ip);
    hosts.sort_unstable();
}

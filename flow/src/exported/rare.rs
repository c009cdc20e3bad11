//! What most flows lack, kept apart from their counters.

use super::batch::Report;
use super::tally::{Rescaled, Tally};
use super::witness::Witness;
use crate::facts::Facts;
use crate::side::Both;
use smallvec::SmallVec;
use std::sync::Arc;
use weir_model::observation::{DnsMessage, Fact, HttpHost, ToldNames};
use weir_model::record::{Sampling, Translated};
use weir_model::{Endpoint, FlowId, Name};
use weir_wire::Side;

/// What few records say, of one flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Rarely {
    /// Observers after the first.
    pub(super) others: SmallVec<[Witness; 1]>,
    /// Records of observers that are not kept.
    pub(super) uncounted: u32,
    /// What of the entry's counters went beyond their 32 bits.
    pub(super) carried: Both<Tally>,
    /// Of the first observer, where not one of N was chosen.
    pub(super) sampling: Option<Sampling>,
    pub(super) rescaled: Option<Box<Rescaled>>,
    pub(super) translated: Both<Option<Endpoint>>,
    pub(super) firewall_event: Option<u8>,
    pub(super) nat_event: Option<u8>,
    pub(super) application: Option<Arc<str>>,
    pub(super) clock_correction: i64,
    pub(super) continues: Option<FlowId>,
    /// The names last told.
    told: Option<Arc<ToldNames>>,
    pub(super) dns_messages: (u32, u32),
    pub(super) facts: Option<Box<Facts>>,
    /// Bytes of the budget charged for all this.
    pub(super) charged: usize,
}

impl Rarely {
    /// What it takes of the budget.
    pub(super) fn cost(&self) -> usize {
        let spilled = if self.others.spilled() { self.others.capacity() * size_of::<Witness>() } else { 0 };
        let witnesses = spilled + self.others.iter().map(Witness::boxed).sum::<usize>();
        let rescaled = if self.rescaled.is_some() { size_of::<Rescaled>() } else { 0 };
        let facts = self.facts.as_ref().map_or(0, |facts| facts.current_table_cost() + facts.cost);
        let told = self.told.as_ref().map_or(0, |told| cost_of_told(told));
        let application = self.application.as_ref().map_or(0, |text| text.len() + 16);
        size_of::<Self>() + witnesses + rescaled + facts + told + application
    }

    /// What stays of it for the flow that continues the one numbered `id`, whose side A is `side` of this one. Names that were
    /// told are told again: they are matched for each flow.
    pub(super) fn continued(self, id: FlowId, side: Side) -> Self {
        let Both { a, b } = self.translated;
        Self {
            translated: if side == Side::A { Both { a, b } } else { Both { a: b, b: a } },
            application: self.application,
            continues: Some(id),
            facts: self.facts,
            ..Self::default()
        }
    }

    pub(super) fn records_of_others(&self) -> u32 {
        self.others.iter().fold(self.uncounted, |sum, witness| sum.saturating_add(witness.records))
    }

    pub(super) fn others_heard(&self, side: Side) -> bool {
        self.others.iter().any(|witness| witness.counted().tallies.of(side).bytes > 0)
    }

    /// Takes up what a record of `side` says, other than counters and facts; whether it tells of a translation that was not
    /// known.
    pub(super) fn note(&mut self, report: &Report, side: Side) -> bool {
        let Some(rare) = &report.rare else { return false };
        self.firewall_event = rare.firewall_event.or(self.firewall_event);
        self.nat_event = rare.nat_event.or(self.nat_event);
        if self.application.is_none() {
            self.application.clone_from(&rare.application);
        }
        if !rare.mpls.is_empty() || !rare.tunnels.is_empty() {
            let facts = self.facts.get_or_insert_default();
            if facts.mpls.is_empty() {
                facts.mpls.clone_from(&rare.mpls);
            }
            if facts.tunnels.is_empty() {
                facts.tunnels.clone_from(&rare.tunnels);
            }
        }
        rare.translated.is_some_and(|translated| self.note_translation(&translated, report, side))
    }

    fn note_translation(&mut self, told: &Translated, report: &Report, side: Side) -> bool {
        let before = self.translated;
        let ends =
            [(Side::A, told.source, told.source_port), (Side::B, told.destination, told.destination_port)];
        for (of_report, address, port) in ends {
            let original = report.ends.end(of_report);
            let keeps_port = port == 0 || !report.protocol().has_ports();
            let port = if keeps_port { original.port } else { port };
            let of_entry = if side == Side::A { of_report } else { of_report.other() };
            // Firewalls send these fields of every connection, also of those that they do not translate: with the same address, or
            // with zeros.
            let address = address.filter(|ip| !ip.is_unspecified());
            if let Some(end) = address.map(|ip| Endpoint::new(ip, port)).filter(|end| *end != original) {
                *self.translated.of_mut(of_entry) = Some(end);
            }
        }
        self.translated != before
    }

    /// As a router told it, of the sender of the flow's first packet and its receiver.
    pub(super) fn translated(&self) -> Option<Translated> {
        let Both { a, b } = self.translated;
        let port = |end: Option<Endpoint>| end.map_or(0, |end| end.port);
        (a.is_some() || b.is_some()).then(|| Translated {
            source: a.map(|end| end.ip),
            destination: b.map(|end| end.ip),
            source_port: port(a),
            destination_port: port(b),
        })
    }

    /// The names last told.
    pub(super) fn told(&self) -> Option<&ToldNames> {
        self.told.as_deref()
    }

    /// Whether a fact is the same as the record before told: each record of a flow repeats its names.
    pub(super) fn is_known(&mut self, fact: &Fact) -> bool {
        let Fact::Told(told) = fact else { return false };
        if self.told.as_ref().is_some_and(|known| known == told) {
            return true;
        }
        self.told = Some(Arc::clone(told));
        false
    }

    pub(super) const fn count_dns(&mut self, message: &DnsMessage) {
        let (questions, answers) = &mut self.dns_messages;
        let count = if message.is_response { answers } else { questions };
        *count = count.saturating_add(1);
    }
}

fn cost_of_told(told: &ToldNames) -> usize {
    let text = |name: &Name| name.as_str().len() + 16;
    let host = match &told.http_host {
        Some(HttpHost::Name(name)) => text(name),
        _ => 0,
    };
    let names = told.dns_question.iter().chain(&told.server_name).map(text).sum::<usize>();
    size_of::<ToldNames>() + names + host + told.http_path.len()
}

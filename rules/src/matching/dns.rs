//! What of a DNS message is compared, and the look-up that it belongs to.

use super::{Found, rewritten};
use crate::hits::Subject;
use crate::set::IndicatorId;
use smallvec::SmallVec;
use std::sync::Arc;
use weir_model::alert::{Field, Lookup};
use weir_model::observation::{DnsData, DnsMessage};
use weir_model::{Name, Observation};

/// Addresses, and aliases, that a look-up lists; an answer holds as many as its sender likes. All of them are compared.
const MAX_LISTED: usize = 16;

/// OPCODE of a standard query (RFC 1035 section 4.1.1).
const OPCODE_QUERY: u8 = 0;

/// Indicators met in a look-up, in which field, and what stood there.
pub(super) type Matches = SmallVec<[(IndicatorId, Field, Arc<str>); 4]>;

impl Found<'_> {
    pub(super) fn dns(&mut self, observation: &Observation, message: &DnsMessage) {
        if message.link_local || message.opcode != OPCODE_QUERY {
            return;
        }
        let matches = self.dns_matches(message);
        self.look_up(message.id, matches, || lookup(observation, message));
    }

    /// Adds what was met in a look-up; a flow that has too many of them keeps what it can.
    pub(super) fn look_up(&mut self, id: u16, mut matches: Matches, lookup: impl FnOnce() -> Option<Lookup>) {
        let counts = |id| self.set.get(id).is_some_and(|indicator| indicator.is_valid_at(self.valid_at));
        matches.retain(|(id, ..)| counts(*id));
        let Some(lookup) = (!matches.is_empty()).then(lookup).flatten() else {
            return;
        };
        let position = self.hits.push_lookup(id, lookup);
        for (id, field, value) in matches {
            if let Some(position) = position {
                self.hit(id, field, &value, Subject::Lookup(position));
            } else if let Some(hit) = self.new_hit(id, field, &value, Subject::Flow) {
                self.hits.push_without_lookup(&hit);
            }
        }
    }

    fn dns_matches(&self, message: &DnsMessage) -> Matches {
        let mut matches = Matches::new();
        for question in &message.questions {
            let ids = self.set.name(&question.name);
            matches.extend(ids.map(|id| (id, Field::DnsQuestion, question.name.as_str().into())));
        }
        let answers = message.answers.iter().filter(|_| message.is_response);
        for record in answers {
            if let DnsData::Cname(target) = &record.data {
                let ids = self.set.name(target);
                matches.extend(ids.map(|id| (id, Field::DnsCname, target.as_str().into())));
            } else if let Some(ip) = record.data.address() {
                let ids = self.set.address(ip);
                matches.extend(ids.map(|id| (id, Field::DnsAnswer, ip.to_string().into())));
            }
        }
        matches
    }
}

/// The look-up as this message tells it. `None` when neither a question nor an answer says which name was asked for.
fn lookup(observation: &Observation, message: &DnsMessage) -> Option<Lookup> {
    let (client, server) = if message.is_response {
        (observation.destination, observation.source)
    } else {
        (observation.source, observation.destination)
    };
    let (name, qtype) = asked(message)?;
    let records = || message.answers.iter().filter(|_| message.is_response).map(|record| &record.data);
    let aliases = records().filter_map(|data| match data {
        DnsData::Cname(target) => Some(target.clone()),
        _ => None,
    });
    Some(Lookup {
        time: observation.time,
        client,
        server,
        qtype,
        rcode: message.is_response.then_some(message.rcode),
        addresses: records().filter_map(DnsData::address).take(MAX_LISTED).collect(),
        aliases: aliases.take(MAX_LISTED).collect(),
        cut: message.is_response && message.cut,
        rewritten: rewritten::why(&name, message),
        name,
    })
}

fn asked(message: &DnsMessage) -> Option<(Name, u16)> {
    let question = message.questions.first().map(|question| (question.name.clone(), question.qtype));
    question.or_else(|| message.answers.first().map(|record| (record.name.clone(), record.rtype)))
}

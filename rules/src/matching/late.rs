//! Indicators that come when a flow is open: what is kept of it is compared with them.
//!
//! Kept are the addresses, tunnels and translations of a flow; the names by which passive DNS knew its ends; the first 16 names that
//! its payload said; the JA3 and JA4 of its first ClientHello; the server's own certificate; its first HTTP request; what a router last
//! told; and its last 16 DNS questions. What else was said before an indicator came is not kept, and not met: later requests,
//! the rest of a certificate chain, earlier questions and all answers.

use super::{Found, Matcher};
use crate::hits::{FlowHits, Subject};
use crate::set::IndicatorSet;
use std::sync::Arc;
use weir_model::Timestamp;
use weir_model::alert::Field;
use weir_model::flow::{FlowName, NameSource, OpenFlow};

/// Sets that flows wait to be compared with at once: a round over millions of flows takes seconds, and sets come minutes apart. When
/// they come faster, flows are compared with the whole of the last one.
const MAX_PENDING: usize = 4;

/// What open flows are still to be compared with. They are visited one after the other, again and again while there is something; flows
/// that begin meanwhile are compared with the whole set anyway.
#[derive(Debug, Default)]
pub struct Sweep {
    pending: Vec<Pending>,
    /// Some flows were visited since the last round ended.
    is_midway: bool,
}

#[derive(Debug)]
struct Pending {
    matcher: Matcher,
    /// Ends of rounds until all flows have been visited.
    rounds: u8,
}

impl Sweep {
    /// Flows are to be compared with `added`, which is in `set` and was not in the one before.
    pub fn begin(&mut self, added: &Arc<IndicatorSet>, set: &Arc<IndicatorSet>) {
        if added.is_empty() {
            return;
        }
        let is_too_much = self.pending.len() >= MAX_PENDING;
        if is_too_much {
            self.pending.clear();
        }
        let set = if is_too_much { set } else { added };
        let rounds = if self.is_midway { 2 } else { 1 };
        self.pending.push(Pending { matcher: Matcher::new(Arc::clone(set)), rounds });
    }

    /// Whether all flows have been compared.
    pub fn is_over(&self) -> bool {
        self.pending.is_empty()
    }

    /// Compares a flow, at the time `now`: what has expired by then is not met. What the flow had met already is among the hits, see
    /// [`FlowHits::append_new`].
    pub fn visit(&mut self, flow: &OpenFlow<'_>, now: Timestamp) -> FlowHits {
        self.is_midway = true;
        let mut hits = FlowHits::default();
        self.pending.iter().for_each(|pending| pending.matcher.late(flow, now, &mut hits));
        hits
    }

    /// The last flow has been visited, and the next one is the first.
    pub fn end_round(&mut self) {
        self.is_midway = false;
        self.pending.iter_mut().for_each(|pending| pending.rounds -= 1);
        self.pending.retain(|pending| pending.rounds > 0);
    }
}

impl Matcher {
    fn late(&self, flow: &OpenFlow<'_>, now: Timestamp, hits: &mut FlowHits) {
        let head = &flow.head;
        let found = Found::new(&self.set, hits, (flow.last, head.id.0));
        let mut found = Found { valid_at: now, is_late: true, ..found };
        found.ends(head);
        head.tunnels.iter().for_each(|tunnel| found.tunnel(head, tunnel));
        head.passive.iter().for_each(|passive| found.passive(passive));
        flow.names.iter().for_each(|name| found.said(name));
        if let Some(tls) = flow.tls {
            tls.ja3.iter().for_each(|ja3| found.ja3(*ja3));
            tls.ja4.iter().for_each(|ja4| found.ja4(ja4));
            tls.certificate.iter().for_each(|certificate| found.certificate(certificate));
        }
        if let Some(request) = flow.http.and_then(|http| http.request.as_ref()) {
            found.http_request(request, flow.responder);
        }
        let ends = (flow.initiator, flow.responder);
        flow.questions.iter().for_each(|(id, asked)| found.question(*id, ends, asked));
        flow.told.iter().for_each(|told| found.told(ends, told));
    }
}

impl Found<'_> {
    /// A name that the payload said.
    fn said(&mut self, FlowName { name, source, .. }: &FlowName) {
        let (field, to_proxy) = match source {
            NameSource::TlsSni => (Field::TlsSni, false),
            NameSource::QuicSni => (Field::QuicSni, false),
            NameSource::HttpHost => (Field::HttpHost, false),
            NameSource::HttpProxy => (Field::HttpHost, true),
            NameSource::Certificate | NameSource::PassiveDnsOther | NameSource::PassiveDnsClient => return,
        };
        let subject = Subject::Said { host: name.as_str().into(), to_proxy };
        self.hit_all(self.set.name(name), field, name.as_str(), &subject);
    }
}

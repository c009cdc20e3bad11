//! Open flows one after the other, for whoever compares all of them with something.

use super::FlowTable;
use crate::entry::{ENTRY_LINES, Entry};
use crate::facts::Facts;
use weir_model::flow::OpenFlow;

/// How many slots before its turn an entry is fetched.
const FETCHED_AHEAD: u32 = 8;

impl FlowTable {
    /// Shows the open flows in the next `most` slots from `from` on; gives the slot to go on at, `None` behind the last. Flows keep
    /// their slots while they are open, and may have begun meanwhile in any.
    pub fn sweep(&self, from: u32, most: u32, mut look: impl FnMut(&OpenFlow<'_>)) -> Option<u32> {
        let end = self.flows.end();
        let until = from.saturating_add(most).min(end);
        for slot in from..until {
            self.flows.prefetch::<ENTRY_LINES>(slot + FETCHED_AHEAD);
            if let Some(entry) = self.flows.get(slot) {
                look(&open(entry));
            }
        }
        (until < end).then_some(until)
    }
}

fn open(entry: &Entry) -> OpenFlow<'_> {
    let initiator = entry.oriented.initiator;
    let facts = entry.cold.facts.as_deref();
    OpenFlow {
        head: entry.head_with_names(),
        last: entry.last,
        initiator: entry.ends.end(initiator),
        responder: entry.ends.end(initiator.other()),
        names: facts.map_or(&[], |facts| &facts.names),
        tls: facts.and_then(|facts| facts.tls.as_deref()),
        http: facts.and_then(|facts| facts.http.as_deref()),
        told: None,
        questions: facts.map_or(&[], Facts::last_questions),
    }
}

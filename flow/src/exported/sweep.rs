//! Open flows one after the other, for whoever compares all of them with something.

use super::entry::Entry;
use super::head::Head;
use super::{ExportedFlows, initiator};
use crate::facts::Facts;
use weir_model::flow::{FlowHead, OpenFlow};
use weir_model::held::Held;

/// How many slots before its turn an entry is fetched.
const FETCHED_AHEAD: u32 = 8;

/// Where one of several threads goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct SweepPlace {
    /// How many of its shards are behind it.
    shard: usize,
    slot: u32,
}

impl<A: Default + Held + Send> ExportedFlows<A> {
    /// Shows the open flows in the next `most` slots of a shard, which is locked meanwhile: `look` must not ask the flows. What it makes
    /// of them is told behind that, with the flow as it was. `None` when all flows of this `part` of `parts` have been shown.
    pub fn sweep<T>(
        &self,
        SweepPlace { shard: place, slot }: SweepPlace,
        (part, parts): (usize, usize),
        most: u32,
        mut look: impl FnMut(&OpenFlow<'_>) -> Option<T>,
        mut tell: impl FnMut(&FlowHead<'_>, T),
    ) -> Option<SweepPlace> {
        let shard = Some(part + place * parts.max(1)).filter(|shard| *shard < self.shard_count())?;
        let mut found = Vec::new();
        let entries = self.entries(shard);
        let end = entries.flows.end();
        let until = slot.saturating_add(most).min(end);
        for slot in slot..until {
            entries.flows.prefetch::<3>(slot + FETCHED_AHEAD);
            if let Some(entry) = entries.flows.get(slot)
                && let Some(made) = with_open(entry, &mut look)
            {
                found.push((Head::of(entry), made));
            }
        }
        drop(entries);
        for (head, made) in found {
            tell(&head.view(&[]), made);
        }
        let next = if until < end {
            SweepPlace { shard: place, slot: until }
        } else {
            SweepPlace { shard: place + 1, slot: 0 }
        };
        Some(next).filter(|next| part + next.shard * parts.max(1) < self.shard_count())
    }
}

fn with_open<T>(entry: &Entry, look: impl FnOnce(&OpenFlow<'_>) -> Option<T>) -> Option<T> {
    let head = Head::of(entry);
    let rarely = entry.rarely.as_deref();
    let facts = rarely.and_then(|rarely| rarely.facts.as_deref());
    let initiator = initiator::of(entry).initiator;
    look(&OpenFlow {
        head: head.view(facts.map_or(&[], |facts| &facts.passive)),
        last: entry.last,
        initiator: entry.ends.end(initiator),
        responder: entry.ends.end(initiator.other()),
        names: facts.map_or(&[], |facts| &facts.names),
        tls: facts.and_then(|facts| facts.tls.as_deref()),
        http: facts.and_then(|facts| facts.http.as_deref()),
        told: rarely.and_then(|rarely| rarely.told()),
        questions: facts.map_or(&[], Facts::last_questions),
    })
}

//! What came of a batch, told when no shard is locked any more, in the order of the records.

use super::entry::Entry;
use super::head::Head;
use weir_model::flow::EndReason;
use weir_model::observation::Observation;

/// News by the place in the batch of the record that they came of.
#[derive(Debug)]
pub(super) struct News<A> {
    items: Vec<(u32, Item)>,
    ended: Vec<Ended<A>>,
}

#[derive(Debug)]
pub(super) enum Item {
    /// Its place among those that ended.
    Ended(u32),
    Began(Head),
    Translated(Head),
    Observed(Box<Observed>),
}

/// A flow that ended.
#[derive(Debug)]
pub(super) struct Ended<A> {
    pub(super) entry: Entry,
    pub(super) reason: EndReason,
    pub(super) attached: Option<A>,
}

/// What was observed in a flow.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) head: Head,
    pub(super) observations: Vec<Observation>,
    /// Whether the responder said it.
    pub(super) from_responder: bool,
}

impl<A> News<A> {
    pub(super) const fn new() -> Self {
        Self { items: Vec::new(), ended: Vec::new() }
    }

    pub(super) fn ended(&mut self, place: u32, ended: Ended<A>) {
        self.items.push((place, Item::Ended(self.ended.len() as u32)));
        self.ended.push(ended);
    }

    pub(super) fn began(&mut self, place: u32, head: Head) {
        self.items.push((place, Item::Began(head)));
    }

    pub(super) fn translated(&mut self, place: u32, head: Head) {
        self.items.push((place, Item::Translated(head)));
    }

    pub(super) fn observed(&mut self, place: u32, observed: Observed) {
        self.items.push((place, Item::Observed(Box::new(observed))));
    }

    /// In the order of records, those of one record as they came; and the flows that ended.
    pub(super) fn in_order(mut self) -> (impl Iterator<Item = Item>, Vec<Ended<A>>) {
        self.items.sort_by_key(|item| item.0);
        (self.items.into_iter().map(|(_, item)| item), self.ended)
    }

    /// Only the flows that ended.
    pub(super) fn into_ended(self) -> Vec<Ended<A>> {
        self.ended
    }
}

//! What came of a batch, told when no shard is locked any more, in the order of the records.

use super::entry::Entry;
use super::head::Head;
use weir_model::flow::EndReason;
use weir_model::observation::Observation;

/// News by the place in the batch of the record that they came of.
#[derive(Debug)]
pub(super) struct News<A> {
    pub(super) items: Vec<(u32, Item<A>)>,
}

#[derive(Debug)]
pub(super) enum Item<A> {
    Ended(Box<Entry>, EndReason, Option<A>),
    Began(Head),
    Translated(Head),
    /// Whether the responder said it comes last.
    Observed(Head, Vec<Observation>, bool),
}

impl<A> News<A> {
    pub(super) const fn new() -> Self {
        Self { items: Vec::new() }
    }

    pub(super) fn ended(&mut self, place: u32, entry: Entry, reason: EndReason, attached: Option<A>) {
        self.items.push((place, Item::Ended(Box::new(entry), reason, attached)));
    }

    pub(super) fn began(&mut self, place: u32, head: Head) {
        self.items.push((place, Item::Began(head)));
    }

    pub(super) fn translated(&mut self, place: u32, head: Head) {
        self.items.push((place, Item::Translated(head)));
    }

    pub(super) fn observed(
        &mut self,
        place: u32,
        head: Head,
        observations: Vec<Observation>,
        from_responder: bool,
    ) {
        self.items.push((place, Item::Observed(head, observations, from_responder)));
    }

    /// In the order of records; those of one record as they came.
    pub(super) fn in_order(mut self) -> impl Iterator<Item = (u32, Item<A>)> {
        self.items.sort_by_key(|item| item.0);
        self.items.into_iter()
    }
}

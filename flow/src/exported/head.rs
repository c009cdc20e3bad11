//! What a flow is told by, when its shard was let go.

use super::entry::Entry;
use crate::ends::Ends;
use weir_model::flow::{FlowHead, PassiveName, Tunnel};
use weir_model::record::Translated;
use weir_model::{FlowId, Timestamp};
use weir_wire::Side;

/// An owned [`FlowHead`], but for names.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: FlowId,
    pub(super) first: Timestamp,
    /// A is the source.
    pub(super) ends: Ends,
    /// Apart, because heads are made, moved and sorted by the batch.
    seldom: Option<Box<Seldom>>,
}

/// What few flows have.
#[derive(Clone, Debug)]
struct Seldom {
    translated: Option<Translated>,
    tunnels: Vec<Tunnel>,
}

impl Head {
    pub(super) fn of(entry: &Entry) -> Self {
        let seldom = entry.rarely.as_ref().and_then(|rarely| {
            let translated = rarely.translated();
            let tunnels = rarely.facts.as_ref().map_or(&[][..], |facts| &facts.tunnels);
            let is_plain = translated.is_none() && tunnels.is_empty();
            (!is_plain).then(|| Box::new(Seldom { translated, tunnels: tunnels.to_vec() }))
        });
        Self { id: entry.id, first: entry.first, ends: entry.ends, seldom }
    }

    pub(super) fn view<'a>(&'a self, passive: &'a [PassiveName]) -> FlowHead<'a> {
        let seldom = self.seldom.as_deref();
        FlowHead {
            id: self.id,
            first: self.first,
            protocol: self.ends.protocol(),
            source: self.ends.end(Side::A),
            destination: self.ends.end(Side::B),
            tunnels: seldom.map_or(&[], |seldom| &seldom.tunnels),
            translated: seldom.and_then(|seldom| seldom.translated.as_ref()),
            passive,
        }
    }
}

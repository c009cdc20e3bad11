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
    pub(super) translated: Option<Translated>,
    tunnels: Vec<Tunnel>,
}

impl Head {
    pub(super) fn of(entry: &Entry) -> Self {
        let facts = entry.rarely.as_ref().and_then(|rarely| rarely.facts.as_ref());
        Self {
            id: entry.id,
            first: entry.first,
            ends: entry.ends,
            translated: entry.rarely.as_ref().and_then(|rarely| rarely.translated()),
            tunnels: facts.map_or_else(Vec::new, |facts| facts.tunnels.to_vec()),
        }
    }

    pub(super) fn view<'a>(&'a self, passive: &'a [PassiveName]) -> FlowHead<'a> {
        FlowHead {
            id: self.id,
            first: self.first,
            protocol: self.ends.protocol(),
            source: self.ends.end(Side::A),
            destination: self.ends.end(Side::B),
            tunnels: &self.tunnels,
            translated: self.translated.as_ref(),
            passive,
        }
    }
}

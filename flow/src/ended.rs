//! A flow record that ended, as its sink sees it.

use crate::entry::Entry;
use weir_model::flow::{Counters, EndReason, Orientation};
use weir_model::{Endpoint, Flow, FlowId, Protocol, Timestamp};
use weir_wire::Side;

/// A view of a flow record that ended. What it shows costs next to nothing; only [`Ended::to_flow`] builds the record.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    entry: &'a Entry,
    reason: EndReason,
}

impl<'a> Ended<'a> {
    pub(crate) const fn new(entry: &'a Entry, reason: EndReason) -> Self {
        Self { entry, reason }
    }

    /// See [`Flow::id`].
    pub const fn id(&self) -> FlowId {
        self.entry.cold.id
    }

    /// See [`Flow::continues`].
    pub fn continues(&self) -> Option<FlowId> {
        self.entry.cold.continues()
    }

    /// See [`Flow::protocol`].
    pub const fn protocol(&self) -> Protocol {
        self.entry.ends.protocol()
    }

    /// See [`Flow::initiator`].
    pub fn initiator(&self) -> Endpoint {
        self.entry.ends.end(self.initiating_side())
    }

    /// See [`Flow::responder`].
    pub fn responder(&self) -> Endpoint {
        self.entry.ends.end(self.initiating_side().other())
    }

    /// See [`Flow::orientation`].
    pub const fn orientation(&self) -> Orientation {
        self.entry.oriented.by
    }

    /// See [`Flow::first`].
    pub const fn first(&self) -> Timestamp {
        self.entry.first
    }

    /// See [`Flow::last`].
    pub const fn last(&self) -> Timestamp {
        self.entry.last
    }

    /// See [`Flow::forward`].
    pub fn forward(&self) -> Counters {
        self.entry.counters(self.initiating_side())
    }

    /// See [`Flow::reverse`].
    pub fn reverse(&self) -> Counters {
        self.entry.counters(self.initiating_side().other())
    }

    /// Packets both ways.
    pub fn packets(&self) -> u64 {
        self.entry.frames()
    }

    /// Bytes both ways at IP level.
    pub fn ip_bytes(&self) -> u64 {
        self.entry.counters(Side::A).ip_bytes + self.entry.counters(Side::B).ip_bytes
    }

    /// Why the record ends.
    pub const fn reason(&self) -> EndReason {
        self.reason
    }

    /// The whole record.
    pub fn to_flow(&self) -> Flow {
        self.entry.to_flow(self.reason)
    }

    const fn initiating_side(&self) -> Side {
        self.entry.oriented.initiator
    }
}

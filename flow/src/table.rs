//! The flow table.

use weir_model::flow::FlowHead;
use weir_model::{Flow, Observation};
use weir_wire::Packet;

/// Limits and timeouts.
#[derive(Clone, Debug, Default)]
pub struct FlowConfig {}

/// Plain counts.
#[derive(Clone, Debug, Default)]
pub struct FlowStats {}

/// Who is told what the table learns. Calls come in the order of packets.
pub trait FlowSink {
    /// A flow began (also when it continues one that passed the active timeout).
    fn began(&mut self, flow: &FlowHead<'_>);
    /// Its payload said something.
    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation);
    /// It ended.
    fn ended(&mut self, flow: Flow);
}

/// All flows that are open.
#[derive(Debug, Default)]
pub struct FlowTable {}

impl FlowTable {
    /// An empty table.
    pub fn new(_config: FlowConfig) -> Self {
        Self {}
    }

    /// Counts a packet into its flow and learns from its payload.
    pub fn packet(&mut self, _packet: &Packet<'_>, _sink: &mut impl FlowSink) {}

    /// Ends all flows: the input is over.
    pub fn finish(&mut self, _sink: &mut impl FlowSink) {}

    /// Counts so far.
    pub fn stats(&self) -> FlowStats {
        FlowStats::default()
    }
}

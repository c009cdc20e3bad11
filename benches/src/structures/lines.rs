//! Flows and names as JSON lines.

use super::packets::campus;
use super::run;
use crate::harness::{Run, Scale};
use weir_alert::{Lines, ecs};
use weir_capture::FrameBatch;
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::flow::FlowHead;
use weir_model::{Flow, FlowId, Observation, Protocol};
use weir_wire::{DecodeConfig, Decoder};

/// Bytes after which a chunk of lines is handed on.
const CHUNK_BYTES: usize = 256 * 1024;

/// Flow records of the campus mix.
pub(super) fn flows(scale: Scale) -> Run {
    let mut chunk = Lines::default();
    run(Learnt::from(scale).flows, move |flow| rendered(&mut chunk, |lines| ecs::flow(flow, lines)))
}

/// What their payloads said.
pub(super) fn names(scale: Scale) -> Run {
    let mut chunk = Lines::default();
    run(Learnt::from(scale).names, move |(flow, protocol, observation)| {
        rendered(&mut chunk, |lines| ecs::name(*flow, *protocol, observation, lines))
    })
}

/// Adds a line, and tells how many bytes the chunk has.
fn rendered(chunk: &mut Lines, render: impl FnOnce(&mut Lines)) -> u64 {
    render(chunk);
    let bytes = chunk.bytes().len();
    if bytes >= CHUNK_BYTES {
        chunk.clear();
    }
    bytes as u64
}

#[derive(Default)]
struct Learnt {
    flows: Vec<Flow>,
    names: Vec<(FlowId, Protocol, Observation)>,
}

impl Learnt {
    fn from(scale: Scale) -> Self {
        let (mut learnt, mut decoder) = (Self::default(), Decoder::new(DecodeConfig::default()));
        let (mut table, mut clock) = (FlowTable::new(FlowConfig::default()), Clock::new());
        for batch in campus(scale) {
            let frames = FrameBatch::iter(&batch).inspect(|frame| _ = clock.observe(frame.time));
            table.frames(&mut decoder, frames, &mut learnt);
        }
        table.finish(&clock, &mut learnt);
        learnt
    }
}

impl FlowSink for Learnt {
    fn began(&mut self, _: &FlowHead<'_>) {}

    fn named(&mut self, _: &FlowHead<'_>) {}

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.names.push((flow.id, flow.protocol, observation.clone()));
    }

    fn ended(&mut self, flow: Ended<'_>, _: u64) {
        self.flows.push(flow.to_flow());
    }
}

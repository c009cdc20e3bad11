//! Records made to order, and a sink that keeps what it is told.

use std::net::SocketAddr;
use weir_flow::{EndedExported, ExportedBatch, ExportedFlows, ExportedFlowsConfig, ExportedSink};
use weir_model::flow::FlowHead;
use weir_model::record::{Counters, Origin, Sampling, SamplingSource};
use weir_model::{ExportVersion, ExportedRecord, Flow, FlowId, Observation, Protocol, Timestamp};

/// The second at which tests begin.
const BEGIN: u64 = 1_700_000_000;

/// So many seconds after the beginning.
pub(crate) fn seconds(after: u64) -> Timestamp {
    Timestamp::new(BEGIN + after, 0)
}

/// What a sink was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// See [`ExportedSink::began`].
    Began(FlowId),
    /// See [`ExportedSink::translated`].
    Translated(FlowId),
    /// See [`ExportedSink::observed`].
    Observed(FlowId, Observation),
    /// See [`ExportedSink::ended`].
    Ended(FlowId),
}

/// Flows, a batch, and all that was told.
pub(crate) struct Twin {
    pub(crate) flows: ExportedFlows<u32>,
    pub(crate) batch: ExportedBatch,
    pub(crate) told: Vec<Told>,
    pub(crate) ended: Vec<(Flow, u32)>,
    next: u64,
}

/// Keeps everything.
struct Keep<'a>(&'a mut Vec<Told>, &'a mut Vec<(Flow, u32)>);

impl ExportedSink<u32> for Keep<'_> {
    fn began(&mut self, head: &FlowHead<'_>) {
        self.0.push(Told::Began(head.id));
    }

    fn translated(&mut self, head: &FlowHead<'_>) {
        assert!(head.translated.is_some());
        self.0.push(Told::Translated(head.id));
    }

    fn observed(&mut self, head: &FlowHead<'_>, observation: &Observation) {
        self.0.push(Told::Observed(head.id, observation.clone()));
    }

    fn ended(&mut self, ended: EndedExported<'_>, attached: u32) {
        self.0.push(Told::Ended(ended.id()));
        self.1.push((ended.to_flow(), attached));
    }
}

impl Twin {
    pub(crate) fn new() -> Self {
        Self::with(ExportedFlowsConfig { table_bytes: 64 << 20, ..ExportedFlowsConfig::default() })
    }

    pub(crate) fn with(config: ExportedFlowsConfig) -> Self {
        let flows = ExportedFlows::new(config, None);
        let batch = flows.batch();
        Self { flows, batch, told: Vec::new(), ended: Vec::new(), next: 1 }
    }

    /// Puts one record into the flows.
    pub(crate) fn put(&mut self, record: &ExportedRecord<'static>) {
        self.push(record);
        self.take();
    }

    /// Puts one record into the batch.
    pub(crate) fn push(&mut self, record: &ExportedRecord<'static>) {
        self.batch.push(self.next, record);
        self.next += 1;
    }

    pub(crate) fn take(&mut self) {
        self.flows.take(&mut self.batch, &mut Keep(&mut self.told, &mut self.ended));
    }

    /// All steps that are due.
    #[expect(dead_code, reason = "x")]
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while self.flows.expire(now, 0, 1, &mut Keep(&mut self.told, &mut self.ended)) {}
    }

    /// Ends everything; all flows that ended, by number.
    pub(crate) fn finish(&mut self) -> Vec<Flow> {
        self.take();
        self.flows.finish(&mut Keep(&mut self.told, &mut self.ended));
        let mut flows: Vec<Flow> = self.ended.iter().map(|(flow, _)| flow.clone()).collect();
        flows.sort_by_key(|flow| flow.id);
        flows
    }
}

/// A TCP record of router 192.0.2.251 between `a:port > b:port`.
#[expect(clippy::unwrap_used, reason = "ends are written in the tests")]
pub(crate) fn record(ends: &str) -> ExportedRecord<'static> {
    let (source, destination) = ends.split_once(" > ").unwrap();
    let (source, destination): (SocketAddr, SocketAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    let origin = Origin {
        exporter: [192, 0, 2, 251].into(),
        version: ExportVersion::NetFlow9,
        domain: 0,
        exported: seconds(0),
        received: seconds(0),
    };
    ExportedRecord {
        source: Some(source.ip()),
        destination: Some(destination.ip()),
        source_port: source.port(),
        destination_port: destination.port(),
        protocol: Some(Protocol::TCP),
        forward: Counters { packets: 1, bytes: 40 },
        first: Some(seconds(0)),
        last: Some(seconds(0)),
        ..ExportedRecord::empty(origin)
    }
}

/// Changes to a record, one after the other.
#[expect(dead_code, reason = "x")]
pub(crate) trait With: Sized {
    fn counts(self, packets: u64, bytes: u64) -> Self;
    fn back(self, packets: u64, bytes: u64) -> Self;
    fn times(self, first: u64, last: u64) -> Self;
    fn received(self, after: u64) -> Self;
    fn flags(self, flags: u16) -> Self;
    fn from(self, exporter: u8) -> Self;
    fn sampled(self, of: u32) -> Self;
}

impl With for ExportedRecord<'static> {
    fn counts(mut self, packets: u64, bytes: u64) -> Self {
        self.forward = Counters { packets, bytes };
        self
    }

    fn back(mut self, packets: u64, bytes: u64) -> Self {
        self.reverse = Some(Counters { packets, bytes });
        self
    }

    fn times(mut self, first: u64, last: u64) -> Self {
        self.first = Some(seconds(first));
        self.last = Some(seconds(last));
        self
    }

    /// Sent and received then.
    fn received(mut self, after: u64) -> Self {
        self.origin.received = seconds(after);
        self.origin.exported = seconds(after);
        self
    }

    fn flags(mut self, flags: u16) -> Self {
        self.tcp_flags = Some(flags);
        self
    }

    fn from(mut self, exporter: u8) -> Self {
        self.origin.exporter = [192, 0, 2, exporter].into();
        self
    }

    fn sampled(mut self, of: u32) -> Self {
        self.sampling = Sampling::new(1, of, SamplingSource::Domain);
        self
    }
}

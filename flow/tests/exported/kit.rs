//! Records made to order, and a sink that keeps what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use weir_flow::{EndedExported, ExportedBatch, ExportedFlows, ExportedFlowsConfig, ExportedSink, PassiveDns};
use weir_model::flow::FlowHead;
use weir_model::frame::LinkType;
use weir_model::held::Held;
use weir_model::record::{Counters, Origin, SampledFrame, Sampling, SamplingSource};
use weir_model::{Endpoint, ExportVersion, ExportedRecord, Flow, FlowId, Observation, Protocol, Timestamp};
use weir_wire::{Packet, TcpFields, Transport};

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

/// What is attached to flows: it holds as many bytes as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight(pub(crate) usize);

impl Held for Weight {
    fn held_bytes(&self) -> usize {
        self.0
    }
}

/// Flows, a batch, and all that was told.
pub(crate) struct Twin {
    pub(crate) flows: ExportedFlows<Weight>,
    pub(crate) batch: ExportedBatch,
    pub(crate) told: Vec<Told>,
    pub(crate) ended: Vec<(Flow, Weight)>,
    next: u64,
}

/// Keeps everything.
struct Keep<'a>(&'a mut Vec<Told>, &'a mut Vec<(Flow, Weight)>);

impl ExportedSink<Weight> for Keep<'_> {
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

    fn ended(&mut self, ended: EndedExported<'_>, attached: Weight) {
        self.0.push(Told::Ended(ended.id()));
        self.1.push((ended.to_flow(), attached));
    }
}

impl Twin {
    pub(crate) fn new() -> Self {
        Self::with(ExportedFlowsConfig { table_bytes: 64 << 20, ..ExportedFlowsConfig::default() })
    }

    pub(crate) fn with(config: ExportedFlowsConfig) -> Self {
        Self::named(config, None)
    }

    pub(crate) fn named(config: ExportedFlowsConfig, passive_dns: Option<Arc<PassiveDns>>) -> Self {
        let flows = ExportedFlows::new(config, passive_dns);
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

    /// Puts a sampled frame with that packet in, 1 of 100 by a switch at 192.0.2.250.
    pub(crate) fn put_sampled(&mut self, packet: &Packet<'_>) {
        let origin = Origin {
            exporter: [192, 0, 2, 250].into(),
            version: ExportVersion::SFlow5,
            domain: 0,
            exported: packet.time,
            received: packet.time,
        };
        let frame = SampledFrame {
            origin,
            link: LinkType::ETHERNET,
            original_len: packet.ip_bytes + 18,
            data: &[],
            sampling: Sampling::new(1, 100, SamplingSource::Record),
            input: Some(7),
            output: None,
            vlan: None,
            post_vlan: None,
            next_hop: None,
            source_as: None,
            destination_as: None,
            source_prefix_len: None,
            destination_prefix_len: None,
        };
        self.batch.push_sampled(self.next, &frame, packet);
        self.next += 1;
        self.take();
    }

    /// What was observed, by flow.
    pub(crate) fn observed(&self) -> Vec<(FlowId, Observation)> {
        let told = self.told.iter();
        told.filter_map(|told| match told {
            Told::Observed(id, observation) => Some((*id, observation.clone())),
            _ => None,
        })
        .collect()
    }

    /// All steps that are due.
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

fn ends(text: &str) -> (Endpoint, Endpoint) {
    let (source, destination) = text.split_once(" > ").unwrap();
    let end = |text: &str| {
        let end: SocketAddr = text.parse().unwrap();
        Endpoint::new(end.ip(), end.port())
    };
    (end(source), end(destination))
}

/// A packet `a:port > b:port` with that payload, so many seconds after the beginning; TCP when it has flags.
pub(crate) fn packet<'a>(between: &str, after: u64, flags: Option<u8>, payload: &'a [u8]) -> Packet<'a> {
    let (source, destination) = ends(between);
    let transport = flags
        .map_or(Transport::Udp, |flags| Transport::Tcp(TcpFields { sequence: 1, acknowledgement: 1, flags }));
    Packet {
        number: 0,
        time: seconds(after),
        frames: 1,
        protocol: if flags.is_some() { Protocol::TCP } else { Protocol::UDP },
        source,
        destination,
        ip_bytes: payload.len() as u32 + 40,
        payload_len: payload.len() as u32,
        payload,
        transport,
        vlans: arrayvec::ArrayVec::new(),
        rare: None,
    }
}

/// A TCP record of router 192.0.2.251 between `a:port > b:port`.
pub(crate) fn record(between: &str) -> ExportedRecord<'static> {
    let (source, destination) = ends(between);
    let origin = Origin {
        exporter: [192, 0, 2, 251].into(),
        version: ExportVersion::NetFlow9,
        domain: 0,
        exported: seconds(0),
        received: seconds(0),
    };
    ExportedRecord {
        source: Some(source.ip),
        destination: Some(destination.ip),
        source_port: source.port,
        destination_port: destination.port,
        protocol: Some(Protocol::TCP),
        forward: Counters { packets: 1, bytes: 40 },
        first: Some(seconds(0)),
        last: Some(seconds(0)),
        ..ExportedRecord::empty(origin)
    }
}

/// Changes to a record, one after the other.
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

//! Reading the payload of flows for names, within limits over all flows.

use crate::FlowConfig;
use crate::entry::Entry;
use crate::side::Both;
use crate::slots::{Queues, Slots};
use crate::streams::{Segment, StreamBudget, StreamStats, Streams};
use weir_model::Protocol;
use weir_model::observation::Fact;
use weir_wire::inspect::Appetite;
use weir_wire::{DatagramInspector, Packet, Side, StreamInspector, TcpFields, Transport};

/// How far the payload of one flow is read.
#[derive(Debug)]
pub(crate) enum Reading {
    /// No payload yet, or reading begins afresh.
    NotBegun,
    /// TCP.
    Stream(Box<Streams<StreamInspector>>),
    /// UDP.
    Datagrams(Box<Datagrams>),
    /// Nothing more is to be learnt.
    Over,
}

/// The reader of a UDP flow.
#[derive(Debug)]
pub(crate) struct Datagrams {
    inspector: DatagramInspector,
    done: Both<bool>,
}

/// Queues of flows that are being read, in the order in which reading began.
const STREAMS: usize = 0;
const DATAGRAMS: usize = 1;

/// All readers: what they hold and how many they are.
#[derive(Debug)]
pub(crate) struct Readers {
    queues: Queues<2>,
    limits: [usize; 2],
    pub(crate) budget: StreamBudget,
    pub(crate) stream_readers_dropped: u64,
    pub(crate) datagram_readers_dropped: u64,
}

impl Readers {
    pub(crate) fn new(config: &FlowConfig) -> Self {
        Self {
            queues: Queues::new(),
            limits: [config.max_stream_readers, config.max_datagram_readers],
            budget: StreamBudget {
                held_per_flow: config.held_bytes_per_flow,
                held_in_all: config.held_bytes_in_all,
                read_per_flow: config.read_bytes_per_flow,
                held: 0,
                stats: StreamStats::default(),
            },
            stream_readers_dropped: 0,
            datagram_readers_dropped: 0,
        }
    }

    /// Reads a packet of the flow in `slot`; what it says is added to `facts`.
    pub(crate) fn read(
        &mut self,
        flows: &mut Slots<Entry>,
        slot: u32,
        side: Side,
        packet: &Packet<'_>,
        facts: &mut Vec<Fact>,
    ) {
        let Some(entry) = flows.get_mut(slot) else { return };
        let mut learn = |fact| facts.push(fact);
        match packet.transport {
            Transport::Tcp(fields) => self.read_segment(entry, slot, side, fields, packet, &mut learn),
            Transport::Udp if !packet.payload.is_empty() => {
                self.read_datagram(entry, slot, side, packet, &mut learn);
            }
            _ => return,
        }
        self.keep_limits(flows);
    }

    /// Ends the reading of the flow in `slot`.
    pub(crate) fn stop(&mut self, slot: u32, reading: &mut Reading) {
        self.queues.remove(slot);
        if let Reading::Stream(streams) = std::mem::replace(reading, Reading::Over) {
            streams.close(&mut self.budget);
        }
    }

    fn read_segment(
        &mut self,
        entry: &mut Entry,
        slot: u32,
        side: Side,
        fields: TcpFields,
        packet: &Packet<'_>,
        learn: &mut dyn FnMut(Fact),
    ) {
        if matches!(entry.reading, Reading::NotBegun) && packet.payload_len > 0 {
            let first = |side| entry.tcp.as_ref().and_then(|tcp| tcp.first_payload(side));
            let first = Both { a: first(Side::A), b: first(Side::B) };
            let inspector = StreamInspector::new(entry.a.port, entry.b.port);
            entry.reading = Reading::Stream(Box::new(Streams::new(inspector, first)));
            self.queues.push_back(STREAMS, slot);
        }
        let Reading::Stream(streams) = &mut entry.reading else {
            return;
        };
        let segment = Segment {
            sequence: fields.sequence.wrapping_add(u32::from(fields.has(TcpFields::SYN))),
            payload: packet.payload,
            payload_len: packet.payload_len,
        };
        streams.segment(side, segment, &mut self.budget, learn);
        if fields.has(TcpFields::ACK) && !fields.has(TcpFields::RST) {
            streams.acknowledge(side, fields.acknowledgement, &mut self.budget, learn);
        }
        if streams.is_done() {
            self.stop(slot, &mut entry.reading);
        }
    }

    fn read_datagram(
        &mut self,
        entry: &mut Entry,
        slot: u32,
        side: Side,
        packet: &Packet<'_>,
        learn: &mut dyn FnMut(Fact),
    ) {
        if matches!(entry.reading, Reading::NotBegun) {
            let inspector = DatagramInspector::new(entry.a.port, entry.b.port);
            entry.reading = Reading::Datagrams(Box::new(Datagrams { inspector, done: Both::default() }));
            self.queues.push_back(DATAGRAMS, slot);
        }
        let Reading::Datagrams(datagrams) = &mut entry.reading else {
            return;
        };
        let done = datagrams.done.of_mut(side);
        if !*done {
            *done = datagrams.inspector.push(side, packet.payload, learn) == Appetite::Done;
        }
        if datagrams.done.a && datagrams.done.b {
            self.stop(slot, &mut entry.reading);
        }
    }

    /// Drops the readers that began first while there are too many.
    fn keep_limits(&mut self, flows: &mut Slots<Entry>) {
        for (queue, limit) in self.limits.into_iter().enumerate() {
            while self.queues.len(queue) > limit {
                let Some(slot) = self.queues.front(queue) else {
                    break;
                };
                let Some(entry) = flows.get_mut(slot) else { break };
                self.stop(slot, &mut entry.reading);
                if entry.protocol == Protocol::TCP {
                    self.stream_readers_dropped += 1;
                } else {
                    self.datagram_readers_dropped += 1;
                    entry.reading = Reading::NotBegun;
                }
            }
        }
    }
}

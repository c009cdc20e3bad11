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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// No payload yet, or reading begins afresh.
    NotBegun,
    /// The entry has a reader.
    UnderWay,
    /// Nothing more is to be learnt.
    Over,
}

/// Who reads a flow.
#[derive(Debug)]
pub(crate) enum Reader {
    /// TCP.
    Stream(Streams<StreamInspector>),
    /// UDP.
    Datagrams(Datagrams),
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
    queues: Queues<2, ()>,
    limits: [usize; 2],
    pub(crate) budget: StreamBudget,
    pub(crate) stream_readers_dropped: u64,
    pub(crate) datagram_readers_dropped: u64,
    pub(crate) requests_unreported: u64,
    pub(crate) bodies_unread: u64,
}

impl Readers {
    /// Bytes of the table's budget per flow.
    pub(crate) const BYTES_PER_FLOW: usize = Queues::<2, ()>::BYTES;

    pub(crate) fn new(config: &FlowConfig) -> Self {
        Self {
            queues: Queues::new(config.max_flows()),
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
            requests_unreported: 0,
            bodies_unread: 0,
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
        if entry.reading == Reading::Over {
            return;
        }
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

    /// Ends the reading of a flow that ends.
    pub(crate) fn stop(&mut self, slot: u32, entry: &mut Entry) {
        if let Some(reader) = entry.cold.reader.take() {
            self.queues.remove(slot);
            if let Reader::Stream(streams) = *reader {
                self.requests_unreported += u64::from(streams.reader().unreported_requests());
                self.bodies_unread += u64::from(streams.reader().unread_bodies());
                streams.close(&mut self.budget);
            }
        }
        entry.reading = Reading::Over;
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
        if entry.reading == Reading::NotBegun {
            if packet.payload_len == 0 {
                return;
            }
            let first = |side| entry.tcp.as_ref().and_then(|tcp| tcp.first_payload(side));
            let first = Both { a: first(Side::A), b: first(Side::B) };
            let inspector = StreamInspector::new(entry.ends.port(Side::A), entry.ends.port(Side::B));
            self.begin(STREAMS, slot, entry, Reader::Stream(Streams::new(inspector, first)));
        }
        let Some(Reader::Stream(streams)) = entry.cold.reader.as_deref_mut() else {
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
            self.stop(slot, entry);
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
        if entry.reading == Reading::NotBegun {
            let inspector = DatagramInspector::new(entry.ends.port(Side::A), entry.ends.port(Side::B));
            let datagrams = Datagrams { inspector, done: Both::default() };
            self.begin(DATAGRAMS, slot, entry, Reader::Datagrams(datagrams));
        }
        let Some(Reader::Datagrams(datagrams)) = entry.cold.reader.as_deref_mut() else {
            return;
        };
        let done = datagrams.done.of_mut(side);
        if !*done {
            *done = datagrams.inspector.push(side, packet.payload, learn) == Appetite::Done;
        }
        if datagrams.done.a && datagrams.done.b {
            self.stop(slot, entry);
        }
    }

    fn begin(&mut self, queue: usize, slot: u32, entry: &mut Entry, reader: Reader) {
        entry.cold.reader = Some(Box::new(reader));
        entry.reading = Reading::UnderWay;
        self.queues.push_back(queue, slot, ());
    }

    /// Drops the readers that began first while there are too many.
    fn keep_limits(&mut self, flows: &mut Slots<Entry>) {
        for (queue, limit) in self.limits.into_iter().enumerate() {
            while self.queues.len(queue) > limit {
                let Some((slot, ())) = self.queues.front(queue) else {
                    break;
                };
                let Some(entry) = flows.get_mut(slot) else { break };
                self.stop(slot, entry);
                if entry.ends.protocol() == Protocol::TCP {
                    self.stream_readers_dropped += 1;
                } else {
                    self.datagram_readers_dropped += 1;
                    entry.reading = Reading::NotBegun;
                }
            }
        }
    }
}

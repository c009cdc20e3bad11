//! Reading the payload of flows for names, within limits over all flows.

use crate::FlowConfig;
use crate::entry::Entry;
use crate::side::Both;
use crate::slots::{NONE, Queues, Slots};
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

impl Reading {
    /// Whether there is something to read in a packet of the flow.
    pub(crate) const fn wants(self, packet: &Packet<'_>) -> bool {
        match self {
            Self::NotBegun => packet.payload_len > 0,
            Self::UnderWay => true,
            Self::Over => false,
        }
    }
}

/// Where a flow's reader is: among those of its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReaderSlot(u32);

impl ReaderSlot {
    /// The flow has none.
    pub(crate) const NO_READER: Self = Self(NONE);
}

/// The reader of a UDP flow.
#[derive(Debug)]
struct Datagrams {
    inspector: DatagramInspector,
    done: Both<bool>,
}

/// Queues of flows that are being read, in the order in which reading began.
const STREAMS: usize = 0;
const DATAGRAMS: usize = 1;

/// Cache lines of the reader of a TCP flow.
const STREAM_LINES: usize = size_of::<Streams<StreamInspector>>().div_ceil(64);

/// All readers: what they hold and how many they are.
#[derive(Debug)]
pub(crate) struct Readers {
    /// Of TCP flows. Apart from the entries, because most flows have a reader for a few packets only; not allocated one by one,
    /// because there are as many of them as flows.
    streams: Slots<Streams<StreamInspector>>,
    /// Of UDP flows.
    datagrams: Slots<Datagrams>,
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
        // One more than the limit begins before the first of them is dropped.
        let room = |limit: usize| limit.min(config.max_flows()) + 1;
        Self {
            streams: Slots::new(room(config.max_stream_readers)),
            datagrams: Slots::new(room(config.max_datagram_readers)),
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

    /// Reads a packet that its flow's [`Reading::wants`]; what it says is added to `facts`.
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

    /// Passes over the payload of a packet that its flow's [`Reading::wants`], and over all that follows. Whether there was any that might have been read.
    pub(crate) fn pass_over(&mut self, flows: &mut Slots<Entry>, slot: u32, packet: &Packet<'_>) -> bool {
        let Some(entry) = flows.get_mut(slot).filter(|_| packet.payload_len > 0) else { return false };
        let might_be_read = matches!(packet.transport, Transport::Tcp(_) | Transport::Udp);
        if might_be_read {
            self.stop(slot, entry);
        }
        might_be_read
    }

    /// Hints that the reader of a flow will be needed, if it has one.
    #[inline]
    pub(crate) fn prefetch(&self, entry: &Entry) {
        let ReaderSlot(reader) = entry.cold.reader;
        if reader == NONE {
            return;
        }
        if entry.ends.protocol() == Protocol::TCP {
            self.streams.prefetch::<STREAM_LINES>(reader);
        } else {
            self.datagrams.prefetch::<1>(reader);
        }
    }

    /// Ends the reading of a flow that ends.
    pub(crate) fn stop(&mut self, slot: u32, entry: &mut Entry) {
        let ReaderSlot(reader) = std::mem::replace(&mut entry.cold.reader, ReaderSlot::NO_READER);
        entry.reading = Reading::Over;
        if reader == NONE {
            return;
        }
        self.queues.remove(slot);
        if entry.ends.protocol() != Protocol::TCP {
            self.datagrams.vacate(reader);
        } else if let Some(streams) = self.streams.get_mut(reader) {
            self.requests_unreported += u64::from(streams.reader().unreported_requests());
            self.bodies_unread += u64::from(streams.reader().unread_bodies());
            streams.close(&mut self.budget);
            self.streams.vacate(reader);
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
        if entry.reading == Reading::NotBegun {
            let first = |side| entry.tcp.as_ref().and_then(|tcp| tcp.first_payload(side));
            let first = Both { a: first(Side::A), b: first(Side::B) };
            let inspector = StreamInspector::new(entry.ends.port(Side::A), entry.ends.port(Side::B));
            let reader = self.streams.insert(Streams::new(inspector, first));
            self.begin(STREAMS, slot, entry, reader);
        }
        let Some(streams) = self.streams.get_mut(entry.cold.reader.0) else {
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
            let reader = self.datagrams.insert(datagrams);
            self.begin(DATAGRAMS, slot, entry, reader);
        }
        let Some(datagrams) = self.datagrams.get_mut(entry.cold.reader.0) else {
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

    fn begin(&mut self, queue: usize, slot: u32, entry: &mut Entry, reader: Option<u32>) {
        let Some(reader) = reader else {
            entry.reading = Reading::Over;
            return;
        };
        entry.cold.reader = ReaderSlot(reader);
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

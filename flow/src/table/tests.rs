//! The table as a state machine: packets in, calls of the sink out.

use super::*;
use crate::answers::tests::name;
use crate::timeouts::Clock;
use arrayvec::ArrayVec;
use std::time::Duration;
use weir_model::community_id::icmp_ports;
use weir_model::flow::{Orientation, TcpState, Tunnel, TunnelKind};
use weir_model::observation::{ClientHello, TlsTransport};
use weir_model::{Endpoint, FlowId, Protocol};
use weir_wire::{Rare, TcpFields};

mod dealt;
mod effort;
mod payload;
mod properties;

const SYN: u8 = TcpFields::SYN;
const ACK: u8 = TcpFields::ACK;
const FIN: u8 = TcpFields::FIN;
const RST: u8 = TcpFields::RST;

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Recorder {
    began: Vec<(FlowId, Endpoint, Vec<String>)>,
    observed: Vec<(FlowId, u64)>,
    ended: Vec<Flow>,
    held: usize,
}

impl FlowSink for Recorder {
    fn began(&mut self, flow: &FlowHead<'_>) {
        assert!(flow.passive.is_empty());
        self.began.push((flow.id, flow.source, Vec::new()));
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        let began = self.began.iter_mut().find(|began| began.0 == flow.id).unwrap();
        assert!(began.2.is_empty() && !flow.passive.is_empty());
        began.2 = flow.passive.iter().map(|named| named.name.name.to_string()).collect();
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.observed.push((flow.id, observation.packet));
    }

    fn ended(&mut self, flow: Ended<'_>, _: u64) {
        let record = flow.to_flow();
        assert_eq!((flow.id(), flow.protocol(), flow.reason()), (record.id, record.protocol, record.end));
        assert_eq!((flow.initiator(), flow.responder()), (record.initiator, record.responder));
        assert_eq!((flow.forward(), flow.reverse()), (record.forward, record.reverse));
        assert_eq!((flow.packets(), flow.ip_bytes()), (record.packets(), record.ip_bytes()));
        assert_eq!(
            (flow.first(), flow.last(), flow.orientation()),
            (record.first, record.last, record.orientation)
        );
        self.ended.push(record);
    }

    fn held_bytes(&self) -> usize {
        self.held
    }
}

impl Recorder {
    fn reasons(&self) -> Vec<EndReason> {
        self.ended.iter().map(|flow| flow.end).collect()
    }
}

/// A table whose rounds are of one packet each, its clock and sink, and the number of the last packet.
struct Bench {
    table: FlowTable,
    clock: Clock,
    sink: Recorder,
    number: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(FlowConfig::default())
    }

    fn with(config: FlowConfig) -> Self {
        Self { table: FlowTable::new(config), clock: Clock::new(), sink: Recorder::default(), number: 0 }
    }

    fn with_room_for(flows: usize) -> Self {
        Self::with(FlowConfig { table_bytes: flows * BYTES_PER_FLOW, ..FlowConfig::default() })
    }

    fn send(&mut self, packet: &Packet<'_>) {
        self.number += 1;
        self.clock.observe(packet.time);
        self.table.packet(&Packet { number: self.number, ..packet.clone() }, &mut self.sink);
        let round = self.table.close_round(&self.clock, &mut self.sink);
        self.table.resolve(round, &mut self.sink);
        let stats = self.table.stats();
        let uncounted = stats.shed.frames + stats.left_out_frames;
        assert_eq!(stats.frames, stats.frames_ended + self.table.frames_in_open_flows() + uncounted);
        assert!(self.table.flows.len() <= self.table.max_flows);
    }

    fn tcp(&mut self, seconds: u64, ends: (&str, &str), flags: u8, sequence: u32) {
        self.send(&tcp(seconds, ends, flags, sequence, 0, b""));
    }

    /// Takes a fact as if the last packet, sent again, had said it.
    fn says(&mut self, packet: &Packet<'_>, fact: Fact) {
        self.send(packet);
        let packet = Packet { number: self.number, ..packet.clone() };
        let ends = Ends::of(&packet);
        let (slot, side) = self.table.find(&ends, ends.tag(&self.table.seed)).unwrap();
        self.table.learn(slot, side, &packet, fact, &mut self.sink);
    }

    fn finish(mut self) -> (Recorder, FlowStats) {
        self.table.finish(&self.clock, &mut self.sink);
        let stats = self.table.stats();
        assert_eq!(stats.frames, stats.frames_ended);
        assert_eq!(stats.ended.total(), stats.flows_begun);
        assert_eq!((stats.flows_open, stats.stream_bytes_held, stats.facts_bytes), (0, 0, 0));
        assert_eq!(stats.frames, self.sink.ended.iter().map(Flow::packets).sum::<u64>());
        (self.sink, stats)
    }
}

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

fn packet(seconds: u64, protocol: Protocol, (source, destination): (&str, &str)) -> Packet<'static> {
    Packet {
        number: 0,
        time: Timestamp::new(seconds, 0),
        frames: 1,
        protocol,
        source: end(source),
        destination: end(destination),
        ip_bytes: 28,
        payload_len: 0,
        payload: &[],
        transport: Transport::Udp,
        vlans: ArrayVec::new(),
        rare: None,
    }
}

fn udp(seconds: u64, ends: (&str, &str)) -> Packet<'static> {
    packet(seconds, Protocol::UDP, ends)
}

fn tcp<'a>(
    seconds: u64,
    ends: (&str, &str),
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
    payload: &'a [u8],
) -> Packet<'a> {
    Packet {
        transport: Transport::Tcp(TcpFields { sequence, acknowledgement, flags }),
        payload,
        payload_len: payload.len() as u32,
        ip_bytes: 40 + payload.len() as u32,
        ..packet(seconds, Protocol::TCP, ends)
    }
}

fn icmp(seconds: u64, (source, destination): ([u8; 4], [u8; 4]), icmp_type: u8, code: u8) -> Packet<'static> {
    let (from, to) = icmp_ports(Protocol::ICMP, icmp_type, code);
    Packet {
        protocol: Protocol::ICMP,
        source: Endpoint::new(source.into(), from),
        destination: Endpoint::new(destination.into(), to),
        transport: Transport::Icmp { icmp_type, code },
        ..packet(seconds, Protocol::ICMP, ("0.0.0.0:0", "0.0.0.0:0"))
    }
}

const UP: (&str, &str) = ("10.0.0.1:40000", "192.0.2.1:443");
const DOWN: (&str, &str) = ("192.0.2.1:443", "10.0.0.1:40000");

/// A handshake in second 0: the client's bytes begin at 101, the server's at 501.
fn handshake(bench: &mut Bench) {
    bench.send(&tcp(0, UP, SYN, 100, 0, b""));
    bench.send(&tcp(0, DOWN, SYN | ACK, 500, 101, b""));
    bench.send(&tcp(0, UP, ACK, 101, 501, b""));
}

fn close(bench: &mut Bench, seconds: u64) {
    bench.tcp(seconds, UP, FIN | ACK, 101);
    bench.tcp(seconds, DOWN, FIN | ACK, 501);
}

#[test]
fn a_connection_with_all_its_counts() {
    let mut bench = Bench::new();
    handshake(&mut bench);
    bench.send(&tcp(1, UP, ACK, 101, 501, b"hello"));
    bench.send(&tcp(2, UP, ACK, 101, 501, b"hello"));
    bench.send(&tcp(3, DOWN, ACK, 501, 106, b"good day"));
    bench.send(&tcp(4, UP, FIN | ACK, 106, 509, b""));
    bench.send(&tcp(5, DOWN, FIN | ACK, 509, 107, b""));
    bench.send(&tcp(6, UP, ACK, 107, 510, b""));
    let (sink, stats) = bench.finish();
    let [flow] = &sink.ended[..] else { panic!("{:?}", sink.ended) };
    assert_eq!((flow.initiator, flow.responder), (end(UP.0), end(UP.1)));
    assert_eq!((flow.id, flow.continues, flow.end), (FlowId(1), None, EndReason::Fin));
    assert_eq!(flow.orientation, Orientation::Start);
    assert_eq!((flow.forward.packets, flow.reverse.packets), (6, 3));
    assert_eq!((flow.forward.payload_bytes, flow.reverse.payload_bytes), (10, 8));
    assert_eq!(flow.ip_bytes(), 9 * 40 + 18);
    assert_eq!((flow.forward.retransmissions, flow.reverse.retransmissions), (1, 0));
    assert_eq!((flow.forward.acknowledged_bytes, flow.reverse.acknowledged_bytes), (8, 5));
    assert_eq!(flow.forward.tcp_flags, SYN | ACK | FIN);
    let tcp = flow.tcp.unwrap();
    assert!(tcp.syn && tcp.syn_ack && tcp.handshake);
    assert_eq!(tcp.state, TcpState::Closed);
    assert_eq!((flow.first, flow.last), (Timestamp::new(0, 0), Timestamp::new(6, 0)));
    assert_eq!((stats.ended.fin, stats.packets), (1, 9));
}

#[test]
fn a_day_of_timeouts() {
    let mut bench = Bench::new();
    for second in (0..86_400).step_by(60) {
        bench.send(&udp(second, ("10.0.0.1:5000", "10.0.0.2:6000")));
    }
    let (sink, stats) = bench.finish();
    // 31 packets (0 to 1,800 s) in each record, the next minute begins another.
    assert_eq!(sink.ended.len(), 1_440_usize.div_ceil(31));
    assert_eq!((stats.ended.active, stats.ended.end_of_input), (46, 1));
    for pair in sink.ended.windows(2) {
        assert_eq!((pair[0].packets(), pair[0].end), (31, EndReason::Active));
        assert_eq!(pair[1].continues, Some(pair[0].id));
    }
    assert_eq!(sink.began.len(), sink.ended.len());
}

#[test]
fn idle_timeouts_by_protocol() {
    let mut bench = Bench::new();
    let ends = ("10.0.0.1:5000", "10.0.0.2:6000");
    for second in [0, 60, 121] {
        bench.send(&udp(second, ends));
    }
    for second in [1_000, 1_300, 1_601] {
        bench.tcp(second, ends, ACK, 1);
    }
    let (sink, _) = bench.finish();
    let packets: Vec<_> = sink.ended.iter().map(|flow| (flow.packets(), flow.end)).collect();
    let expected =
        [(2, EndReason::Idle), (2, EndReason::Idle), (1, EndReason::Idle), (1, EndReason::EndOfInput)];
    assert_eq!(packets, expected);
}

#[test]
fn a_closed_connection_lingers_for_what_is_late() {
    let mut bench = Bench::new();
    handshake(&mut bench);
    close(&mut bench, 1);
    bench.tcp(11, UP, ACK, 102);
    bench.tcp(22, UP, ACK, 102);
    let (sink, _) = bench.finish();
    let packets: Vec<_> = sink.ended.iter().map(|flow| (flow.packets(), flow.end)).collect();
    assert_eq!(packets, [(6, EndReason::Fin), (1, EndReason::EndOfInput)]);
}

#[test]
fn a_new_syn_begins_a_new_flow() {
    let mut bench = Bench::new();
    handshake(&mut bench);
    bench.tcp(1, UP, SYN, 100);
    assert_eq!(bench.sink.ended.len(), 0, "a copy");
    close(&mut bench, 1);
    bench.tcp(2, UP, SYN, 900);
    bench.tcp(2, DOWN, RST | ACK, 0);
    bench.tcp(3, UP, SYN, 1_900);
    bench.tcp(4, UP, SYN, 2_900);
    let (sink, _) = bench.finish();
    let expected = [EndReason::Fin, EndReason::Rst, EndReason::Reused, EndReason::EndOfInput];
    assert_eq!(sink.reasons(), expected);
    assert_eq!(sink.ended.iter().map(|flow| flow.continues).collect::<Vec<_>>(), [None; 4]);
    assert_eq!(sink.ended[1].tcp.unwrap().state, TcpState::Reset);
    assert_eq!(sink.ended[3].tcp.unwrap().state, TcpState::Opening);
}

#[test]
fn a_continuation_keeps_what_is_known() {
    let mut bench = Bench::new();
    let mut first = tcp(0, UP, SYN, 100, 0, b"");
    first.rare.get_or_insert_default().tunnels.push(Tunnel {
        kind: TunnelKind::Gre,
        source: [1, 1, 1, 1].into(),
        destination: [2, 2, 2, 2].into(),
        id: None,
    });
    first.vlans.push(7);
    bench.send(&first);
    bench.says(&tcp(1, UP, ACK, 101, 0, b""), hello("www.example"));
    for second in (2..1_900).step_by(200) {
        bench.tcp(second, DOWN, ACK, 501);
    }
    let (sink, stats) = bench.finish();
    let [first, second] = &sink.ended[..] else { panic!("{:?}", sink.ended) };
    assert_eq!((first.end, second.end), (EndReason::Active, EndReason::EndOfInput));
    assert_eq!(second.continues, Some(first.id));
    assert_eq!((second.initiator, second.orientation), (end(UP.0), Orientation::Start));
    assert_eq!((second.forward.packets, second.reverse.packets), (0, 1));
    assert_eq!((&second.name, &second.tls), (&first.name, &first.tls));
    assert_eq!(second.name.as_ref().unwrap().name, name("www.example"));
    assert_eq!((second.vlans.as_slice(), &second.tunnels), (&[7][..], &first.tunnels));
    assert_eq!(sink.began[1].1, end(DOWN.0), "whoever sent the first packet of the record");
    assert_eq!((stats.flows_begun, stats.flows_continued), (2, 1));
}

#[test]
fn who_began_is_told_by_the_strongest_evidence() {
    let oriented = |packets: &[Packet<'_>]| {
        let mut bench = Bench::new();
        for packet in packets {
            bench.send(packet);
        }
        let flow = bench.finish().0.ended.remove(0);
        (flow.initiator, flow.orientation)
    };
    let (client, server) = (end(UP.0), end(UP.1));
    assert_eq!(oriented(&[tcp(0, DOWN, ACK, 5, 5, b"x")]), (client, Orientation::Ports));
    assert_eq!(oriented(&[tcp(0, DOWN, SYN | ACK, 5, 5, b"")]), (client, Orientation::Start));
    assert_eq!(oriented(&[tcp(0, DOWN, SYN, 5, 5, b"")]), (server, Orientation::Start));
    let late_syn = [tcp(0, DOWN, SYN | ACK, 5, 101, b""), tcp(0, UP, SYN, 100, 0, b"")];
    assert_eq!(oriented(&late_syn), (client, Orientation::Start));
    let high = ("10.0.0.1:40000", "10.0.0.2:50000");
    assert_eq!(oriented(&[udp(0, high)]), (end(high.0), Orientation::FirstPacket));
    let (x, y) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    assert_eq!(oriented(&[icmp(0, (x, y), 8, 0)]), (Endpoint::new(x.into(), 8), Orientation::Start));
    assert_eq!(oriented(&[icmp(0, (x, y), 0, 0)]), (Endpoint::new(y.into(), 8), Orientation::Payload));
    let ping = [icmp(0, (x, y), 0, 0), icmp(1, (y, x), 8, 0)];
    assert_eq!(oriented(&ping), (Endpoint::new(y.into(), 8), Orientation::Start));
}

#[test]
fn payload_tells_who_began_where_ports_do_not() {
    let mut bench = Bench::new();
    let back = ("10.0.0.2:50000", "10.0.0.1:40000");
    bench.send(&udp(0, back));
    bench.says(&udp(1, ("10.0.0.1:40000", "10.0.0.2:50000")), hello("www.example"));
    let flow = bench.finish().0.ended.remove(0);
    assert_eq!((flow.initiator, flow.orientation), (end(back.1), Orientation::Payload));
    assert_eq!((flow.forward.packets, flow.reverse.packets), (1, 1));
}

#[test]
fn an_icmp_error_marks_the_flow_that_it_is_about() {
    let mut bench = Bench::new();
    let ends = ("10.0.0.1:5000", "10.0.0.2:6000");
    bench.send(&udp(0, ends));
    let mut error = icmp(1, ([10, 0, 0, 2], [10, 0, 0, 1]), 3, 3);
    let about = Some((Protocol::UDP, end(ends.0), end(ends.1)));
    error.rare = Some(Box::new(Rare { about, ..Rare::default() }));
    bench.send(&error);
    error.time = Timestamp::new(61, 0);
    bench.send(&error);
    let (sink, stats) = bench.finish();
    assert_eq!((sink.ended[0].icmp_errors, sink.ended[0].packets()), (1, 1));
    assert_eq!((sink.ended[1].icmp, sink.ended[1].packets()), (Some((3, 3)), 2));
    assert_eq!((stats.icmp_errors_paired, stats.icmp_errors_unpaired), (1, 1));
}

#[test]
fn a_frame_with_a_wild_time_is_a_flow_of_its_own() {
    let mut bench = Bench::new();
    let ends = ("10.0.0.1:5000", "10.0.0.2:6000");
    for second in [100, 101, 102, 4_102_444_800, 103, 104, 105, 106, 107, 108, 109, 110, 111] {
        bench.send(&udp(second, ends));
        bench.send(&udp(second.min(111), ("10.0.0.3:5000", "10.0.0.4:6000")));
    }
    let (sink, stats) = bench.finish();
    let mut packets: Vec<_> = sink.ended.iter().map(Flow::packets).collect();
    packets.sort_unstable();
    assert_eq!(packets, [1, 3, 9, 13], "the other flow is whole");
    assert!(sink.ended.iter().all(|flow| flow.duration() < Duration::from_mins(1)));
    assert!(stats.steps_backwards > 0);
}

#[test]
fn small_steps_backwards_stay_in_the_flow() {
    let mut bench = Bench::new();
    let ends = ("10.0.0.1:5000", "10.0.0.2:6000");
    for second in [100, 90, 110, 95] {
        bench.send(&udp(second, ends));
    }
    let (sink, stats) = bench.finish();
    assert_eq!((sink.ended[0].packets(), stats.steps_backwards), (4, 2));
    assert_eq!((sink.ended[0].first, sink.ended[0].last), (Timestamp::new(100, 0), Timestamp::new(110, 0)));
}

#[test]
fn a_flood_of_single_packets_pushes_out_itself() {
    let mut bench = Bench::with_room_for(20);
    for client in 0..10 {
        let ends = (format!("10.0.0.{client}:40000"), "192.0.2.1:443".to_owned());
        bench.tcp(0, (&ends.0, &ends.1), SYN, 1);
        bench.tcp(0, (&ends.1, &ends.0), SYN | ACK, 1);
    }
    for number in 0..1_000 {
        let source = format!("198.51.{}.{}:1", number / 250, number % 250);
        bench.tcp(1, (&source, "192.0.2.1:443"), SYN, 1);
    }
    assert_eq!(bench.table.stats().ended.evicted, 990);
    assert!(bench.sink.ended.iter().all(|flow| flow.reverse.packets == 0));
    let evicted: Vec<_> = bench.sink.ended.iter().map(|flow| flow.id.0).collect();
    assert!(evicted.is_sorted(), "oldest first");
    let (sink, stats) = bench.finish();
    assert_eq!(sink.ended.iter().filter(|flow| flow.reverse.packets > 0).count(), 10);
    assert_eq!((stats.flows_open_peak, stats.ended.end_of_input), (20, 20));
}

#[test]
fn what_is_over_makes_room_first_and_is_not_called_evicted() {
    let mut bench = Bench::with_room_for(2);
    handshake(&mut bench);
    close(&mut bench, 0);
    bench.send(&udp(1, ("10.0.0.1:5000", "10.0.0.2:6000")));
    bench.send(&udp(2, ("10.0.0.1:5001", "10.0.0.2:6000")));
    assert_eq!(bench.sink.reasons(), [EndReason::Fin]);
    bench.send(&udp(3, ("10.0.0.1:5002", "10.0.0.2:6000")));
    assert_eq!(bench.sink.reasons(), [EndReason::Fin, EndReason::Evicted]);
    assert_eq!(bench.sink.ended[1].initiator.port, 5000);
}

#[test]
fn counters_go_on_beyond_32_bits() {
    let mut bench = Bench::new();
    let ends = ("10.0.0.1:5000", "10.0.0.2:6000");
    for _ in 0..5 {
        bench.send(&Packet {
            frames: u32::MAX,
            ip_bytes: u32::MAX,
            payload_len: u32::MAX - 8,
            ..udp(0, ends)
        });
    }
    bench.send(&udp(1_000, ends));
    let (sink, _) = bench.finish();
    let forward = sink.ended[0].forward;
    let full = u64::from(u32::MAX);
    assert_eq!(
        (forward.packets, forward.ip_bytes, forward.payload_bytes),
        (5 * full, 5 * full, 5 * (full - 8))
    );
    assert_eq!((sink.ended[1].packets(), sink.ended[1].ip_bytes()), (1, 28));
}

#[test]
fn what_is_boxed_is_paid_for_by_the_budget() {
    let mut bench = Bench::with_room_for(20);
    for client in 0..30 {
        let source = format!("10.0.0.{client}:5000");
        let mut packet = udp(0, (&source, "10.0.0.2:6000"));
        packet.vlans.push(7);
        bench.send(&packet);
        let open = bench.table.stats().flows_open as usize;
        let facts = size_of::<crate::facts::Facts>();
        assert!((open - 1) * (BYTES_PER_FLOW + facts) + BYTES_PER_FLOW <= 20 * BYTES_PER_FLOW, "{open} open");
    }
    assert!(bench.table.stats().flows_open > 2);
    bench.finish();
}

#[test]
fn what_is_kept_elsewhere_is_paid_for_by_the_budget() {
    let mut bench = Bench::with_room_for(20);
    for client in 0..30 {
        bench.sink.held = if client < 20 { 0 } else { 15 * BYTES_PER_FLOW };
        let source = format!("10.0.0.{client}:5000");
        bench.send(&udp(0, (&source, "10.0.0.2:6000")));
        let most = if client < 20 { 20 } else { 5 };
        assert!(bench.table.stats().flows_open <= most, "{client}");
    }
    assert!(bench.table.stats().flows_open > 2);
    bench.finish();
}

#[test]
fn flows_that_go_on_are_looked_at_again_in_their_turn() {
    let mut bench = Bench::new();
    let ends = |client: u64| (format!("10.0.0.{client}:5000"), "10.0.0.2:6000".to_owned());
    for second in 0..400 {
        for client in [1, 2] {
            let (source, destination) = ends(client);
            if client == 1 || second < 50 {
                bench.send(&udp(second, (&source, &destination)));
            }
        }
        // Its last packet was at 49: the timeout of a minute later, and what the clock looks back.
        let expected = if second < 49 + 60 + 8 { 2 } else { 1 };
        assert_eq!(bench.table.stats().flows_open, expected, "{second}");
    }
    let (sink, _) = bench.finish();
    let packets: Vec<_> = sink.ended.iter().map(|flow| (flow.packets(), flow.end)).collect();
    assert_eq!(packets, [(50, EndReason::Idle), (400, EndReason::EndOfInput)]);
}

#[test]
fn who_had_packets_since_gets_another_chance() {
    let mut bench = Bench::with_room_for(3);
    let ends = [("10.0.0.1:1", "10.0.0.9:9"), ("10.0.0.2:1", "10.0.0.9:9"), ("10.0.0.3:1", "10.0.0.9:9")];
    for one in ends {
        bench.send(&udp(0, one));
    }
    bench.send(&udp(1, ends[0]));
    bench.send(&udp(2, ("10.0.0.4:1", "10.0.0.9:9")));
    assert_eq!(bench.sink.ended[0].initiator, end(ends[1].0), "the first had a packet since");
    bench.finish();
}

#[test]
fn all_open_flows_are_shown_once_in_any_steps() {
    let mut bench = Bench::new();
    for number in 0..100_u64 {
        let client = format!("10.0.0.{number}:5000");
        let asked = packet(1_000 + number, Protocol::TCP, (&client, "192.0.2.1:443"));
        bench.says(&asked, hello(&format!("n{number}.example")));
    }
    // Some have ended, and others are where they were.
    bench.clock.observe(Timestamp::new(10_000, 0));
    bench.table.close_round(&bench.clock, &mut bench.sink);
    for number in 0..30_u64 {
        bench.send(&udp(10_000, (&format!("10.1.0.{number}:53"), "192.0.2.2:53")));
    }
    let shown = |most| {
        let (mut all, mut from) = (Vec::new(), Some(0));
        while let Some(slot) = from {
            from = bench.table.sweep(slot, most, |flow| {
                let names: Vec<_> = flow.names.iter().map(|name| name.name.to_string()).collect();
                all.push((flow.head.id, flow.initiator, names));
            });
        }
        all.sort();
        all
    };
    let open = bench.table.stats().flows_open as usize;
    assert!((30..130).contains(&open), "{open}");
    assert_eq!(shown(u32::MAX).len(), open);
    assert_eq!(shown(u32::MAX), shown(7));
    assert_eq!(shown(1), shown(7));
}

#[test]
fn what_an_open_flow_has_said_is_shown() {
    let mut bench = Bench::new();
    bench.says(&packet(1_000, Protocol::TCP, ("10.0.0.1:5000", "192.0.2.1:443")), hello("www.example"));
    let mut shown = 0;
    bench.table.sweep(0, 10, |flow| {
        shown += 1;
        assert_eq!(flow.names[0].name, name("www.example"));
        assert_eq!(flow.tls.unwrap().server_name, Some(name("www.example")));
        assert_eq!((flow.initiator, flow.responder), (end("10.0.0.1:5000"), end("192.0.2.1:443")));
    });
    assert_eq!(shown, 1);
}

fn hello(server_name: &str) -> Fact {
    Fact::ClientHello(Arc::new(ClientHello {
        server_name: Some(name(server_name)),
        alpn: Vec::new(),
        version: 0x0304,
        ja3: [3; 16],
        ja4: "t13d".into(),
        ech_offered: false,
        transport: TlsTransport::Tcp,
    }))
}

#[test]
fn every_count_has_one_name() {
    let names: std::collections::BTreeSet<_> = FlowStats::default().iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), FlowStats::default().iter().count());
    assert_eq!(size_of::<FlowStats>(), names.len() * size_of::<u64>(), "each field is listed");
}

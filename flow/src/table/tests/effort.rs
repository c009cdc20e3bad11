//! What a table leaves out, and what it never does.

use super::*;
use crate::effort::ONE_IN;

/// Wants flows that have one of its addresses; counts how often it was asked.
#[derive(Default)]
struct Wanting {
    recorder: Recorder,
    wanted: Vec<std::net::IpAddr>,
    asked: u64,
}

impl FlowSink for Wanting {
    fn meets(&mut self, flow: &FlowHead<'_>) -> bool {
        self.asked += 1;
        self.wanted.iter().any(|ip| [flow.source.ip, flow.destination.ip].contains(ip))
    }

    fn began(&mut self, flow: &FlowHead<'_>) {
        self.recorder.began(flow);
    }

    fn named(&mut self, flow: &FlowHead<'_>) {
        self.recorder.named(flow);
    }

    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation) {
        self.recorder.observed(flow, observation);
    }

    fn ended(&mut self, flow: Ended<'_>, round: u64) {
        self.recorder.ended(flow, round);
    }
}

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: www.example\r\n\r\n";

#[test]
fn payload_is_passed_over_and_the_flow_is_not_read_later() {
    let mut bench = Bench::new();
    handshake(&mut bench);
    bench.table.set_effort(Effort::Headers);
    bench.send(&tcp(1, UP, ACK, 101, 501, REQUEST));
    bench.table.set_effort(Effort::Full);
    bench.send(&tcp(2, UP, ACK, 101 + REQUEST.len() as u32, 501, REQUEST));
    let other = ("10.0.0.1:40001", "192.0.2.1:80");
    bench.send(&tcp(3, other, ACK, 1, 1, REQUEST));
    let (sink, stats) = bench.finish();
    assert!(!sink.observed.is_empty());
    assert!(
        sink.observed.iter().all(|(flow, _)| *flow == FlowId(6)),
        "the other flow alone: {:?}",
        sink.observed
    );
    assert_eq!(sink.ended.iter().map(Flow::packets).sum::<u64>(), 6, "packets are counted as ever");
    assert_eq!(stats.shed, crate::Shed { payloads: 1, ..crate::Shed::default() });
}

#[test]
fn dns_is_read_as_long_as_flows_begin() {
    let mut bench = Bench::new();
    bench.table.set_effort(Effort::Headers);
    let question = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01";
    let ends = ("10.0.0.1:5353", "10.0.0.53:53");
    bench.send(&Packet { payload: question, payload_len: question.len() as u32, ..udp(0, ends) });
    let (sink, stats) = bench.finish();
    assert!(!sink.observed.is_empty());
    assert_eq!(stats.shed.payloads, 0);
}

#[test]
fn small_flows_do_not_begin_but_what_meets_something_does_and_so_do_large_ones() {
    let mut sink = Wanting { wanted: vec![end("192.0.2.66:0").ip], ..Wanting::default() };
    let mut table = FlowTable::default();
    table.set_effort(Effort::Addresses);
    let mut number = 0;
    let mut send = |table: &mut FlowTable, sink: &mut Wanting, source: &str, destination: &str| {
        number += 1;
        table.packet(&Packet { number, ..udp(1, (source, destination)) }, sink);
    };
    for port in 1..=1_600 {
        send(&mut table, &mut sink, &format!("10.0.0.1:{port}"), "192.0.2.1:9");
    }
    let small = sink.recorder.began.len() as u64;
    assert!((50..=150).contains(&small), "about one in {ONE_IN} of 1,600: {small}");
    assert_eq!(sink.asked, 1_600 - small, "the addresses of all others were compared");
    for _ in 0..200 {
        send(&mut table, &mut sink, "10.0.0.2:1", "192.0.2.2:9");
    }
    assert!(table.find_open(Protocol::UDP, end("10.0.0.2:1"), end("192.0.2.2:9")).is_some());
    send(&mut table, &mut sink, "10.0.0.3:1", "192.0.2.66:9");
    let met = table.find_open(Protocol::UDP, end("10.0.0.3:1"), end("192.0.2.66:9")).unwrap();
    assert_eq!(met.packets(), 1);
    table.set_effort(Effort::Full);
    send(&mut table, &mut sink, "10.0.0.4:1", "192.0.2.1:9");
    assert!(table.find_open(Protocol::UDP, end("10.0.0.4:1"), end("192.0.2.1:9")).is_some());
    let stats = table.stats();
    assert_eq!(stats.frames, 1_600 + 200 + 2);
    assert_eq!(stats.frames, table.frames_in_open_flows() + stats.shed.frames);
    assert!(stats.shed.packets >= 1_600 - small);
}

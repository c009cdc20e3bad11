//! What payloads teach: DNS and the names of flows, streams put in order, limits on reading.

use super::*;
use crate::answers::Received;
use crate::answers::tests::{a, answer};
use crate::passive_dns::PassiveDnsConfig;
use weir_model::flow::NameSource;
use weir_model::observation::DnsMessage;

const ASK: (&str, &str) = ("10.0.0.1:5353", "10.0.0.53:53");
const REPLY: (&str, &str) = ("10.0.0.53:53", "10.0.0.1:5353");

fn dns_answer(id: u16) -> DnsMessage {
    DnsMessage { id, ..answer("www.example", vec![a("www.example", 60, [192, 0, 2, 1])]) }
}

#[test]
fn a_flow_bears_the_name_that_its_client_asked_for() {
    let mut bench = Bench::new();
    let question = DnsMessage { is_response: false, answers: Vec::new(), ..dns_answer(9) };
    bench.says(&udp(0, ASK), Fact::Dns(Arc::new(question)));
    bench.says(&udp(0, REPLY), Fact::Dns(Arc::new(dns_answer(9))));
    // The server's packet comes first: the name is found all the same.
    bench.send(&tcp(1, DOWN, SYN | ACK, 500, 101, b""));
    bench.tcp(1, ("10.0.0.2:40000", "192.0.2.1:443"), SYN, 1);
    let (sink, stats) = bench.finish();
    assert_eq!((sink.ended[0].dns_messages, sink.ended[0].application), ((1, 1), Some("dns")));
    assert_eq!((&sink.ended[0].name, sink.ended[0].initiator), (&None, end(ASK.0)));
    let sources: Vec<_> =
        sink.ended[1..].iter().map(|flow| flow.name.as_ref().map(|name| name.source)).collect();
    assert_eq!(sources, [Some(NameSource::PassiveDnsClient), Some(NameSource::PassiveDnsOther)]);
    assert_eq!(sink.began[1].2, ["www.example"]);
    assert_eq!(sink.observed, [(FlowId(1), 1), (FlowId(1), 2)]);
    assert_eq!((stats.names.passive_dns_client, stats.names.passive_dns_other), (1, 1));
    assert_eq!((stats.facts, stats.passive_dns.own_learnt), (2, 1));
}

#[test]
fn answers_that_nobody_asked_for_are_not_learnt() {
    let mut bench = Bench::new();
    let question = DnsMessage { is_response: false, answers: Vec::new(), ..dns_answer(9) };
    bench.says(&udp(0, ASK), Fact::Dns(Arc::new(question)));
    bench.says(&udp(0, REPLY), Fact::Dns(Arc::new(dns_answer(10))));
    bench.says(&udp(0, ASK), Fact::Dns(Arc::new(dns_answer(9))));
    assert_eq!(bench.table.stats().dns_answers_refused, 2);
    assert_eq!(bench.table.stats().passive_dns.own_learnt, 0);
    let unseen = ("10.0.0.53:53", "10.0.0.7:1234");
    bench.says(&udp(0, unseen), Fact::Dns(Arc::new(dns_answer(1))));
    assert_eq!(bench.table.stats().passive_dns.own_learnt, 1, "the question was out of view");
}

/// A DNS message for www.example, A; the answer gives 192.0.2.1.
fn dns_bytes(id: u8, is_answer: bool) -> Vec<u8> {
    let flags = if is_answer { [0x81, 0x80] } else { [0x01, 0x00] };
    let mut bytes = vec![0, id, flags[0], flags[1], 0, 1, 0, u8::from(is_answer), 0, 0, 0, 0];
    bytes.extend(b"\x03www\x07example\x00\x00\x01\x00\x01");
    if is_answer {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    bytes
}

#[test]
fn from_the_question_to_the_request_in_real_bytes() {
    let mut bench = Bench::new();
    for (ends, bytes) in [(ASK, dns_bytes(7, false)), (REPLY, dns_bytes(7, true))] {
        let payload_len = bytes.len() as u32;
        bench.send(&Packet { payload: &bytes, payload_len, ..udp(0, ends) });
    }
    let web = ("10.0.0.1:40000", "192.0.2.1:80");
    bench.send(&tcp(1, web, SYN, 99, 0, b""));
    let request = b"GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n";
    for range in [20..request.len(), 0..5, 5..20] {
        bench.send(&tcp(1, web, ACK, 100 + range.start as u32, 0, &request[range]));
    }
    let (sink, stats) = bench.finish();
    let [dns, http] = &sink.ended[..] else { panic!("{:?}", sink.ended) };
    assert_eq!((dns.application, dns.dns_messages), (Some("dns"), (1, 1)));
    assert_eq!(http.application, Some("http"));
    let names: Vec<_> = http.names().map(|name| (name.name.as_str(), name.source)).collect();
    let expected = [("other.example", NameSource::HttpHost), ("www.example", NameSource::PassiveDnsClient)];
    assert_eq!(names, expected);
    assert_eq!(sink.began[1].2, ["www.example"]);
    assert_eq!(stats.streams.read_bytes, request.len() as u64);
}

/// A frame of HTTP/2, on stream 1.
fn http2_frame(kind: u8, flags: u8, content: &[u8]) -> Vec<u8> {
    let stream = u8::from(kind != 4);
    [&[0, 0, content.len() as u8, kind, flags, 0, 0, 0, stream], content].concat()
}

#[test]
fn an_answer_inside_http_2_names_the_flow_that_follows() {
    const POST: &[u8] = b"\x83\x86\x44\x0a/dns-query\x41\x0bdoh.example\x5f\x17application/dns-message";
    const OK: &[u8] = b"\x88\x5f\x17application/dns-message";
    let body = |head, message: Vec<u8>| [http2_frame(1, 4, head), http2_frame(0, 1, &message)].concat();
    let question = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        http2_frame(4, 0, b""),
        body(POST, dns_bytes(0, false)),
    ];
    let reply = [http2_frame(4, 0, b""), body(OK, dns_bytes(0, true))];
    let mut bench = Bench::new();
    bench.send(&tcp(0, ("10.0.0.1:40000", "10.0.0.53:8080"), ACK, 100, 0, &question.concat()));
    bench.send(&tcp(0, ("10.0.0.53:8080", "10.0.0.1:40000"), ACK, 500, 0, &reply.concat()));
    bench.tcp(1, ("10.0.0.1:40001", "192.0.2.1:443"), SYN, 1);
    let (sink, stats) = bench.finish();
    let [doh, later] = &sink.ended[..] else { panic!("{:?}", sink.ended) };
    assert_eq!((doh.application, doh.dns_messages), (Some("http2"), (1, 1)));
    assert_eq!((doh.initiator, doh.http.as_ref().unwrap().status), (end("10.0.0.1:40000"), Some(200)));
    let named = |flow: &Flow| flow.name.as_ref().map(|name| (name.name.to_string(), name.source));
    assert_eq!(named(doh), Some(("doh.example".into(), NameSource::HttpHost)));
    assert_eq!(named(later), Some(("www.example".into(), NameSource::PassiveDnsClient)));
    assert_eq!((stats.passive_dns.own_learnt, stats.dns_answers_refused), (1, 0));
}

const WEB: (&str, &str) = ("10.0.0.1:40000", "192.0.2.1:80");
const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: www.example\r\n\r\n";

#[test]
fn a_request_in_the_syn_is_read() {
    let mut bench = Bench::new();
    bench.send(&tcp(0, WEB, SYN, 99, 0, REQUEST));
    assert_eq!(bench.finish().1.names.http_host, 1);
}

#[test]
fn requests_are_counted_in_the_record_in_which_they_were_sent() {
    let mut bench = Bench::new();
    for (second, sequence) in [(0, 100), (1, 100 + REQUEST.len() as u32)] {
        bench.send(&tcp(second, WEB, ACK, sequence, 0, REQUEST));
    }
    for second in (200..2_001).step_by(200) {
        bench.tcp(second, WEB, ACK, 100);
    }
    let (sink, _) = bench.finish();
    let http: Vec<_> = sink.ended.iter().map(|flow| flow.http.as_ref().unwrap()).collect();
    assert_eq!(http.iter().map(|http| http.requests).collect::<Vec<_>>(), [2, 0]);
    assert!(http[1].request.is_some(), "what the first one said stays");
}

#[test]
fn bytes_lost_by_the_capture_are_given_up_when_they_are_acknowledged() {
    let mut bench = Bench::new();
    bench.send(&tcp(0, WEB, SYN, 99, 0, b""));
    bench.send(&tcp(0, WEB, ACK, 100, 0, REQUEST));
    bench.send(&tcp(0, WEB, ACK, 2_000, 0, REQUEST));
    assert_eq!(bench.table.stats().streams.gaps, 0);
    assert!(bench.table.stats().stream_bytes_held > 0);
    bench.send(&tcp(0, ("192.0.2.1:80", "10.0.0.1:40000"), ACK, 1, 2_010, b""));
    assert_eq!(bench.table.stats().streams.gaps, 1);
    assert_eq!(bench.table.stats().stream_bytes_held, 0);
}

#[test]
fn the_end_of_a_flow_gives_back_what_was_held_for_it() {
    let mut bench = Bench::new();
    bench.send(&tcp(0, WEB, SYN, 99, 0, b""));
    bench.send(&tcp(0, WEB, ACK, 101, 0, &REQUEST[1..]));
    assert!(bench.table.stats().stream_bytes_held > 0);
    let (_, stats) = bench.finish();
    assert_eq!(stats.streams.unused_bytes, REQUEST.len() as u64 - 1);
}

#[test]
fn too_many_readers_make_room_oldest_first() {
    let config = FlowConfig { max_stream_readers: 1, max_datagram_readers: 1, ..FlowConfig::default() };
    let mut bench = Bench::with(config);
    for client in ["10.0.0.1:40000", "10.0.0.2:40000"] {
        bench.send(&tcp(0, (client, WEB.1), ACK, 100, 0, &REQUEST[..9]));
    }
    for client in ["10.0.0.1:40000", "10.0.0.2:40000"] {
        bench.send(&tcp(0, (client, WEB.1), ACK, 109, 0, &REQUEST[9..]));
    }
    for (client, id) in [("10.0.0.1:999", 1), ("10.0.0.2:999", 2), ("10.0.0.1:999", 3)] {
        let bytes = dns_bytes(id, false);
        let payload_len = bytes.len() as u32;
        bench.send(&Packet { payload: &bytes, payload_len, ..udp(0, (client, ASK.1)) });
    }
    let (sink, stats) = bench.finish();
    assert_eq!((stats.stream_readers_dropped, stats.datagram_readers_dropped), (1, 2));
    assert_eq!(sink.ended[0].names().count(), 0, "no longer read");
    assert_eq!(sink.ended[1].names().count(), 1);
    assert_eq!((sink.ended[2].dns_messages, sink.ended[3].dns_messages), ((2, 0), (1, 0)), "read afresh");
}

#[test]
fn requests_beyond_what_is_reported_are_counted() {
    let mut bench = Bench::with(FlowConfig::default());
    let mut sequence = 100;
    for _ in 0..weir_wire::http::MAX_REQUESTS_REPORTED + 3 {
        bench.send(&tcp(0, ("10.0.0.1:40000", WEB.1), ACK, sequence, 0, REQUEST));
        sequence += REQUEST.len() as u32;
    }
    let (_, stats) = bench.finish();
    assert_eq!(stats.requests_unreported, 3);
}

#[test]
fn a_flow_that_is_seen_from_one_side_settles_too() {
    let mut bench = Bench::with_room_for(2);
    for second in 0..8 {
        bench.tcp(second, UP, ACK, 1);
    }
    for port in ["1", "2", "3"] {
        bench.tcp(9, (&format!("198.51.100.1:{port}"), "192.0.2.1:443"), SYN, 1);
    }
    let (sink, stats) = bench.finish();
    assert_eq!(stats.ended.evicted, 2);
    assert!(sink.ended.iter().any(|flow| flow.packets() == 8 && flow.end == EndReason::EndOfInput));
}

#[test]
fn passive_dns_can_be_shared() {
    let store = Arc::new(PassiveDns::new(PassiveDnsConfig::default()));
    let time = Timestamp::new(0, 0);
    let received = Received { message: &dns_answer(1), client: [10, 0, 0, 1].into(), time, packet: 0 };
    store.learn(received);
    let mut bench = Bench::new();
    bench.table = FlowTable::with_passive_dns(FlowConfig::default(), store);
    bench.tcp(1, UP, SYN, 1);
    assert_eq!(bench.sink.began[0].2, ["www.example"]);
}

#[test]
fn facts_beyond_the_budget_are_observed_but_not_kept() {
    let mut bench = Bench::with(FlowConfig { facts_bytes: 50, ..FlowConfig::default() });
    bench.says(&tcp(0, UP, ACK, 1, 1, b""), hello("one.example"));
    bench.says(&tcp(0, UP, ACK, 1, 1, b""), hello("two.example"));
    let (sink, stats) = bench.finish();
    assert_eq!((sink.observed.len(), stats.facts_not_kept), (2, 1));
    assert_eq!(sink.ended[0].names().count(), 1);
}

#[test]
fn a_group_never_began() {
    let mut bench = Bench::new();
    let announcement = ("10.0.0.7:5353", "224.0.0.251:5353");
    let message = DnsMessage { link_local: true, ..dns_answer(0) };
    bench.says(&udp(0, announcement), Fact::Dns(Arc::new(message)));
    let flow = bench.finish().0.ended.remove(0);
    assert_eq!((flow.initiator, flow.orientation), (end(announcement.0), Orientation::FirstPacket));
}

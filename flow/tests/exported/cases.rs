//! Which records become one flow, who began it, what is told.

use super::kit::{Told, Twin, Weight, With, packet, record, seconds};
use std::sync::Arc;
use std::time::Duration;
use weir_flow::answers::Received;
use weir_flow::{ExportedFlowsConfig, PassiveDns, PassiveDnsConfig};
use weir_model::flow::{EndReason, FlowHead, NameSource, Orientation, TcpState};
use weir_model::observation::{DnsData, DnsMessage, DnsQuestion, DnsRecord, Fact};
use weir_model::record::{Counters, ObservedAt, Translated};
use weir_model::{Endpoint, ExportVersion, ExportedRecord, Flow, Name, Protocol, Timestamp};

const OUT: &str = "10.0.0.1:50000 > 192.0.2.1:443";
const BACK: &str = "192.0.2.1:443 > 10.0.0.1:50000";
/// Neither port is one of a service.
const PEER_OUT: &str = "10.0.0.1:50000 > 192.0.2.1:50001";
const PEER_BACK: &str = "192.0.2.1:50001 > 10.0.0.1:50000";

const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;
const ACK: u16 = 16;

/// The only flow that these records make.
fn one(records: &[ExportedRecord<'static>]) -> Flow {
    let mut twin = Twin::new();
    for record in records {
        twin.put(record);
    }
    let mut flows = twin.finish();
    assert!(twin.flows.stats().balances(), "{:?}", twin.flows.stats());
    assert_eq!(flows.len(), 1, "{flows:?}");
    flows.remove(0)
}

fn counts(flow: &Flow) -> [(u64, u64); 2] {
    [flow.forward, flow.reverse].map(|counters| (counters.packets, counters.ip_bytes))
}

fn name(text: &str) -> Name {
    Name::from_ascii(text.as_bytes()).unwrap()
}

#[test]
fn both_directions_and_successive_records_become_one_flow() {
    let mut twin = Twin::new();
    twin.put(&record(OUT).counts(10, 5_000).times(0, 60).received(61));
    twin.put(&record(BACK).counts(20, 25_000).times(1, 60).received(62));
    twin.put(&record(OUT).counts(1, 100).times(60, 70).received(100));
    let flows = twin.finish();
    assert_eq!(flows.len(), 1);
    let flow = &flows[0];
    assert_eq!((flow.initiator.to_string(), flow.responder.port), ("10.0.0.1:50000".into(), 443));
    assert_eq!(counts(flow), [(11, 5_100), (20, 25_000)]);
    assert_eq!((flow.first, flow.last, flow.end), (seconds(0), seconds(70), EndReason::EndOfInput));
    assert_eq!(flow.orientation, Orientation::Ports);
    assert_eq!(flow.id.0, 1 << 52 | 1, "apart from flows of packets");
    let exported = flow.exported.as_ref().unwrap();
    assert_eq!((exported.records, exported.observers.len(), exported.sampling), (3, 1, None));
    assert_eq!((exported.estimated_forward.packets, exported.estimated_reverse.bytes), (11, 25_000));
    assert!(matches!(twin.told[..], [Told::Began(_), Told::Ended(_)]), "{:?}", twin.told);
    assert!(twin.flows.stats().balances());
}

#[test]
fn payload_is_the_least_that_records_allow() {
    let flow = one(&[record(OUT).counts(10, 1_201).received(1), record(BACK).counts(10, 1_200).received(1)]);
    assert_eq!((flow.forward.payload_bytes, flow.reverse.payload_bytes), (1, 0));
}

#[test]
fn two_routers_on_the_way_do_not_count_twice() {
    let flow = one(&[
        record(OUT).counts(10, 5_000).times(0, 60).received(61).from(1),
        record(OUT).counts(9, 4_500).times(0, 61).received(62).from(2),
        record(BACK).counts(30, 9_000).times(0, 60).received(61).from(1),
        record(BACK).counts(31, 9_300).times(0, 61).received(62).from(2),
    ]);
    assert_eq!(
        counts(&flow),
        [(10, 5_000), (31, 9_300)],
        "of each direction what the one that saw most counted"
    );
    let exported = flow.exported.unwrap();
    let observers: Vec<_> =
        exported.observers.iter().map(|one| (one.exporter.to_string(), one.records)).collect();
    assert_eq!(observers, [("192.0.2.1".into(), 2), ("192.0.2.2".into(), 2)]);
    assert_eq!(exported.records, 4);
    assert_eq!(exported.observers[1].reverse, Counters { packets: 31, bytes: 9_300 });
}

#[test]
fn asymmetric_paths_through_two_routers_make_one_whole_flow() {
    let flow = one(&[
        record(OUT).counts(10, 5_000).received(61).from(1),
        record(BACK).counts(30, 9_000).received(61).from(2),
    ]);
    assert_eq!(counts(&flow), [(10, 5_000), (30, 9_000)]);
}

#[test]
fn one_router_that_tells_of_packets_coming_in_and_going_out_does_not_count_twice() {
    let ingress = ExportedRecord { direction: Some(ObservedAt::Ingress), ..record(OUT).counts(10, 5_000) };
    let egress = ExportedRecord { direction: Some(ObservedAt::Egress), ..ingress };
    let flow = one(&[ingress, egress]);
    assert_eq!(counts(&flow), [(10, 5_000), (0, 0)]);
    let sides: Vec<_> = flow.exported.unwrap().observers.iter().map(|one| one.observed_at).collect();
    assert_eq!(sides, [Some(ObservedAt::Ingress), Some(ObservedAt::Egress)]);
}

#[test]
fn observers_beyond_the_cap_are_records_only() {
    let mut twin = Twin::new();
    for exporter in 1..=6 {
        twin.put(&record(OUT).counts(u64::from(exporter), 5_000).from(exporter));
    }
    let flow = twin.finish().remove(0);
    let exported = flow.exported.as_ref().unwrap();
    assert_eq!((exported.observers.len(), exported.records), (4, 6));
    assert_eq!(flow.forward.packets, 4, "as many bytes, and most packets, among those that are kept");
    let stats = twin.flows.stats();
    assert_eq!((stats.records, stats.merged, stats.repeated, stats.uncounted), (6, 1, 3, 2));
    assert!(stats.balances());
}

#[test]
fn sampled_counters_stay_raw_and_are_scaled_beside() {
    let flow = one(&[
        record(OUT).counts(3, 1_500).sampled(1_000),
        record(OUT).counts(5, 2_500).sampled(100),
        record(OUT).counts(2_000, 900_000).from(7),
    ]);
    assert_eq!(counts(&flow)[0], (8, 4_000), "3,500 packets are more than 2,000");
    let exported = flow.exported.unwrap();
    assert_eq!(exported.estimated_forward, Counters { packets: 3_500, bytes: 1_750_000 });
    assert_eq!(exported.sampling.map(weir_model::Sampling::one_in), Some(1_000), "the coarsest");
    assert!(exported.is_sampled());
    assert_eq!(exported.observers[1].sampling, None);
}

#[test]
fn counters_beyond_32_bits_are_kept_and_beyond_64_saturate() {
    let flow = one(&[
        record(OUT).counts(u64::from(u32::MAX), 1 << 40),
        record(OUT).counts(3, 1 << 40),
        record(BACK).counts(u64::MAX, u64::MAX),
        record(BACK).counts(5, 5),
    ]);
    assert_eq!(counts(&flow), [(u64::from(u32::MAX) + 3, 1 << 41), (u64::MAX, u64::MAX)]);
    assert_eq!(flow.forward.payload_bytes, (1 << 41) - 120 * (u64::from(u32::MAX) + 3));
}

#[test]
fn who_began_is_told_by_flags_then_ports_then_time() {
    let told = |records: &[ExportedRecord<'static>]| {
        let flow = one(records);
        (flow.initiator.ip.to_string(), flow.orientation)
    };
    let (client, server) = ("10.0.0.1", "192.0.2.1");
    let (early, late) = (record(PEER_OUT).times(5, 9), record(PEER_BACK).times(6, 9));
    assert_eq!(told(&[late, early]), (client.into(), Orientation::FirstPacket), "the earlier one");
    assert_eq!(told(&[early, late]), (client.into(), Orientation::FirstPacket));
    let (early, late) = (early.flags(SYN | ACK).counts(9, 900), late.flags(SYN | ACK).counts(9, 900));
    assert_eq!(
        told(&[late, early]),
        (client.into(), Orientation::Start),
        "a SYN both ways: the start was seen"
    );
    assert_eq!(told(&[record(BACK), record(OUT).times(5, 9)]), (client.into(), Orientation::Ports));
    assert_eq!(
        told(&[record(OUT), record(BACK).flags(SYN)]),
        (server.into(), Orientation::Start),
        "a lone SYN"
    );
    assert_eq!(told(&[record(BACK).flags(SYN | ACK)]), (client.into(), Orientation::Start), "one SYN-ACK");
    assert_eq!(
        told(&[record(PEER_BACK).back(1, 40)]),
        (server.into(), Orientation::Payload),
        "a biflow says so"
    );
    let event = ExportedRecord { firewall_event: Some(1), ..record(BACK) };
    assert_eq!(told(&[record(OUT), event]), (server.into(), Orientation::Start), "a firewall knows");
    let ping = |kind| ExportedRecord {
        protocol: Some(Protocol::ICMP),
        icmp: Some((kind, 0)),
        ..if kind == 8 { record(OUT) } else { record(BACK) }
    };
    assert_eq!(told(&[ping(0), ping(8)]), (client.into(), Orientation::Start));
}

#[test]
fn a_biflow_counts_both_ways() {
    let mut biflow = record(OUT).counts(10, 5_000).back(20, 9_000).flags(SYN | ACK | FIN);
    biflow.reverse_tcp_flags = Some(SYN | ACK | FIN);
    let flow = one(&[biflow]);
    assert_eq!(counts(&flow), [(10, 5_000), (20, 9_000)]);
    let tcp = flow.tcp.unwrap();
    assert_eq!((tcp.syn, tcp.syn_ack, tcp.handshake, tcp.state), (true, true, true, TcpState::Closed));
    assert_eq!(flow.end, EndReason::Fin);
}

#[test]
fn flags_and_exporters_tell_how_a_connection_ended() {
    let end = |record: ExportedRecord<'static>| one(&[record]).end;
    assert_eq!(end(record(OUT).flags(SYN | RST)), EndReason::Rst);
    assert_eq!(end(record(OUT).flags(ACK | FIN)), EndReason::EndOfInput);
    let over = Some(weir_model::record::EndReason::EndOfFlow);
    assert_eq!(end(ExportedRecord { end_reason: over, ..record(OUT).flags(ACK | FIN) }), EndReason::Fin);
    let datagrams = ExportedRecord { protocol: Some(Protocol::UDP), end_reason: over, ..record(OUT) };
    assert_eq!(end(datagrams), EndReason::EndOfInput);
    assert_eq!(one(&[record(OUT)]).tcp, None, "nothing is made up");
}

#[test]
fn firewall_events_without_packets_make_and_extend_flows_and_tell_translations() {
    let inside =
        Translated { source: Some([198, 51, 100, 9].into()), source_port: 61_000, ..Translated::default() };
    let event = |firewall_event, received| ExportedRecord {
        firewall_event: Some(firewall_event),
        first: Some(seconds(0)),
        last: None,
        ..record(OUT).counts(0, 0).received(received)
    };
    let mut twin = Twin::new();
    twin.put(&event(1, 0));
    twin.put(&ExportedRecord { translated: inside, ..event(5, 60) });
    twin.put(&ExportedRecord { translated: inside, ..event(2, 150) }.back(0, 900));
    let flow = twin.finish().remove(0);
    let began = flow.id;
    assert_eq!(twin.told, [Told::Began(began), Told::Translated(began), Told::Ended(began)]);
    let exported = flow.exported.as_ref().unwrap();
    assert_eq!((exported.firewall_event, exported.records), (Some(2), 3));
    assert_eq!(exported.initiator_translated, Some(Endpoint::new([198, 51, 100, 9].into(), 61_000)));
    assert_eq!(exported.responder_translated, None);
    assert_eq!((counts(&flow), flow.reverse.payload_bytes), ([(0, 0), (0, 900)], 0));
}

#[test]
fn a_translation_to_the_same_address_is_none() {
    let same =
        Translated { source: Some([10, 0, 0, 1].into()), source_port: 50_000, ..Translated::default() };
    let flow = one(&[ExportedRecord { translated: same, nat_event: Some(4), ..record(OUT) }]);
    let exported = flow.exported.unwrap();
    assert_eq!((exported.initiator_translated, exported.nat_event), (None, Some(4)));
    let zeros =
        Translated { destination: Some([0; 4].into()), destination_port: 80, ..Translated::default() };
    let flow = one(&[ExportedRecord { translated: zeros, ..record(OUT) }]);
    assert_eq!(flow.exported.unwrap().responder_translated, None, "zeros say the same");
    let ping = ExportedRecord { protocol: Some(Protocol::ICMP), icmp: Some((8, 0)), ..record(OUT) };
    let flow = one(&[ExportedRecord { translated: same, ..ping }]);
    assert_eq!(flow.exported.unwrap().initiator_translated, None, "ICMP has no port");
}

#[test]
fn a_group_never_begins() {
    let igmp = Some(Protocol(2));
    let flow =
        one(&[ExportedRecord { protocol: igmp, ..record("239.255.255.250:0 > 10.0.0.1:0").counts(0, 0) }]);
    assert_eq!(flow.initiator.to_string(), "10.0.0.1:0");
}

#[test]
fn the_way_networks_and_tags_are_kept_as_seen_from_the_initiator() {
    let back = ExportedRecord {
        input: Some(1),
        output: Some(2),
        next_hop: Some([10, 9, 9, 9].into()),
        source_as: Some(64_501),
        destination_as: Some(64_500),
        tos: Some(0xb8),
        vlan: Some(12),
        ..record(BACK).received(1)
    };
    let out = ExportedRecord {
        tos: Some(0),
        next_hop: Some([192, 0, 2, 254].into()),
        vlan: Some(9),
        ..record(OUT)
    };
    let flow = one(&[back, ExportedRecord { source_as: Some(1), ..out }]);
    let exported = flow.exported.as_ref().unwrap();
    let observer = &exported.observers[0];
    assert_eq!((observer.input, observer.output), (Some(2), Some(1)));
    assert_eq!(observer.next_hop, Some([192, 0, 2, 254].into()));
    assert_eq!((exported.initiator_as, exported.responder_as), (Some(64_500), Some(64_501)), "as first told");
    assert_eq!((exported.forward_tos, exported.reverse_tos), (Some(0), Some(0xb8)));
    assert_eq!(flow.vlans[..], [12]);
    assert_eq!((observer.version, observer.domain), (ExportVersion::NetFlow9, 0));
}

#[test]
fn clocks_that_are_wrong_are_corrected_and_it_shows() {
    let mut wrong = record(OUT).times(0, 60).received(3_700);
    wrong.origin.exported = seconds(100);
    let flow = one(&[wrong]);
    assert_eq!((flow.first, flow.last), (seconds(3_600), seconds(3_660)));
    assert_eq!(flow.exported.unwrap().clock_correction, 3_600_000_000_000);
}

#[test]
fn a_flow_ends_when_nothing_is_heard_of_it_and_begins_anew() {
    let mut twin = Twin::new();
    twin.put(&record(OUT).received(0));
    twin.put(&record(PEER_OUT).received(60));
    twin.put(&record(OUT).received(120));
    twin.expire(seconds(121));
    assert_eq!(twin.ended.len(), 0, "two minutes later is not too late");
    twin.expire(seconds(181));
    assert_eq!(twin.ended.len(), 1);
    assert_eq!((twin.ended[0].0.responder.port, twin.ended[0].0.end), (50_001, EndReason::Idle));
    twin.put(&record(OUT).received(241));
    assert_eq!(twin.ended.len(), 2, "without anybody having looked for flows that are due");
    assert_eq!(twin.finish().len(), 3);
    let stats = twin.flows.stats();
    assert_eq!((stats.ended.idle, stats.ended.end_of_input, stats.open), (2, 1, 0));
    assert!(stats.balances());
}

#[test]
fn a_flow_that_lasts_is_continued_by_another() {
    let mut twin = Twin::new();
    for minute in 0..=40 {
        let at = minute * 60;
        twin.put(&record(BACK).counts(1, 100).times(at, at + 60).received(at + 61));
        twin.put(
            &record(OUT)
                .counts(1, 100)
                .flags(if minute == 0 { SYN } else { ACK })
                .times(at, at + 60)
                .received(at + 61),
        );
    }
    let flows = twin.finish();
    assert_eq!(flows.len(), 2);
    assert_eq!((flows[0].end, flows[1].continues), (EndReason::Active, Some(flows[0].id)));
    assert_eq!(counts(&flows[0]), [(31, 3_100), (31, 3_100)]);
    assert_eq!(counts(&flows[1]), [(10, 1_000), (10, 1_000)]);
    assert_eq!((flows[1].initiator, flows[1].orientation), (flows[0].initiator, Orientation::Start));
    assert!(twin.flows.stats().balances());
}

#[test]
fn one_long_record_each_way_is_one_flow() {
    let flow =
        one(&[record(OUT).times(0, 7_200).received(7_201), record(BACK).times(1, 7_201).received(7_202)]);
    assert_eq!(flow.duration(), Duration::from_secs(7_201));
}

#[test]
fn names_that_records_tell_are_told_once_and_name_the_flow() {
    let told = |between, text: &'static [u8]| ExportedRecord {
        tls_server_name: Some(text),
        http_host: Some(b"\xff\xfe"),
        application: Some(b"ms-teams\0\0"),
        ..record(between)
    };
    let mut twin = Twin::new();
    twin.put(&told(BACK, b"WWW.example\0"));
    twin.put(&told(OUT, b"www.example"));
    twin.put(&told(OUT, b"other.example"));
    let observed = twin.observed();
    assert_eq!(observed.len(), 2, "{observed:?}");
    let (_, first) = &observed[0];
    assert_eq!((first.source.port, first.destination.port), (50_000, 443), "the initiator said it");
    assert!(matches!(&first.fact, Fact::Told(told) if told.server_name == Some(name("www.example"))));
    let flow = twin.finish().remove(0);
    assert_eq!(
        flow.names().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["www.example", "other.example"]
    );
    assert_eq!((flow.name.unwrap().source, flow.application), (NameSource::TlsSni, Some("tls")));
    assert_eq!(flow.exported.unwrap().application.as_deref(), Some("ms-teams"));
    assert_eq!((twin.flows.stats().names_refused, twin.flows.stats().facts), (3, 2));
}

/// An answer that gives `www.example` the address 192.0.2.1.
fn answer() -> DnsMessage {
    DnsMessage {
        is_response: true,
        questions: vec![DnsQuestion { name: name("www.example"), qtype: 1, qclass: 1 }],
        answers: vec![DnsRecord {
            name: name("www.example"),
            rtype: 1,
            class: 1,
            ttl: 60,
            data: DnsData::A([192, 0, 2, 1].into()),
        }],
        ..DnsMessage::default()
    }
}

fn named() -> (Twin, Arc<PassiveDns>) {
    let passive_dns = Arc::new(PassiveDns::new(PassiveDnsConfig::default()));
    (Twin::named(ExportedFlowsConfig::default(), Some(Arc::clone(&passive_dns))), passive_dns)
}

#[test]
fn passive_dns_of_a_tap_names_flows_of_a_router() {
    let (mut twin, passive_dns) = named();
    let client = [10, 0, 0, 1].into();
    let learn =
        |after| passive_dns.learn(Received { message: &answer(), client, time: seconds(after), packet: 77 });
    learn(100);
    twin.put(&record(OUT).times(110, 170).received(171));
    twin.put(&record("10.0.0.1:50002 > 192.0.2.1:443").times(0, 170).received(171));
    let flows = twin.finish();
    let name = flows[0].name.as_ref().unwrap();
    assert_eq!((name.name.as_str(), name.source), ("www.example", NameSource::PassiveDnsClient));
    assert_eq!(flows[1].name, None, "it began before the name was learnt");
    assert_eq!(twin.flows.stats().named, 1);
}

/// The same answer on the wire.
const ANSWER: &[u8] =
    b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01\
\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";

#[test]
fn a_dns_answer_in_a_sampled_frame_names_later_flows() {
    let (mut twin, _) = named();
    twin.put_sampled(&packet("10.9.9.9:53 > 10.0.0.1:5353", 0, None, b"not DNS at all"));
    twin.put_sampled(&packet("10.9.9.9:53 > 10.0.0.1:40000", 1, None, ANSWER));
    twin.put(&record(OUT).times(2, 60).received(61));
    let flows = twin.finish();
    assert_eq!(flows[1].dns_messages, (0, 1));
    assert_eq!((flows[1].application, flows[1].responder.port), (Some("dns"), 53));
    assert_eq!(flows[2].name.as_ref().map(|one| one.name.as_str()), Some("www.example"));
    assert!(
        matches!(twin.observed()[..], [(id, ref told), ..] if id == flows[1].id && matches!(told.fact, Fact::Application(_) | Fact::Dns(_)))
    );
}

#[test]
fn sampled_frames_are_packets_and_their_payload_is_read() {
    let mut twin = Twin::new();
    let request = b"GET /x HTTP/1.1\r\nHost: www.example\r\n\r\n";
    twin.put_sampled(&packet(PEER_OUT, 0, Some(0x18), request));
    twin.put_sampled(&packet(PEER_BACK, 1, Some(0x10), &[]));
    let flow = twin.finish().remove(0);
    assert_eq!(counts(&flow), [(1, request.len() as u64 + 40), (1, 40)]);
    assert_eq!(flow.forward.payload_bytes, request.len() as u64);
    assert_eq!((flow.initiator.port, flow.orientation), (50_000, Orientation::Payload));
    assert_eq!(
        flow.name.as_ref().map(|one| (one.name.as_str(), one.source)),
        Some(("www.example", NameSource::HttpHost))
    );
    assert_eq!((flow.application, flow.http.as_ref().unwrap().requests), (Some("http"), 1));
    let exported = flow.exported.unwrap();
    assert_eq!(exported.estimated_forward.packets, 100);
    assert_eq!(
        (exported.observers[0].version, exported.observers[0].input),
        (ExportVersion::SFlow5, Some(7))
    );
    assert_eq!(twin.flows.stats().sampled, 2);
}

#[test]
fn records_without_addresses_are_counted() {
    let mut twin = Twin::new();
    twin.put(&ExportedRecord { destination: None, ..record(OUT) });
    assert_eq!(twin.finish(), []);
    let stats = twin.flows.stats();
    assert_eq!((stats.records, stats.without_addresses, stats.begun), (1, 1, 0));
    assert!(stats.balances());
}

#[test]
fn what_is_attached_stays_with_the_flow() {
    let mut twin = Twin::new();
    twin.put(&record(OUT));
    let id = match twin.told[..] {
        [Told::Began(id)] => id,
        ref other => panic!("{other:?}"),
    };
    let (source, destination) =
        (Endpoint::new([10, 0, 0, 1].into(), 50_000), Endpoint::new([192, 0, 2, 1].into(), 443));
    let head = FlowHead {
        id,
        first: seconds(0),
        protocol: Protocol::TCP,
        source,
        destination,
        tunnels: &[],
        translated: None,
        passive: &[],
    };
    let before = twin.flows.stats().bytes;
    assert!(twin.flows.attach(&head, |hits| hits.0 += 200));
    assert!(twin.flows.attach(&head, |hits| hits.0 += 300));
    assert_eq!(twin.flows.stats().bytes, before + 500, "the budget pays for it");
    let gone = FlowHead { id: weir_model::FlowId(9), ..head };
    assert!(!twin.flows.attach(&gone, |hits| hits.0 += 100));
    let (flow, hits) = twin.flows.find_open(Protocol::TCP, destination, source).unwrap();
    assert_eq!((flow.id, flow.end, hits), (id, EndReason::Active, Weight(500)));
    assert_eq!(twin.flows.find_open(Protocol::UDP, source, destination), None);
    twin.finish();
    assert_eq!(twin.ended[0].1, Weight(500));
    assert_eq!(twin.flows.stats().bytes, 0, "and has it back");
    assert!(!twin.flows.attach(&head, |_| panic!("it ended")));
}

#[test]
fn each_thread_is_shown_its_part_of_the_open_flows_once() {
    let mut twin = Twin::new();
    for number in 0..500 {
        twin.push(&record(&format!("10.0.{}.{}:50000 > 192.0.2.1:443", number / 200, number % 200)));
    }
    twin.take();
    let shown = |parts, most| {
        let mut all = Vec::new();
        for part in 0..parts {
            let mut place = Some(weir_flow::SweepPlace::default());
            while let Some(at) = place {
                let look = |flow: &weir_model::flow::OpenFlow<'_>| Some((flow.head.id, flow.responder));
                place = twin.flows.sweep(at, (part, parts), most, look, |head, (id, responder)| {
                    assert_eq!((head.id, head.destination), (id, responder));
                    all.push(id);
                });
            }
        }
        all.sort();
        all
    };
    assert_eq!(shown(1, u32::MAX).len(), 500);
    assert_eq!(shown(1, u32::MAX), shown(3, 2));
}

#[test]
fn news_come_in_the_order_of_records_whatever_the_seed() {
    let run = || {
        let mut twin = Twin::new();
        for number in 0..600_u64 {
            let between = format!("10.0.{}.{}:50000 > 192.0.2.1:443", number / 200, number % 200);
            let quiet = if number == 450 { 1_000 } else { 0 };
            twin.push(&record(&between).received(number + quiet));
            if number % 100 == 99 {
                twin.take();
                twin.expire(seconds(number));
            }
        }
        twin.finish();
        twin.told
    };
    let first = run();
    let began: Vec<_> = first.iter().filter(|told| matches!(told, Told::Began(_))).collect();
    assert!(
        began.len() == 600
            && began.is_sorted_by_key(|told| match told {
                Told::Began(id) => id.0,
                _ => 0,
            })
    );
    for _ in 0..3 {
        assert_eq!(run(), first);
    }
}

#[test]
fn wild_times_hold_nothing_open_and_end_nothing_else() {
    let mut twin = Twin::new();
    twin.put(&record(OUT).received(10));
    let mut wild = record(PEER_OUT);
    wild.origin.received = Timestamp::MAX;
    wild.first = Some(Timestamp::MAX);
    twin.put(&wild);
    let mut ancient = record("10.0.0.3:1 > 10.0.0.4:2");
    ancient.origin.received = Timestamp::EPOCH;
    ancient.origin.exported = Timestamp::MAX;
    twin.put(&ancient);
    twin.expire(seconds(100));
    assert_eq!(twin.ended.len(), 1, "only the one that is long past");
    twin.expire(seconds(200));
    assert_eq!(twin.ended.len(), 2);
    assert_eq!(twin.finish().len(), 3);
}

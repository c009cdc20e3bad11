use super::{Profile, Traffic};
use clap::ValueEnum as _;
use std::collections::{HashMap, HashSet};
use weir_flow::{Clock, Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::flow::FlowHead;
use weir_model::observation::{Fact, TlsTransport};
use weir_model::{Flow, Frame, Observation, Protocol};
use weir_wire::{DecodeConfig, Decoder};

/// What the flow table made of some traffic.
#[derive(Default)]
struct Seen {
    flows: Vec<Flow>,
    questions: u64,
    answers: u64,
    tls: u64,
    quic: u64,
    requests: u64,
    server_hellos: u64,
}

impl FlowSink for Seen {
    fn began(&mut self, _: &FlowHead<'_>) {}

    fn observed(&mut self, _: &FlowHead<'_>, observation: &Observation) {
        *match &observation.fact {
            Fact::Dns(message) if message.is_response => &mut self.answers,
            Fact::Dns(_) => &mut self.questions,
            Fact::ClientHello(hello) if matches!(hello.transport, TlsTransport::Quic(_)) => &mut self.quic,
            Fact::ClientHello(_) => &mut self.tls,
            Fact::ServerHello(_) => &mut self.server_hellos,
            Fact::HttpRequest(_) => &mut self.requests,
            _ => return,
        } += 1;
    }

    fn named(&mut self, _: &FlowHead<'_>) {}

    fn ended(&mut self, flow: Ended<'_>, _: u64) {
        self.flows.push(flow.to_flow());
    }
}

fn seen(profile: Profile, packets: u64, flows: u64) -> Seen {
    let mut traffic = Traffic::new(profile, 7, flows);
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut table = FlowTable::new(FlowConfig::default());
    let (mut clock, mut seen) = (Clock::new(), Seen::default());
    for _ in 0..packets {
        let frame = traffic.next_frame();
        clock.observe(frame.time);
        decoder.decode(&frame, &mut |packet| table.packet(packet, &mut seen));
        table.close_round(&clock, &mut seen);
    }
    table.finish(&clock, &mut seen);
    let counted: u64 = seen.flows.iter().map(|flow| flow.forward.packets + flow.reverse.packets).sum();
    assert_eq!(counted, packets, "{profile:?}: every packet is in a flow");
    seen
}

fn bytes(profile: Profile, seed: u64) -> Vec<u8> {
    let mut traffic = Traffic::new(profile, seed, 64);
    let mut bytes = Vec::new();
    for _ in 0..3000 {
        let frame = traffic.next_frame();
        bytes.extend(frame.time.as_nanos().to_le_bytes());
        bytes.extend(frame.data);
    }
    bytes
}

#[test]
fn the_same_seed_is_the_same_traffic_and_another_is_another() {
    for profile in Profile::value_variants() {
        assert!(bytes(*profile, 1) == bytes(*profile, 1), "{profile:?}");
        assert!(bytes(*profile, 1) != bytes(*profile, 2), "{profile:?}");
    }
}

/// The sum of 16-bit words as RFC 1071 has it; right is what adds up to all ones.
fn adds_up(parts: &[&[u8]]) -> bool {
    let mut sum = 0_u64;
    for part in parts {
        for word in part.chunks(2) {
            sum += u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low));
        }
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum == 0xffff
}

fn checksums_are_right(frame: &Frame<'_>) {
    let packet = &frame.data[14..];
    let (addresses, transport, protocol) = if packet[0] >> 4 == 4 {
        assert!(adds_up(&[&packet[..20]]), "IPv4 header of frame {}", frame.number);
        let len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        (&packet[12..20], &packet[20..len], packet[9])
    } else {
        let len = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
        (&packet[8..40], &packet[40..40 + len], packet[6])
    };
    let len = (transport.len() as u32).to_be_bytes();
    assert!(adds_up(&[addresses, &len, &[0, protocol], transport]), "transport of frame {}", frame.number);
}

#[test]
fn checksums_are_valid_and_time_goes_on() {
    for profile in Profile::value_variants() {
        let mut traffic = Traffic::new(*profile, 3, 64);
        let mut last = None;
        for _ in 0..5000 {
            let frame = traffic.next_frame();
            checksums_are_right(&frame);
            assert!(last < Some(frame.time));
            assert!((60..=1514).contains(&frame.data.len()), "{}", frame.data.len());
            last = Some(frame.time);
        }
    }
}

#[test]
fn spread_gives_every_flow_the_same_number_of_packets_from_both_ends() {
    let seen = seen(Profile::Spread, 4000, 1000);
    assert_eq!(seen.flows.len(), 1000);
    assert!(seen.flows.iter().all(|flow| (flow.forward.packets, flow.reverse.packets) == (2, 2)));
}

#[test]
fn spread_flows_are_different_by_the_million() {
    let mut traffic = Traffic::new(Profile::Spread, 1, 200_000);
    let ends: HashSet<_> = (0..200_000).map(|_| traffic.next_frame().data[26..38].to_vec()).collect();
    assert_eq!(ends.len(), 200_000);
}

#[test]
fn campus_has_the_shares_that_it_promises() {
    let seen = seen(Profile::Campus, 100_000, 1000);
    let flows = seen.flows.len() as u64;
    let per_mille = |count: u64| count * 1000 / flows;
    let shares = [seen.questions, seen.tls, seen.quic, seen.requests].map(per_mille);
    assert!((270..330).contains(&shares[0]), "DNS: {shares:?}");
    assert!((290..360).contains(&shares[1]), "TLS: {shares:?}");
    assert!((105..155).contains(&shares[2]), "QUIC: {shares:?}");
    assert!((25..55).contains(&shares[3]), "HTTP: {shares:?}");
    assert!(seen.answers * 10 > seen.questions * 9, "{} answers", seen.answers);
    assert!(seen.server_hellos * 10 > (seen.tls + seen.quic) * 8, "{} ServerHellos", seen.server_hellos);
    let v6 = seen.flows.iter().filter(|flow| flow.initiator.ip.is_ipv6()).count() as u64;
    assert!((260..340).contains(&per_mille(v6)), "IPv6: {}", per_mille(v6));
    let largest = seen.flows.iter().map(|flow| flow.reverse.packets).max();
    assert!(largest > Some(100), "{largest:?}");
}

#[test]
fn elephants_are_few_and_large() {
    let seen = seen(Profile::Elephants, 16_000, 16);
    assert_eq!(seen.flows.len(), 16);
    assert_eq!(seen.tls, 16);
    assert!(seen.flows.iter().all(|flow| flow.reverse.ip_bytes > 600 * 1480));
}

#[test]
fn a_flood_leaves_the_real_flows_whole_and_repeats_no_end() {
    let seen = seen(Profile::Synflood, 100_000, 50);
    let mut by_packets: HashMap<bool, usize> = HashMap::new();
    for flow in &seen.flows {
        *by_packets.entry(flow.reverse.packets > 0).or_default() += 1;
    }
    assert_eq!(by_packets, HashMap::from([(true, 50), (false, 95_000)]));
    assert_eq!(seen.tls, 50);
}

#[test]
fn a_scan_meets_few_that_answer() {
    let seen = seen(Profile::Scan, 20_000, 1);
    let answered = seen.flows.iter().filter(|flow| flow.reverse.packets > 0).count();
    assert!((200..800).contains(&answered), "{answered}");
    assert!(seen.flows.iter().all(|flow| flow.protocol == Protocol::TCP));
    let scanners: HashSet<_> = seen.flows.iter().map(|flow| flow.initiator.ip).collect();
    assert_eq!(scanners.len(), 1);
}

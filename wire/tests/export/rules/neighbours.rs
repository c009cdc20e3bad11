//! Hostile exporters beside good ones: what they send is refused and counted, memory stays bounded, and the good ones lose
//! nothing. With the limits of the program.

use crate::build::{FLOW, NOW, bytes, exporter, flow, ipfix, options, set, template, v9, v9_options};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use weir_model::Timestamp;
use weir_model::record::{ExportedRecord, SampledFrame};
use weir_wire::export::{ExportDecoder, ExportLimits, ExportSink, ExportStats, Refused};

const V9: u32 = 1;
const IPFIX: u32 = 2;
const V5: u32 = 3;
const GOOD: [u32; 3] = [V9, IPFIX, V5];

/// A street with three good exporters, who announced their templates once and have proved themselves.
struct Street {
    decoder: ExportDecoder,
    now: Timestamp,
    /// Rounds in which each good exporter sent a record.
    rounds: u32,
    heard: Heard,
}

/// Counts the records of good exporters.
#[derive(Default)]
struct Heard {
    good: u64,
    others: u64,
}

impl ExportSink for Heard {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        if GOOD.map(exporter).contains(&record.origin.exporter) {
            self.good += 1;
        } else {
            self.others += 1;
        }
    }

    fn sampled(&mut self, _: &SampledFrame<'_>) {
        self.others += 1;
    }
}

impl Street {
    fn new() -> Self {
        let now = Timestamp::new(u64::from(NOW), 0);
        let decoder = ExportDecoder::default();
        let mut street = Self { decoder, now, rounds: 0, heard: Heard::default() };
        street.take(exporter(V9), &v9(7, 0, &[set(0, &template(256, FLOW))])).unwrap();
        street.take(exporter(IPFIX), &ipfix(7, 0, &[set(2, &template(256, FLOW))])).unwrap();
        street.good_round();
        street.now = street.now + Duration::from_mins(2);
        street.good_round();
        street
    }

    fn take(&mut self, from: IpAddr, bytes: &[u8]) -> Result<(), Refused> {
        self.decoder.datagram(from, self.now, bytes, &mut self.heard)
    }

    /// A record of each good exporter.
    fn good_round(&mut self) {
        self.rounds += 1;
        let round = self.rounds;
        let v5 = [bytes![u16 5, u16 1, u32 round, u32 NOW, u32 0, u32 round, u32 0], vec![1; 48]].concat();
        self.take(exporter(V9), &v9(7, round, &[set(256, &flow(1))])).unwrap();
        self.take(exporter(IPFIX), &ipfix(7, round - 1, &[set(256, &flow(1))])).unwrap();
        self.take(exporter(V5), &v5).unwrap();
    }

    /// A hostile datagram, and a good round behind it.
    fn attack(&mut self, from: u32, bytes: &[u8]) -> Result<(), Refused> {
        let taken = self.take(exporter(100 + from), bytes);
        self.good_round();
        taken
    }

    /// Good exporters have lost nothing, what is held is bounded, and the books balance.
    fn is_well(&self) -> ExportStats {
        assert_eq!(self.heard.good, u64::from(self.rounds) * 3);
        for number in GOOD {
            let status = self.decoder.exporter(exporter(number)).expect("it is known");
            assert_eq!(status.stats.refused.total() + status.stats.faults.total(), 0, "{number}");
            assert_eq!(status.stats.data_sets_waited + status.stats.data_sets_dropped, 0, "{number}");
            assert_eq!((status.stats.sequence.lost, status.stats.sequence.restarts), (0, 0), "{number}");
            assert_eq!(status.templates, usize::from(number != V5));
        }
        let limits = ExportLimits::default();
        for status in self.decoder.exporters() {
            assert!(status.waiting_bytes <= limits.waiting_bytes);
        }
        assert!(self.decoder.memory_bytes() <= limits.state_bytes_in_all + limits.waiting_bytes_in_all);
        let stats = self.decoder.stats();
        assert!(stats.balances(), "{stats:?}");
        stats
    }
}

#[test]
fn templates_of_length_zero() {
    let mut street = Street::new();
    let without_length: Vec<(u64, u16)> = (1..40).map(|element| (element, 0)).collect();
    let v9_cases = [
        set(0, &template(256, &[])),
        set(0, &template(256, &without_length)),
        set(1, &v9_options(256, &[], &[])),
        set(1, &v9_options(256, &[(1, 0)], &[(34, 0)])),
    ];
    for (sequence, case) in (0..).zip(v9_cases) {
        let data = set(256, &[1; 100]);
        street.attack(1, &v9(1, sequence, &[case, data])).unwrap();
    }
    let ipfix_cases =
        [set(2, &template(256, &without_length)), set(3, &options(256, 1, &[(149, 0), (34, 0)]))];
    for (sequence, case) in (0..).zip(ipfix_cases) {
        street.attack(2, &ipfix(1, sequence, &[case, set(256, &[1; 100])])).unwrap();
    }
    let stats = street.is_well();
    assert_eq!(stats.faults.of(Refused::TemplateEmpty) + stats.faults.of(Refused::TemplateScope), 6);
    assert_eq!((street.heard.others, stats.waiting_now()), (0, 6), "their data waits for a better template");
}

#[test]
fn templates_of_65_535_fields() {
    let mut street = Street::new();
    // As many as it says, which no message holds, and as many as the longest message holds.
    let most: Vec<(u64, u16)> = (0..16_370).map(|number| (number % 400, 4)).collect();
    let longest = template(256, &most);
    let mut lies = bytes![u16 256, u16 65_535];
    lies.extend(vec![0; 65_000]);
    for (sequence, body) in (0..).zip([&longest, &lies]) {
        assert_eq!(street.attack(1, &v9(1, sequence, &[set(0, body)])), Err(Refused::TemplateFields));
        assert_eq!(street.attack(2, &ipfix(1, 0, &[set(2, body)])), Err(Refused::TemplateFields));
    }
    // The most that are taken, until there is no room: a fixed part of what all may hold.
    let fields: Vec<(u64, u16)> = (0..512).map(|number| (number % 400, 1)).collect();
    let mut refused = 0;
    for domain in 0..8 {
        for id in 256..456 {
            let announced = ipfix(domain, 0, &[set(2, &template(id, &fields))]);
            refused += u64::from(street.attack(3, &announced).is_err());
        }
    }
    let stats = street.is_well();
    assert_eq!(stats.faults.of(Refused::TemplateMemory), refused);
    assert!(refused > 500 && stats.templates > 300, "{refused} refused, {} learnt", stats.templates);
}

#[test]
fn sets_that_lie_about_their_length() {
    let mut street = Street::new();
    let good = [set(0, &template(256, FLOW)), set(256, &flow(9))].concat();
    let mut taken = 0;
    let lengths = [0, 1, 2, 3, 5, 21, 25, 26, 400, 65_535];
    for (sequence, length) in (0..).zip(lengths) {
        let set_length = [bytes![u16 256, u16 length], flow(9)].concat();
        let at_once = street.attack(1, &v9(1, sequence, std::slice::from_ref(&set_length)));
        taken += u32::from(at_once.is_ok());
        street.attack(2, &v9(1, sequence, &[good.clone(), set_length.clone()])).unwrap();
        street.attack(3, &ipfix(1, sequence, &[set(2, &template(256, FLOW)), set_length.clone()])).unwrap();
        // The length of the message lies as well: longer than the datagram, shorter than its sets, than its header.
        for message in [0, 15, 17, 40, 65_535] {
            let mut bytes = ipfix(1, 0, std::slice::from_ref(&set_length));
            bytes[2..4].copy_from_slice(&u16::to_be_bytes(message));
            let _ = street.attack(4, &bytes);
        }
    }
    let stats = street.is_well();
    assert_eq!(taken, 3, "5, 21 and 25 are within the datagram");
    assert!(stats.faults.of(Refused::SetLength) > 12);
    assert!(stats.refused.of(Refused::MessageLength) >= 18 && stats.refused.of(Refused::Truncated) >= 9);
}

#[test]
fn a_data_flood_before_its_template() {
    let mut street = Street::new();
    let full = set(256, &flow(9).repeat(60));
    for sequence in 0..4_000 {
        street.attack(sequence % 4, &v9(sequence % 9, sequence, std::slice::from_ref(&full))).unwrap();
    }
    let stats = street.is_well();
    assert!(stats.data_sets_dropped > 1_000, "{}", stats.data_sets_dropped);
    assert_eq!(stats.waiting_now() + stats.data_sets_dropped, 4_000);
    let waiting: usize = street.decoder.exporters().iter().map(|status| status.waiting_bytes).sum();
    assert!(waiting <= 4 * ExportLimits::default().waiting_bytes);
    // Templates that come late make records of what waited, and what did not come is given up.
    street.attack(0, &v9(0, 4_000, &[set(0, &template(256, FLOW))])).unwrap();
    assert!(street.heard.others > 1_000);
    street.now = street.now + Duration::from_mins(31);
    street.decoder.expire(street.now);
    assert_eq!(street.is_well().waiting_now(), 0);
}

#[test]
fn sequence_jumps() {
    let mut street = Street::new();
    let mut number = 1_u32;
    for step in 0..3_000_u32 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let jump = if step % 3 == 0 { number } else { number >> 14 };
        street.attack(1, &v9(1, jump, &[set(0, &template(256, FLOW)), set(256, &flow(step as u8))])).unwrap();
        street
            .attack(2, &ipfix(1, jump, &[set(2, &template(256, FLOW)), set(256, &flow(step as u8))]))
            .unwrap();
        let v5 = bytes![u16 5, u16 1, u32 number, u32 NOW, u32 0, u32 jump, u32 0];
        street.attack(3, &[v5, vec![step as u8; 48]].concat()).unwrap();
    }
    let stats = street.is_well();
    assert!(stats.sequence.restarts > 3_000, "{:?}", stats.sequence);
    // A jump counts as a loss of at most 2^20 units, and of those only what is in order can be many.
    assert!(stats.sequence.lost < 9_000 << 20);
    assert_eq!(street.heard.others, 9_000, "records are taken whatever their numbers say");
}

/// Each source sends one of: a template, options with names, data without a template, sFlow of another agent.
fn forged(sources: u32) {
    let mut street = Street::new();
    let kinds = [
        v9(1, 0, &[set(0, &template(256, FLOW))]),
        ipfix(1, 0, &[set(3, &options(256, 1, &[(10, 4), (82, 16)])), set(256, &[b'x'; 200])]),
        v9(1, 0, &[set(300, &flow(9).repeat(20))]),
        bytes![u32 5, u32 1, u32 0x0a00_0001, u32 0, u32 1, u32 1, u32 0],
    ];
    for number in 0..sources {
        // 10.0.0.0/8 and on: none of the good ones.
        let source = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
        street.take(source, &kinds[number as usize % kinds.len()]).unwrap();
        if number % 1_000 == 0 {
            street.now = street.now + Duration::from_millis(10);
            street.good_round();
        }
    }
    street.good_round();
    let stats = street.is_well();
    let limits = ExportLimits::default();
    assert_eq!(street.decoder.exporters().len(), limits.exporters.min(sources as usize + 3));
    assert_eq!(stats.exporters_evicted, u64::from(sources + 3).saturating_sub(limits.exporters as u64));
    println!("{sources} forged sources: {} bytes held", street.decoder.memory_bytes());
}

#[test]
fn forged_sources() {
    forged(20_000);
}

#[test]
#[ignore = "ten million: half a minute in a release build"]
fn ten_million_forged_sources() {
    forged(10_000_000);
}

//! What elements mean.

use super::Collector;
use crate::build::{FLOW, NOW, bytes, exporter, flow, ipfix, of, set, template, v9};
use std::net::IpAddr;
use weir_model::frame::LinkType;
use weir_model::record::{Counters, EndReason, ExportedRecord, ObservedAt};
use weir_model::{Protocol, Timestamp};
use weir_wire::export::Refused;

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The only record of a template and its data, over IPFIX.
fn record(fields: &[(u64, u16)], data: &[u8]) -> ExportedRecord<'static> {
    let mut collector = Collector::new();
    let sets = [set(2, &template(256, fields)), set(256, data)];
    collector.take(exporter(1), &ipfix(1, 0, &sets)).unwrap();
    assert_eq!(collector.sink.records.len(), 1, "{:?}", collector.decoder.stats());
    collector.sink.records[0]
}

#[test]
fn the_common_fields() {
    let fields =
        [FLOW, &[(10, 4), (14, 2), (16, 4), (9, 1), (61, 1), (136, 1), (58, 2), (15, 4), (6, 1)]].concat();
    let data =
        [flow(7), bytes![u32 5, u16 6, u32 64_512, u8 24, u8 1, u8 2, u16 30, u32 0x0a00_00fe, u8 0x1b]];
    let record = record(&fields, &data.concat());
    assert_eq!((record.source, record.destination), (ip("10.0.0.1"), ip("192.0.2.7")));
    assert_eq!(
        (record.source_port, record.destination_port, record.protocol),
        (40_000, 443, Some(Protocol::TCP))
    );
    assert_eq!(record.forward, Counters { packets: 10, bytes: 1_000 });
    assert_eq!((record.input, record.output, record.source_as), (Some(5), Some(6), Some(64_512)));
    assert_eq!((record.source_prefix_len, record.vlan), (Some(24), Some(30)));
    assert_eq!(
        (record.direction, record.end_reason),
        (Some(ObservedAt::Egress), Some(EndReason::ActiveTimeout))
    );
    assert_eq!((record.next_hop, record.tcp_flags, record.icmp), (ip("10.0.0.254"), Some(0x1b), None));
    assert_eq!(record.origin.domain, 1);
}

#[test]
fn variable_length_in_both_forms() {
    let fields = [(12, 4), (460, 65_535), (of(35_632, 205), 65_535), (461, 65_535), (1, 8)];
    let url = [b'/'; 300];
    let mut data = bytes![u32 0xc000_0207, u8 7];
    data.extend(b"example");
    data.extend(bytes![u8 0, u8 255, u16 300]);
    data.extend(url);
    data.extend(bytes![u64 77]);
    let record = record(&fields, &data);
    assert_eq!((record.http_host, record.dns_query), (Some(&b"example"[..]), None));
    assert_eq!(record.http_target, Some(&url[..]));
    assert_eq!(record.forward.bytes, 77);
}

#[test]
fn a_variable_length_that_lies_ends_the_set() {
    let mut collector = Collector::new();
    let fields = [(12, 4), (460, 65_535)];
    let data = [bytes![u32 0xc000_0207, u8 1, u8 65], bytes![u32 0xc000_0208, u8 200, u8 65]].concat();
    let sets = [set(2, &template(256, &fields)), set(256, &data)];
    assert_eq!(collector.take(exporter(1), &ipfix(1, 0, &sets)), Ok(()));
    assert_eq!(collector.destinations(), [7]);
    assert_eq!(collector.decoder.stats().faults.of(Refused::RecordTruncated), 1);
}

#[test]
fn structured_data_and_elements_of_strangers_are_left_out() {
    // subTemplateMultiList (RFC 6313) of YAF in the middle, and an element that nobody knows.
    let fields = [(8, 4), (293, 65_535), (of(4_242, 1), 6), (12, 4)];
    let mut data = bytes![u32 0x0a00_0001, u8 255, u16 400];
    data.extend([0xab; 400]);
    data.extend([0xcd; 6]);
    data.extend(bytes![u32 0xc000_0207]);
    assert_eq!(record(&fields, &data).destination, ip("192.0.2.7"));
}

#[test]
fn both_directions_in_one_record() {
    let fields = [
        FLOW,
        &[
            (of(29_305, 1), 4),
            (of(29_305, 2), 4),
            (of(29_305, 6), 1),
            (152, 8),
            (153, 8),
            (of(29_305, 152), 8),
            (of(29_305, 153), 8),
        ],
    ]
    .concat();
    let ms = u64::from(NOW) * 1_000;
    let data =
        [flow(7), bytes![u32 5_000, u32 50, u8 0x12, u64 ms, u64 ms + 10, u64 ms + 5, u64 ms + 20]].concat();
    let record = record(&fields, &data);
    assert_eq!(record.forward, Counters { packets: 10, bytes: 1_000 });
    assert_eq!(record.reverse, Some(Counters { packets: 50, bytes: 5_000 }));
    assert_eq!(record.reverse_tcp_flags, Some(0x12));
    assert_eq!(record.first, Some(Timestamp::new(u64::from(NOW), 0)));
    assert_eq!(record.last, Some(Timestamp::new(u64::from(NOW), 20_000_000)));
}

#[test]
fn addresses_of_both_families_in_one_template() {
    let fields = [(8, 4), (27, 16), (12, 4), (28, 16), (9, 1), (29, 1)];
    let v6 = [&[0_u8; 4][..], &[0x20; 16], &[0; 4], &[0x21; 16], &[0, 64]].concat();
    let v6 = record(&fields, &v6);
    assert_eq!((v6.source, v6.destination), (Some(IpAddr::from([0x20; 16])), Some(IpAddr::from([0x21; 16]))));
    assert_eq!(v6.source_prefix_len, Some(64));
    let v4 = [&[10_u8; 4][..], &[0; 16], &[11; 4], &[0; 16], &[24, 0]].concat();
    let v4 = record(&fields, &v4);
    assert_eq!((v4.source, v4.destination), (ip("10.10.10.10"), ip("11.11.11.11")));
    assert_eq!(v4.source_prefix_len, Some(24));
}

#[test]
fn counters_by_precedence() {
    let total_only = record(&[(12, 4), (85, 8), (86, 8)], &bytes![u32 1, u64 500, u64 5]);
    assert_eq!(total_only.forward, Counters { packets: 5, bytes: 500 });
    let delta_zero = record(&[(1, 4), (85, 4), (2, 4), (86, 4)], &bytes![u32 0, u32 65, u32 0, u32 1]);
    assert_eq!(delta_zero.forward, Counters { packets: 1, bytes: 65 });
    let both = record(&[(85, 4), (1, 4), (23, 4)], &bytes![u32 900, u32 65, u32 70]);
    assert_eq!(both.forward.bytes, 65);
    let egress = record(&[(23, 4), (24, 4)], &bytes![u32 70, u32 7]);
    assert_eq!(egress.forward, Counters { packets: 7, bytes: 70 });
}

#[test]
fn firewall_events_with_addresses_after_translation() {
    // As an ASA sends it over v9.
    let fields = [
        (8, 4),
        (12, 4),
        (7, 2),
        (11, 2),
        (4, 1),
        (40_001, 4),
        (40_002, 4),
        (40_003, 2),
        (40_004, 2),
        (40_005, 1),
        (231, 4),
        (232, 4),
        (323, 8),
    ];
    let ms = u64::from(NOW) * 1_000;
    let data = bytes![u32 0x0a00_0001, u32 0xc000_0207, u16 1, u16 2, u8 6, u32 0xcb00_7101, u32 0xc000_0207, u16 3, u16 4, u8 2, u32 10, u32 20, u64 ms];
    let mut collector = Collector::new();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, &fields)), set(256, &data)])).unwrap();
    let record = collector.sink.records[0];
    assert_eq!(
        (record.translated.source, record.translated.destination),
        (ip("203.0.113.1"), ip("192.0.2.7"))
    );
    assert_eq!((record.translated.source_port, record.translated.destination_port), (3, 4));
    assert_eq!(record.firewall_event, Some(2));
    assert_eq!((record.forward.bytes, record.reverse.unwrap().bytes), (10, 20));
    assert_eq!((record.first, record.last), (Some(collector.now), Some(collector.now)));
}

#[test]
fn nat_events() {
    let fields = [(8, 4), (225, 4), (226, 4), (227, 2), (228, 2), (281, 16), (230, 1)];
    let mut data = bytes![u32 0x0a00_0001, u32 0xcb00_7101, u32 0xcb00_7102, u16 3, u16 4];
    data.extend([0; 16]);
    data.push(4);
    let record = record(&fields, &data);
    assert_eq!(
        (record.translated.source, record.translated.destination),
        (ip("203.0.113.1"), ip("203.0.113.2"))
    );
    assert_eq!(record.nat_event, Some(4));
}

#[test]
fn icmp_in_its_element_or_where_the_port_is() {
    let by_element = record(&[(4, 1), (32, 2)], &bytes![u8 1, u16 0x0300]);
    assert_eq!(by_element.icmp, Some((3, 0)));
    let by_two = record(&[(4, 1), (178, 1), (179, 1)], &bytes![u8 58, u8 128, u8 1]);
    assert_eq!(by_two.icmp, Some((128, 1)));
    let by_port = record(&[(4, 1), (11, 2)], &bytes![u8 1, u16 0x0801]);
    assert_eq!(by_port.icmp, Some((8, 1)));
    assert_eq!(record(&[(4, 1), (12, 4)], &bytes![u8 1, u32 1]).icmp, None, "nobody said it");
}

#[test]
fn times_of_every_kind() {
    let second = Some(Timestamp::new(u64::from(NOW) - 10, 0));
    let ntp = (u64::from(NOW) - 10 + 2_208_988_800) << 32;
    let seconds = u64::from(NOW) - 10;
    let both = |first: u64, last: u64, length: u16, value: u64| {
        let data = if length == 4 {
            bytes![u32 value as u32, u32 value as u32]
        } else {
            bytes![u64 value, u64 value]
        };
        let record = record(&[(first, length), (last, length)], &data);
        (record.first, record.last)
    };
    assert_eq!(both(150, 151, 4, seconds), (second, second));
    assert_eq!(both(152, 153, 8, seconds * 1_000), (second, second));
    assert_eq!(both(154, 155, 8, ntp), (second, second));
    assert_eq!(both(156, 157, 8, ntp), (second, second));
    assert_eq!(both(158, 159, 4, 10_000_000), (second, second), "microseconds before export");
    let uptimes =
        record(&[(22, 4), (21, 4), (160, 8)], &bytes![u32 5_000, u32 6_000, u64 (seconds - 5) * 1_000]);
    assert_eq!(uptimes.first, second, "after the start of the system");
    let duration = record(&[(152, 8), (161, 4)], &bytes![u64 seconds * 1_000, u32 250]);
    assert_eq!(duration.last, Some(Timestamp::new(seconds, 250_000_000)));
}

#[test]
fn sampled_headers_are_frames() {
    let mut collector = Collector::new();
    let fields = [(10, 4), (305, 4), (306, 4), (312, 2), (315, 65_535)];
    let mut data = bytes![u32 3, u32 1, u32 999, u16 1_514, u8 20];
    data.extend([0x55; 20]);
    let ip = [(313, 65_535)];
    let mut section = vec![24];
    section.extend([0x45; 24]);
    let sets =
        [set(2, &[template(256, &fields), template(257, &ip)].concat()), set(256, &data), set(257, &section)];
    collector.take(exporter(1), &ipfix(1, 0, &sets)).unwrap();
    assert!(collector.sink.records.is_empty());
    let [frame, packet] = &collector.sink.frames[..] else { panic!("two frames") };
    assert_eq!((frame.link, frame.original_len, frame.data), (LinkType::ETHERNET, 1_514, &[0x55; 20][..]));
    assert_eq!((frame.input, frame.sampling.unwrap().one_in()), (Some(3), 1_000));
    assert_eq!((packet.link, packet.original_len, packet.data.len()), (LinkType::RAW, 24, 24));
}

#[test]
fn what_has_no_bytes_or_the_wrong_number_of_them_says_nothing() {
    let variable =
        record(&[(12, 4), (4, 0), (5, 65_535), (460, 65_535)], &bytes![u32 0xc000_0207, u8 0, u8 0]);
    assert_eq!((variable.protocol, variable.tos, variable.http_host), (None, None, None));
    let fixed =
        record(&[(12, 4), (4, 0), (8, 3), (1, 3)], &bytes![u32 0xc000_0207, u16 1, u8 1, u8 1, u16 2]);
    assert_eq!((fixed.destination, fixed.protocol, fixed.source), (ip("192.0.2.7"), None, None));
    assert_eq!(fixed.forward.bytes, 0x01_0002, "numbers may have any length");
}

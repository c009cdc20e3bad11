//! NetFlow v1, v5, v7.

use super::Collector;
use crate::build::{NOW, bytes, exporter};
use std::net::IpAddr;
use std::time::Duration;
use weir_model::record::{Counters, Sampling, SamplingSource};
use weir_model::{ExportVersion, Protocol};
use weir_wire::export::Refused;

/// The common part of a record: addresses, interfaces, counters, times, ports.
fn record(first: u32, last: u32) -> Vec<u8> {
    bytes![
        u32 0x0a00_0001, u32 0xc000_0207, u32 0x0a00_00fe, u16 3, u16 4, u32 10, u32 1_000, u32 first, u32 last,
        u16 40_000, u16 443,
    ]
}

/// The header of v5; that of v7 ends in other four bytes.
fn header(version: u16, count: u16, uptime: u32, sequence: u32, sampling: u16) -> Vec<u8> {
    bytes![u16 version, u16 count, u32 uptime, u32 NOW, u32 500_000_000, u32 sequence, u8 1, u8 2, u16 sampling]
}

fn v5_record(first: u32, last: u32) -> Vec<u8> {
    let rest = bytes![u8 0, u8 0x1b, u8 6, u8 0x28, u16 64_512, u16 64_513, u8 24, u8 16, u16 0];
    [record(first, last), rest].concat()
}

#[test]
fn v5_with_sampling_and_an_uptime_that_wrapped() {
    let mut collector = Collector::new();
    // The first packet was 3 s before the header, across the wrap.
    let flow = v5_record(u32::MAX - 999, 1_000);
    collector.take(exporter(1), &[header(5, 1, 2_000, 0, 0x4000 | 128), flow].concat()).unwrap();
    let record = collector.sink.records[0];
    let sent = record.origin.exported;
    assert_eq!(sent.since(collector.now), Duration::from_millis(500));
    assert_eq!(
        (record.first, record.last),
        (Some(sent - Duration::from_secs(3)), Some(sent - Duration::from_secs(1)))
    );
    assert_eq!(record.forward, Counters { packets: 10, bytes: 1_000 });
    assert_eq!(record.sampling, Sampling::new(1, 128, SamplingSource::Header));
    assert_eq!(record.forward.scaled(record.sampling), Counters { packets: 1_280, bytes: 128_000 });
    assert_eq!(
        (record.tcp_flags, record.tos, record.protocol),
        (Some(0x1b), Some(0x28), Some(Protocol::TCP))
    );
    assert_eq!((record.source_as, record.destination_prefix_len), (Some(64_512), Some(16)));
    assert_eq!((record.input, record.output), (Some(3), Some(4)));
    assert_eq!((record.origin.version, record.origin.domain), (ExportVersion::NetFlow5, 0x0102));
}

#[test]
fn v1_and_v7() {
    let mut collector = Collector::new();
    let v1 = [
        bytes![u16 1, u16 1, u32 10_000, u32 NOW, u32 0],
        record(9_000, 10_000),
        bytes![u16 0, u8 17, u8 0x28, u8 0, u8 0, u8 0, u8 0, u64 0],
    ];
    collector.take(exporter(1), &v1.concat()).unwrap();
    let v7 = [
        header(7, 1, 10_000, 0, 0),
        record(9_000, 10_000),
        bytes![u8 0, u8 0, u8 1, u8 0x28, u16 0, u16 0, u8 0, u8 0, u16 0, u32 0x0a00_00fd],
    ];
    collector.take(exporter(1), &v7.concat()).unwrap();
    let [v1, v7] = &collector.sink.records[..] else { panic!("two records") };
    assert_eq!((v1.protocol, v1.tos, v1.source_as), (Some(Protocol::UDP), Some(0x28), None));
    assert_eq!(v1.first, Some(collector.now - Duration::from_secs(1)));
    assert_eq!((v1.origin.version, v7.origin.version), (ExportVersion::NetFlow1, ExportVersion::NetFlow7));
    assert_eq!(v7.icmp, Some((1, 187)), "type and code stand where the port is");
    assert_eq!(v7.destination, Some(IpAddr::from([192, 0, 2, 7])));
    assert_eq!(v7.last, Some(v7.origin.exported));
}

#[test]
fn counts_that_lie_are_refused() {
    let flow = v5_record(0, 0);
    let cases = [
        ([header(5, 2, 0, 0, 0), flow.clone()].concat(), Refused::Truncated),
        ([header(5, 0, 0, 0, 0), flow.clone()].concat(), Refused::RecordCount),
        ([header(5, 31, 0, 0, 0), flow.repeat(31)].concat(), Refused::RecordCount),
        ([header(7, 29, 0, 0, 0), flow.repeat(40)].concat(), Refused::RecordCount),
        (bytes![u16 1, u16 25, u32 0, u32 0, u32 0], Refused::RecordCount),
        (header(5, 1, 0, 0, 0)[..23].to_vec(), Refused::TooShort),
        (bytes![u16 9, u16 1, u32 0], Refused::TooShort),
        (bytes![u16 10, u16 400, u32 0, u32 0, u32 0], Refused::Truncated),
        (bytes![u16 10, u16 15, u32 0, u32 0, u32 0], Refused::MessageLength),
        (bytes![u16 8, u16 1, u32 0], Refused::UnknownVersion),
        (bytes![u32 4, u32 1, u32 0], Refused::UnknownVersion),
        (bytes![u32 5, u32 1, u32 0], Refused::TooShort),
        (vec![5], Refused::TooShort),
        (vec![], Refused::TooShort),
    ];
    for (bytes, reason) in cases {
        let mut collector = Collector::new();
        assert_eq!(collector.take(exporter(1), &bytes), Err(reason), "{bytes:?}");
        assert_eq!(collector.decoder.stats().refused.of(reason), 1);
        assert_eq!(collector.decoder.exporter(exporter(1)), None, "nothing is kept of it");
    }
}

#[test]
fn bytes_behind_the_records_are_told_unless_they_are_zeros() {
    let mut collector = Collector::new();
    let datagram = |sequence| [header(5, 1, 0, sequence, 0), v5_record(0, 0)].concat();
    collector.take(exporter(1), &[datagram(0), vec![0; 9]].concat()).unwrap();
    assert_eq!(collector.decoder.stats().faults.total(), 0);
    collector.take(exporter(1), &[datagram(1), vec![7]].concat()).unwrap();
    assert_eq!(collector.decoder.stats().faults.of(Refused::TrailingBytes), 1);
}

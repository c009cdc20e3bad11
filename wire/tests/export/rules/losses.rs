//! What sequence numbers tell, per version, and clocks.

use super::Collector;
use crate::build::{FLOW, NOW, bytes, exporter, flow, ipfix, set, template, v9, v9_at};
use std::time::Duration;
use weir_model::{ExportVersion, Timestamp};
use weir_wire::export::{Notice, Refused, SequenceStats, export_time};

fn sequence(collector: &Collector) -> SequenceStats {
    collector.decoder.stats().sequence
}

/// A v5 datagram with two flows.
fn v5(number: u32, uptime: u32) -> Vec<u8> {
    let header = bytes![u16 5, u16 2, u32 uptime, u32 NOW, u32 0, u32 number, u32 0];
    [header, vec![1; 96]].concat()
}

#[test]
fn v5_numbers_flows() {
    let mut collector = Collector::new();
    for number in [0, 2, 8, 4] {
        collector.take(exporter(1), &v5(number, 5_000)).unwrap();
    }
    let stats = sequence(&collector);
    assert_eq!((stats.announced, stats.received, stats.lost, stats.reordered), (10, 8, 2, 1));
    assert_eq!(collector.take(exporter(1), &v5(4, 5_000)), Err(Refused::Repeated));
    assert_eq!(sequence(&collector).repeated, 2);
    assert_eq!(collector.sink.records.len(), 8, "records of a repeated datagram are not handed on again");
}

#[test]
fn v9_numbers_datagrams_of_each_source() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &v9(1, 10, &[set(0, &template(256, FLOW))])).unwrap();
    collector.take(exporter(1), &v9(2, 70, &[set(0, &template(256, FLOW))])).unwrap();
    collector.take(exporter(1), &v9(1, 13, &[set(256, &flow(1).repeat(3))])).unwrap();
    collector.take(exporter(1), &v9(2, 71, &[set(256, &flow(1))])).unwrap();
    let stats = sequence(&collector);
    assert_eq!((stats.announced, stats.received, stats.lost), (6, 4, 2));
}

#[test]
fn ipfix_numbers_data_records() {
    let mut collector = Collector::new();
    collector
        .take(exporter(1), &ipfix(1, 100, &[set(2, &template(256, FLOW)), set(256, &flow(1).repeat(3))]))
        .unwrap();
    collector.take(exporter(1), &ipfix(1, 103, &[set(256, &flow(1).repeat(2))])).unwrap();
    collector.take(exporter(1), &ipfix(1, 109, &[set(256, &flow(2))])).unwrap();
    let stats = sequence(&collector);
    assert_eq!((stats.announced, stats.received, stats.lost), (10, 6, 4));
    // Records without a template are not lost: they are waiting, and nobody knows how many.
    collector.take(exporter(1), &ipfix(1, 110, &[set(300, &flow(1).repeat(5))])).unwrap();
    collector.take(exporter(1), &ipfix(1, 115, &[set(256, &flow(2))])).unwrap();
    let stats = sequence(&collector);
    assert_eq!((stats.unread, stats.lost), (5, 4));
    // When the template comes, they are read.
    collector.take(exporter(1), &ipfix(1, 116, &[set(2, &template(300, FLOW)), set(300, &flow(3))])).unwrap();
    let stats = sequence(&collector);
    assert_eq!((stats.announced, stats.received, stats.unread, stats.lost), (17, 13, 0, 4));
    assert_eq!(collector.sink.records.len(), 13);
}

#[test]
fn records_that_waited_are_received_whether_their_number_was_known_before_or_after() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &ipfix(1, 0, &[set(256, &flow(1).repeat(5))])).unwrap();
    collector.take(exporter(1), &ipfix(1, 5, &[set(256, &flow(2).repeat(3))])).unwrap();
    // In this message there is data both before and behind the template.
    let sets = [set(256, &flow(3)), set(2, &template(256, FLOW)), set(256, &flow(4))];
    collector.take(exporter(1), &ipfix(1, 8, &sets)).unwrap();
    collector.take(exporter(1), &ipfix(1, 10, &[set(256, &flow(5))])).unwrap();
    let stats = sequence(&collector);
    assert_eq!((stats.announced, stats.received, stats.unread, stats.lost), (11, 11, 0, 0));
    assert_eq!(collector.sink.records.len(), 11);
}

#[test]
fn a_restart_is_told_and_is_no_loss() {
    let mut collector = Collector::new();
    let send = |collector: &mut Collector, number, uptime| {
        collector.take(exporter(1), &v9_at(1, number, uptime, NOW, &[])).unwrap();
    };
    send(&mut collector, 1_000, 900_000_000);
    send(&mut collector, 1_001, 900_001_000);
    send(&mut collector, 0, 5_000);
    send(&mut collector, 1, 6_000);
    let stats = sequence(&collector);
    assert_eq!((stats.restarts, stats.lost, stats.announced), (1, 0, 4));
    let restarted = Notice::Restarted { version: ExportVersion::NetFlow9, domain: 1 };
    assert_eq!(collector.sink.notices, [(exporter(1), Notice::Appeared), (exporter(1), restarted)]);
    // The uptime wraps after 49 days: no restart.
    send(&mut collector, 2, u32::MAX - 500);
    send(&mut collector, 3, 500);
    assert_eq!(sequence(&collector).restarts, 1);
}

#[test]
fn a_wrong_clock_is_told_once() {
    let mut collector = Collector::new();
    let mut number = 0;
    let mut send = |collector: &mut Collector, seconds: u32| {
        number += 1;
        collector.take(exporter(1), &v9_at(1, number, 0, seconds, &[])).unwrap();
    };
    send(&mut collector, NOW);
    send(&mut collector, NOW - 3_600);
    send(&mut collector, NOW - 3_600);
    send(&mut collector, NOW - 45);
    send(&mut collector, NOW - 3_600);
    send(&mut collector, NOW + 5);
    let skewed = Notice::ClockSkewed { nanos: -3_600_000_000_000 };
    let told: Vec<_> = collector.sink.notices.iter().map(|(_, notice)| *notice).collect();
    assert_eq!(told, [Notice::Appeared, skewed, Notice::ClockAgrees]);
    let status = collector.decoder.exporter(exporter(1)).unwrap();
    assert_eq!((status.stats.clock_skewed, status.clock_skew), (3, Duration::from_secs(5).as_nanos() as i64));
}

#[test]
fn a_forged_number_costs_one_restart_and_no_billion_of_losses() {
    let mut collector = Collector::new();
    for number in [100, 101, 3_000_000_000, 102, 103] {
        collector.take(exporter(1), &v9(1, number, &[])).unwrap();
    }
    let stats = sequence(&collector);
    assert_eq!((stats.lost, stats.restarts, stats.received), (0, 2, 5));
}

#[test]
fn the_header_says_when_a_datagram_was_sent() {
    let now = Timestamp::new(u64::from(NOW), 0);
    assert_eq!(export_time(&v5(0, 5_000)), Some(now));
    assert_eq!(export_time(&v9(1, 0, &[])), Some(now));
    assert_eq!(export_time(&ipfix(1, 0, &[])), Some(now));
    let v1 = bytes![u16 1, u16 1, u32 9, u32 NOW, u32 500_000_000];
    assert_eq!(export_time(&v1), Some(now + Duration::from_millis(500)));
    assert_eq!(export_time(&v1[..15]), None, "cut short");
    assert_eq!(export_time(&bytes![u32 5, u32 1, u32 NOW, u32 NOW, u32 NOW]), None, "sFlow has no date");
    assert_eq!(export_time(&bytes![u16 10, u16 16, u32 0, u32 0, u32 0]), None, "no clock");
}

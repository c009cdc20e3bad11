//! Floods: memory is bounded, what is refused is counted, and other exporters do not notice.

use super::Collector;
use crate::build::{FLOW, exporter, flow, set, template, v9, v9_options};
use std::time::Duration;
use weir_wire::export::{ExportLimits, Refused};

fn small() -> ExportLimits {
    ExportLimits {
        exporters: 16,
        domains: 4,
        templates: 8,
        state_bytes: 16_000,
        state_bytes_in_all: 100_000,
        waiting_bytes: 2_000,
        waiting_bytes_in_all: 10_000,
        ..ExportLimits::default()
    }
}

/// An exporter that has proved itself.
fn settled(collector: &mut Collector) {
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW)), set(256, &flow(1))])).unwrap();
    collector.pass(Duration::from_mins(2));
    collector.take(exporter(1), &v9(1, 1, &[set(256, &flow(2))])).unwrap();
}

#[test]
fn forged_sources_with_templates_do_not_push_out_an_exporter() {
    let mut collector = Collector::with(small());
    settled(&mut collector);
    for number in 0..20_000_u32 {
        let _ = collector.take(exporter(100 + number), &v9(number, 0, &[set(0, &template(256, FLOW))]));
    }
    assert!(collector.decoder.exporters().len() <= 16);
    assert!(collector.decoder.memory_bytes() < 100_000);
    collector.take(exporter(1), &v9(1, 2, &[set(256, &flow(3))])).unwrap();
    assert_eq!(collector.destinations(), [1, 2, 3]);
    let stats = collector.decoder.stats();
    assert_eq!((stats.exporters_evicted, stats.templates), (20_000 - 15, 20_001));
}

#[test]
fn when_all_have_proved_themselves_newcomers_are_refused() {
    let mut collector = Collector::with(ExportLimits { exporters: 8, ..small() });
    for round in 0..2 {
        for number in 0..8 {
            let sets = [set(0, &template(256, FLOW)), set(256, &flow(1))];
            collector.take(exporter(number), &v9(1, round, &sets)).unwrap();
        }
        collector.pass(Duration::from_mins(2));
    }
    // An eighth of the room is for newcomers: one goes, the others stay.
    assert_eq!(collector.take(exporter(50), &v9(1, 0, &[])), Ok(()));
    assert_eq!(collector.take(exporter(51), &v9(1, 0, &[])), Ok(()));
    let known: Vec<_> = collector.decoder.exporters().iter().map(|status| status.address).collect();
    assert_eq!(known.iter().filter(|address| **address < exporter(50)).count(), 7);
    collector.pass(Duration::from_hours(2));
    collector.take(exporter(51), &v9(1, 1, &[set(0, &template(256, FLOW)), set(256, &flow(1))])).unwrap();
    assert_eq!(collector.take(exporter(52), &v9(1, 0, &[])), Ok(()), "those that are silent for long go");
}

#[test]
fn exporters_are_refused_when_there_is_no_room_at_all() {
    let mut collector = Collector::with(ExportLimits { exporters: 0, ..small() });
    assert_eq!(collector.take(exporter(1), &v9(1, 0, &[])), Err(Refused::ExportersFull));
    assert_eq!(collector.decoder.stats().refused.of(Refused::ExportersFull), 1);
}

#[test]
fn a_flood_of_templates_pushes_out_the_least_used_of_the_domain() {
    let mut collector = Collector::with(small());
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW)), set(256, &flow(1))])).unwrap();
    for number in 0..100_u16 {
        collector.pass(Duration::from_secs(1));
        let sets = [set(256, &flow(1)), set(0, &template(257 + number, &[(8, 4)]))];
        collector.take(exporter(1), &v9(1, 1 + u32::from(number), &sets)).unwrap();
    }
    let status = collector.decoder.exporter(exporter(1)).unwrap();
    assert_eq!((status.templates, status.stats.templates_evicted), (8, 93));
    assert_eq!(collector.sink.records.len(), 101, "the one in use stays");
}

#[test]
fn templates_beyond_the_memory_of_an_exporter_are_refused() {
    let mut collector = Collector::with(small());
    let fields: Vec<(u64, u16)> = (0..200).map(|_| (8, 4)).collect();
    let big = |id| set(0, &template(id, &fields));
    let mut sequence = 0;
    let mut refused = 0;
    for domain in 0..3 {
        for id in 256..260 {
            sequence += 1;
            refused += u64::from(collector.take(exporter(1), &v9(domain, sequence, &[big(id)])).is_err());
        }
    }
    let stats = collector.decoder.stats();
    assert_eq!((stats.faults.of(Refused::TemplateMemory), stats.templates), (refused, 12 - refused));
    assert!(refused > 5 && collector.decoder.memory_bytes() <= 16_000);
    assert_eq!(collector.take(exporter(2), &v9(1, 0, &[set(0, &template(256, FLOW))])), Ok(()));
}

#[test]
fn names_that_options_say_are_bounded() {
    let mut collector = Collector::with(small());
    let template = set(1, &v9_options(300, &[(2, 4)], &[(82, 100)]));
    for interface in 0..1_000_u32 {
        let record = [interface.to_be_bytes().to_vec(), vec![b'x'; 100]].concat();
        collector.take(exporter(1), &v9(1, interface, &[template.clone(), set(300, &record)])).unwrap();
    }
    assert!(collector.decoder.memory_bytes() <= 16_000);
    assert!(collector.decoder.stats().options_refused > 900);
    assert!(collector.decoder.interface_name(exporter(1), 0).is_some());
}

#[test]
fn one_datagram_cannot_bring_more_templates_than_a_domain_holds() {
    let mut collector = Collector::with(small());
    let body: Vec<u8> = (256..356).flat_map(|id| template(id, &[(8, 4)])).collect();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &body)])).unwrap();
    let stats = collector.decoder.stats();
    assert_eq!((stats.templates, stats.faults.of(Refused::TemplateCount)), (8, 1));
}

#[test]
fn domains_are_bounded() {
    let mut collector = Collector::with(small());
    for domain in 0..1_000 {
        collector
            .take(exporter(1), &v9(domain, 0, &[set(0, &template(256, FLOW)), set(300, &flow(1))]))
            .unwrap();
    }
    let status = collector.decoder.exporter(exporter(1)).unwrap();
    assert_eq!((status.domains, status.stats.domains_evicted), (4, 996));
    assert_eq!(status.stats.data_sets_expired, 996);
}

#[test]
fn a_flood_of_data_before_its_template_is_dropped_beyond_the_room() {
    let mut collector = Collector::with(small());
    settled(&mut collector);
    for sequence in 0..1_000 {
        collector.take(exporter(2), &v9(1, sequence, &[set(256, &flow(9).repeat(20))])).unwrap();
    }
    let flooder = collector.decoder.exporter(exporter(2)).unwrap();
    assert!(flooder.waiting_bytes <= 2_000 && flooder.stats.data_sets_dropped > 990);
    collector.take(exporter(1), &v9(1, 2, &[set(300, &flow(3))])).unwrap();
    collector.take(exporter(1), &v9(1, 3, &[set(0, &template(300, FLOW))])).unwrap();
    assert_eq!(collector.destinations(), [1, 2, 3]);
    // Sets without any content take room as well.
    for sequence in 0..100_000 {
        collector.take(exporter(3), &v9(1, sequence, &vec![set(256, &[]); 50])).unwrap();
        if sequence > 200 {
            break;
        }
    }
    let waiting: usize = collector.decoder.exporters().iter().map(|status| status.waiting_bytes).sum();
    assert!(waiting <= 6_000, "{waiting}");
}

#[test]
fn waiting_data_in_all_is_bounded_and_newcomers_go_first() {
    let mut collector = Collector::with(ExportLimits { exporters: 1_000, ..small() });
    settled(&mut collector);
    for number in 0..100 {
        collector.take(exporter(100 + number), &v9(1, 0, &[set(256, &flow(9).repeat(60))])).unwrap();
    }
    let waiting: usize = collector.decoder.exporters().iter().map(|status| status.waiting_bytes).sum();
    assert!(waiting <= 10_000, "{waiting}");
    assert!(collector.decoder.exporter(exporter(1)).is_some());
    assert!(collector.decoder.stats().exporters_evicted > 80);
}

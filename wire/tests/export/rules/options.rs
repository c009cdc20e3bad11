//! What exporters say about themselves.

use super::Collector;
use crate::build::{FLOW, bytes, exporter, flow, ipfix, of, options, set, template, v9, v9_options};
use weir_model::record::{Sampling, SamplingSource};

fn rate(chosen: u32, of: u32, source: SamplingSource) -> Option<Sampling> {
    Sampling::new(chosen, of, source)
}

/// The sampling of the last record.
fn last(collector: &Collector) -> Option<Sampling> {
    collector.sink.records.last().unwrap().sampling
}

#[test]
fn sampling_of_the_domain_the_interface_and_the_sampler() {
    let mut collector = Collector::new();
    let fields = [FLOW, &[(10, 4), (48, 1)]].concat();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, &fields))])).unwrap();
    let record = |interface: u32, sampler: u8| [flow(1), bytes![u32 interface, u8 sampler]].concat();
    let mut sequence = 0;
    let mut send = |collector: &mut Collector, sets: &[Vec<u8>]| {
        sequence += 1;
        collector.take(exporter(1), &v9(1, sequence, sets)).unwrap();
        last(collector)
    };
    assert_eq!(send(&mut collector, &[set(256, &record(3, 7))]), None, "nobody has said");
    let domain =
        [set(1, &v9_options(300, &[(1, 4)], &[(34, 4), (35, 1)])), set(300, &bytes![u32 1, u32 100, u8 1])];
    let sets = [&domain[..], &[set(256, &record(3, 7))]].concat();
    assert_eq!(send(&mut collector, &sets), rate(1, 100, SamplingSource::Domain));
    let interface = [set(1, &v9_options(301, &[(2, 4)], &[(34, 4)])), set(301, &bytes![u32 3, u32 200])];
    let sets = [&interface[..], &[set(256, &record(3, 7))]].concat();
    assert_eq!(send(&mut collector, &sets), rate(1, 200, SamplingSource::Interface));
    assert_eq!(send(&mut collector, &[set(256, &record(4, 7))]), rate(1, 100, SamplingSource::Domain));
    let sampler = [
        set(1, &v9_options(302, &[(1, 4)], &[(48, 1), (49, 1), (50, 4)])),
        set(302, &bytes![u32 1, u8 7, u8 2, u32 300]),
    ];
    let sets = [&sampler[..], &[set(256, &record(3, 7))]].concat();
    assert_eq!(send(&mut collector, &sets), rate(1, 300, SamplingSource::Sampler));
    assert_eq!(send(&mut collector, &[set(256, &record(3, 8))]), rate(1, 200, SamplingSource::Interface));
}

#[test]
fn selectors_of_ipfix_say_so_many_of_so_many() {
    for (fields, data, expected) in [
        (vec![(302, 8), (304, 2), (305, 4), (306, 4)], bytes![u64 9, u16 1, u32 2, u32 98], (2, 100)),
        (vec![(302, 8), (309, 4), (310, 4)], bytes![u64 9, u32 3, u32 1_000], (3, 1_000)),
        (vec![(302, 8), (311, 8)], [bytes![u64 9], 0.01_f64.to_be_bytes().to_vec()].concat(), (1, 100)),
    ] {
        let mut collector = Collector::new();
        let data_fields = [FLOW, &[(302, 8)]].concat();
        let sets = [
            set(3, &options(300, 1, &fields)),
            set(2, &template(256, &data_fields)),
            set(300, &data),
            set(256, &[flow(1), bytes![u64 9]].concat()),
        ];
        collector.take(exporter(1), &ipfix(1, 0, &sets)).unwrap();
        assert_eq!(last(&collector), rate(expected.0, expected.1, SamplingSource::Sampler));
    }
}

#[test]
fn a_sampling_of_zero_is_none() {
    let mut collector = Collector::new();
    let sets = [
        set(3, &options(300, 1, &[(149, 4), (34, 4)])),
        set(2, &template(256, FLOW)),
        set(300, &bytes![u32 1, u32 0]),
        set(256, &flow(1)),
    ];
    collector.take(exporter(1), &ipfix(1, 0, &sets)).unwrap();
    assert_eq!(last(&collector), None);
}

#[test]
fn names_of_applications_and_interfaces() {
    let mut collector = Collector::new();
    let fields = [FLOW, &[(95, 4)]].concat();
    let mut application = bytes![u32 1, u32 0x0300_0035];
    application.extend(b"dns\0\0\0\0\0");
    let mut interface = bytes![u32 3];
    interface.extend(b"Gi0/1\0\0\0");
    let sets = [
        set(
            1,
            &[v9_options(300, &[(1, 4)], &[(95, 4), (96, 8)]), v9_options(301, &[(2, 4)], &[(82, 8)])]
                .concat(),
        ),
        set(0, &template(256, &fields)),
        set(300, &application),
        set(301, &interface),
        set(256, &[flow(1), bytes![u32 0x0300_0035]].concat()),
    ];
    collector.take(exporter(1), &v9(1, 0, &sets)).unwrap();
    let record = collector.sink.records[0];
    assert_eq!((record.application_id, record.application), (Some(0x0300_0035), Some(&b"dns"[..])));
    assert_eq!(collector.decoder.interface_name(exporter(1), 3), Some(&b"Gi0/1"[..]));
    assert_eq!(collector.decoder.interface_name(exporter(1), 4), None);
}

#[test]
fn types_of_rfc_5610_are_read_over() {
    let mut collector = Collector::new();
    let fields = [(346, 4), (303, 2), (339, 1), (344, 1), (341, 65_535)];
    let mut record = bytes![u32 4_242, u16 1, u8 13, u8 0, u8 4];
    record.extend(b"name");
    let sets = [
        set(3, &options(300, 2, &fields)),
        set(300, &[record.clone(), record].concat()),
        set(2, &template(256, &[(12, 4), (of(4_242, 1), 65_535)])),
        set(256, &bytes![u32 0xc000_0207, u8 1, u8 65]),
    ];
    collector.take(exporter(1), &ipfix(1, 0, &sets)).unwrap();
    assert_eq!(collector.decoder.stats().option_records, 2);
    assert_eq!(collector.destinations(), [7]);
}

//! Sampling that the operator configured.

use super::Collector;
use crate::build::{FLOW, NOW, bytes, exporter, flow, set, template, v9, v9_options};
use weir_model::record::{Sampling, SamplingSource};
use weir_wire::export::Precedence;

fn configured(of: u32) -> Sampling {
    Sampling::new(1, of, SamplingSource::Configured).unwrap()
}

/// Flows of the interfaces 3 and 4: the template with the first datagram, and 1 in 10 in options before the third.
fn sampling_told(collector: &mut Collector, from: u32) -> Vec<Option<Sampling>> {
    let fields = [FLOW, &[(10, 4), (14, 4), (61, 1)]].concat();
    let record = |input: u32, egress: u8| [flow(1), bytes![u32 input, u32 9, u8 egress]].concat();
    let data = set(256, &[record(3, 0), record(4, 0), record(4, 1)].concat());
    let options =
        [set(1, &v9_options(300, &[(1, 4)], &[(34, 4)])), set(300, &bytes![u32 1, u32 10])].concat();
    collector.take(exporter(from), &v9(1, 0, &[set(0, &template(256, &fields)), data.clone()])).unwrap();
    collector.take(exporter(from), &v9(1, 1, &[options, data])).unwrap();
    collector.sink.records.drain(..).map(|record| record.sampling).collect()
}

#[test]
fn it_counts_where_the_exporter_says_nothing() {
    let mut collector = Collector::new();
    collector.decoder.set_configured_sampling(exporter(1), None, configured(100), Precedence::WhenSilent);
    collector.decoder.set_configured_sampling(exporter(1), Some(3), configured(200), Precedence::WhenSilent);
    let told = Sampling::new(1, 10, SamplingSource::Domain);
    let (whole, third) = (Some(configured(100)), Some(configured(200)));
    assert_eq!(sampling_told(&mut collector, 1), [third, whole, whole, told, told, told]);
    assert_eq!(sampling_told(&mut collector, 2), [None, None, None, told, told, told], "another exporter");
}

#[test]
fn it_counts_always_where_that_is_configured() {
    let mut collector = Collector::new();
    let decoder = &mut collector.decoder;
    decoder.set_configured_sampling(exporter(1), Some(3), configured(200), Precedence::Always);
    decoder.set_configured_sampling(exporter(1), Some(9), configured(300), Precedence::Always);
    let told = Sampling::new(1, 10, SamplingSource::Domain);
    let (third, output) = (Some(configured(200)), Some(configured(300)));
    assert_eq!(sampling_told(&mut collector, 1), [third, None, output, third, told, output]);
}

#[test]
fn it_counts_for_exporters_that_are_known_or_were_restored_too() {
    let v5 = [bytes![u16 5, u16 1, u32 9, u32 NOW, u32 0, u32 0, u32 0x0001_000a], vec![1; 48]].concat();
    let mut collector = Collector::new();
    collector.take(exporter(1), &v5).unwrap();
    collector.decoder.set_configured_sampling(exporter(1), None, configured(7), Precedence::Always);
    let mut second = v5.clone();
    second[19] = 1;
    collector.take(exporter(1), &second).unwrap();
    let told: Vec<_> = collector.sink.records.iter().map(|record| record.sampling).collect();
    assert_eq!(told, [Sampling::new(1, 10, SamplingSource::Header), Some(configured(7))]);

    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW))])).unwrap();
    let mut again = Collector::new();
    let rate = Sampling { source: SamplingSource::Header, ..configured(8) };
    again.decoder.set_configured_sampling(exporter(1), None, rate, Precedence::WhenSilent);
    again.decoder.restore(&collector.decoder.snapshot()).unwrap();
    again.take(exporter(1), &v9(1, 1, &[set(256, &flow(1))])).unwrap();
    assert_eq!(again.sink.records[0].sampling, Some(configured(8)), "its source is the configuration");
}

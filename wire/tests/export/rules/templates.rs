//! Templates: learnt, redefined, withdrawn, expired; data that came before them.

use super::Collector;
use crate::build::{FLOW, bytes, exporter, flow, ipfix, options, set, template, v9, v9_options};
use std::time::Duration;
use weir_model::ExportVersion;
use weir_wire::export::Refused;

#[test]
fn several_templates_and_padding_in_one_set() {
    for is_v9 in [true, false] {
        let mut collector = Collector::new();
        let mut body = [template(256, FLOW), template(300, &[(12, 4), (1, 8)])].concat();
        body.extend([0; 3]);
        let data = [&flow(7)[..], &[0; 3]].concat();
        let short = bytes![u32 0xc000_0208, u64 99];
        let sets = [set(if is_v9 { 0 } else { 2 }, &body), set(256, &data), set(300, &short)];
        let datagram = if is_v9 { v9(1, 0, &sets) } else { ipfix(1, 0, &sets) };
        assert_eq!(collector.take(exporter(1), &datagram), Ok(()));
        assert_eq!(collector.destinations(), [7, 8]);
        assert_eq!(collector.sink.records[1].forward.bytes, 99);
        assert_eq!(collector.decoder.stats().faults.total(), 0);
    }
}

#[test]
fn a_template_may_be_redefined() {
    let mut collector = Collector::new();
    let longer = [FLOW, &[(5, 1)]].concat();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW)), set(256, &flow(1))])).unwrap();
    collector.take(exporter(1), &v9(1, 1, &[set(0, &template(256, FLOW)), set(256, &flow(2))])).unwrap();
    let record = [flow(3), vec![0x28]].concat();
    collector.take(exporter(1), &v9(1, 2, &[set(0, &template(256, &longer)), set(256, &record)])).unwrap();
    assert_eq!(collector.destinations(), [1, 2, 3]);
    assert_eq!(collector.sink.records[2].tos, Some(0x28));
    let stats = collector.decoder.stats();
    assert_eq!((stats.templates, stats.templates_refreshed, stats.templates_redefined), (1, 1, 1));
}

#[test]
fn domains_and_versions_and_exporters_have_templates_of_their_own() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW))])).unwrap();
    collector.take(exporter(1), &v9(2, 0, &[set(256, &flow(1))])).unwrap();
    collector.take(exporter(2), &v9(1, 0, &[set(256, &flow(2))])).unwrap();
    collector.take(exporter(1), &ipfix(1, 0, &[set(256, &flow(3))])).unwrap();
    assert_eq!(collector.destinations(), [] as [u8; 0]);
    assert_eq!(collector.decoder.stats().waiting_now(), 3);
    collector.take(exporter(1), &v9(1, 1, &[set(256, &flow(4))])).unwrap();
    assert_eq!(collector.destinations(), [4]);
    let versions = |address| collector.decoder.exporter(address).unwrap().versions().collect::<Vec<_>>();
    assert_eq!(versions(exporter(1)), [ExportVersion::NetFlow9, ExportVersion::Ipfix]);
    assert_eq!(versions(exporter(2)), [ExportVersion::NetFlow9]);
}

#[test]
fn data_that_came_first_is_decoded_when_its_template_comes() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &v9(1, 0, &[set(256, &flow(1)), set(257, &flow(9))])).unwrap();
    let sent = collector.now;
    collector.pass(Duration::from_mins(5));
    collector.take(exporter(1), &v9(1, 1, &[set(256, &flow(2))])).unwrap();
    collector.take(exporter(1), &v9(1, 2, &[set(0, &template(256, FLOW)), set(256, &flow(3))])).unwrap();
    assert_eq!(collector.destinations(), [1, 2, 3], "in the order in which they came");
    assert_eq!(collector.sink.records[0].origin.received, sent);
    let stats = collector.decoder.stats();
    assert_eq!((stats.data_sets_waited, stats.data_sets_late, stats.waiting_now()), (3, 2, 1));
    collector.pass(Duration::from_mins(26));
    collector.decoder.expire(collector.now);
    let stats = collector.decoder.stats();
    assert_eq!((stats.data_sets_expired, stats.waiting_now()), (1, 0));
    assert!(stats.balances());
    assert_eq!(collector.decoder.exporter(exporter(1)).unwrap().waiting_bytes, 0);
    collector.take(exporter(1), &v9(1, 3, &[set(0, &template(257, FLOW))])).unwrap();
    assert_eq!(collector.destinations().len(), 3, "what expired is gone");
}

#[test]
fn a_template_that_is_neither_announced_nor_used_is_forgotten() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &v9(1, 0, &[set(0, &template(256, FLOW))])).unwrap();
    collector.pass(Duration::from_hours(23));
    collector.take(exporter(1), &v9(1, 1, &[set(256, &flow(1))])).unwrap();
    collector.pass(Duration::from_hours(23));
    collector.take(exporter(1), &v9(1, 2, &[set(256, &flow(2))])).unwrap();
    collector.pass(Duration::from_hours(25));
    collector.take(exporter(1), &v9(1, 3, &[set(256, &flow(3))])).unwrap();
    assert_eq!(collector.destinations(), [1, 2]);
    let stats = collector.decoder.stats();
    assert_eq!((stats.templates_expired, stats.waiting_now()), (1, 1));
    collector.take(exporter(1), &v9(1, 4, &[set(0, &template(256, FLOW))])).unwrap();
    assert_eq!(collector.destinations(), [1, 2, 3]);
}

#[test]
fn templates_of_a_stream_are_withdrawn_and_end_with_the_session() {
    let mut collector = Collector::new();
    let mut send = |bytes: &[u8]| {
        let now = collector.now + Duration::from_hours(48);
        collector.decoder.message(exporter(1), 7, now, bytes, &mut collector.sink)
    };
    let both = [template(256, FLOW), template(257, FLOW)].concat();
    send(&ipfix(1, 0, &[set(2, &both), set(3, &options(258, 1, &[(149, 4), (34, 4)]))])).unwrap();
    send(&ipfix(1, 0, &[set(2, &template(256, &[])), set(256, &flow(1)), set(257, &flow(2))])).unwrap();
    send(&ipfix(1, 1, &[set(2, &template(2, &[])), set(257, &flow(3))])).unwrap();
    send(&ipfix(1, 2, &[set(3, &template(3, &[]))])).unwrap();
    assert_eq!(send(&v9(1, 0, &[])), Err(Refused::UnknownVersion), "v9 has no streams");
    assert_eq!(collector.destinations(), [2]);
    assert_eq!(collector.decoder.stats().templates_withdrawn, 3);
    collector.take(exporter(1), &ipfix(1, 0, &[set(2, &template(256, FLOW))])).unwrap();
    assert_eq!(collector.decoder.exporter(exporter(1)).unwrap().domains, 2);
    collector.decoder.session_ended(exporter(1), 7);
    assert_eq!(collector.decoder.exporter(exporter(1)).unwrap().domains, 1);
    assert!(collector.decoder.stats().balances());
}

#[test]
fn streams_of_one_exporter_have_templates_and_numbers_of_their_own() {
    let mut collector = Collector::new();
    let mut send = |session: u64, bytes: &[u8]| {
        collector.decoder.message(exporter(1), session, collector.now, bytes, &mut collector.sink).unwrap();
    };
    send(1, &ipfix(1, 0, &[set(2, &template(256, FLOW)), set(256, &flow(1))]));
    send(2, &ipfix(1, 700, &[set(2, &template(256, &[(12, 4)])), set(256, &[192, 0, 2, 2])]));
    send(1, &ipfix(1, 1, &[set(256, &flow(3))]));
    send(2, &ipfix(1, 701, &[set(256, &[192, 0, 2, 4])]));
    collector.decoder.session_ended(exporter(1), 2);
    let mut send = |session: u64, bytes: &[u8]| {
        collector.decoder.message(exporter(1), session, collector.now, bytes, &mut collector.sink).unwrap();
    };
    send(1, &ipfix(1, 2, &[set(256, &flow(5))]));
    send(2, &ipfix(1, 0, &[set(256, &flow(6))]));
    assert_eq!(collector.destinations(), [1, 2, 3, 4, 5], "what was known in a stream that ended is gone");
    let stats = collector.decoder.stats();
    assert_eq!((stats.templates_redefined, stats.waiting_now()), (0, 1));
    assert_eq!((stats.sequence.received, stats.sequence.lost, stats.sequence.restarts), (5, 0, 0));
}

#[test]
fn a_withdrawal_in_a_datagram_is_left_out() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &ipfix(1, 0, &[set(2, &template(256, FLOW))])).unwrap();
    collector.take(exporter(1), &ipfix(1, 0, &[set(2, &template(256, &[])), set(256, &flow(1))])).unwrap();
    assert_eq!(collector.destinations(), [1]);
    assert_eq!(collector.decoder.stats().withdrawals_ignored, 1);
}

#[test]
fn templates_that_make_no_sense_are_refused_with_the_reason() {
    let many: Vec<(u64, u16)> = (0..513).map(|number| (number, 1)).collect();
    let long = [(1, 65_000), (2, 600)];
    let most: Vec<u8> = [bytes![u16 256, u16 65_535], vec![0; 1_000]].concat();
    let cases = [
        (set(2, &template(255, FLOW)), Refused::TemplateId),
        (set(2, &template(256, &[(1, 0), (2, 0)])), Refused::TemplateEmpty),
        (set(2, &template(256, &many)), Refused::TemplateFields),
        (set(2, &most), Refused::TemplateFields),
        (set(2, &template(256, &long)), Refused::TemplateLength),
        (set(2, &template(256, FLOW)[..12]), Refused::TemplateTruncated),
        (set(3, &options(256, 0, FLOW)), Refused::TemplateScope),
        (set(3, &options(256, 9, FLOW)), Refused::TemplateScope),
        (set(3, &options(256, 1, FLOW)[..5]), Refused::TemplateTruncated),
        (set(4, &[0; 8]), Refused::SetId),
        (bytes![u16 2, u16 3], Refused::SetLength),
        (bytes![u16 256, u16 500, u32 0], Refused::SetLength),
    ];
    for (bytes, reason) in cases {
        let mut collector = Collector::new();
        assert_eq!(collector.take(exporter(1), &ipfix(1, 0, &[bytes])), Err(reason));
        let stats = collector.decoder.stats();
        assert_eq!(
            (stats.faults.of(reason), stats.refused.of(reason), stats.templates),
            (1, 1, 0),
            "{reason}"
        );
    }
    let mut collector = Collector::new();
    let empty = v9(1, 0, &[set(0, &template(256, &[]))]);
    assert_eq!(collector.take(exporter(1), &empty), Err(Refused::TemplateEmpty));
    let odd = v9(1, 1, &[set(1, &bytes![u16 256, u16 3, u16 4, u16 1, u16 4])]);
    assert_eq!(collector.take(exporter(1), &odd), Err(Refused::TemplateScope));
}

#[test]
fn zeros_between_templates_end_the_set() {
    let mut collector = Collector::new();
    let zeros = [template(256, FLOW), vec![0; 4_000], template(257, FLOW)].concat();
    collector.take(exporter(1), &ipfix(1, 0, &[set(2, &zeros)])).unwrap();
    collector.take(exporter(2), &v9(1, 0, &[set(0, &zeros)])).unwrap();
    let stats = collector.decoder.stats();
    assert_eq!((stats.templates, stats.faults.of(Refused::TemplateId)), (2, 2));
    assert_eq!((stats.faults.total(), stats.withdrawals_ignored), (2, 0));
    let padded = [template(256, FLOW), vec![0; 4_000]].concat();
    collector.take(exporter(3), &ipfix(1, 0, &[set(2, &padded)])).unwrap();
    assert_eq!(collector.decoder.stats().faults.total(), 2, "zeros up to the end are padding");
}

#[test]
fn a_fault_in_one_set_leaves_the_others() {
    let mut collector = Collector::new();
    let sets = [set(0, &template(256, FLOW)), set(5, &[0; 4]), set(256, &flow(1)), bytes![u16 256, u16 2]];
    assert_eq!(collector.take(exporter(1), &v9(1, 0, &sets)), Ok(()));
    assert_eq!(collector.destinations(), [1]);
    let stats = collector.decoder.stats();
    assert_eq!((stats.faults.of(Refused::SetId), stats.faults.of(Refused::SetLength)), (1, 1));
}

#[test]
fn options_without_a_scope_are_read_in_v9() {
    let mut collector = Collector::new();
    let sets = [set(1, &v9_options(256, &[], &[(34, 4)])), set(256, &bytes![u32 64])];
    collector.take(exporter(1), &v9(1, 0, &sets)).unwrap();
    assert_eq!(collector.decoder.stats().option_records, 1);
}

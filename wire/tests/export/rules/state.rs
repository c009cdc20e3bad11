//! What outlives a restart.

use super::Collector;
use crate::build::{FLOW, bytes, exporter, flow, ipfix, of, options, set, template, v9, v9_options};
use std::time::Duration;
use weir_model::record::{Sampling, SamplingSource};
use weir_wire::export::{ExportDecoder, ExportLimits, RestoreError};

/// A collector that knows two exporters.
fn taught() -> Collector {
    let mut collector = Collector::new();
    let fields = [FLOW, &[(10, 4), (95, 4), (of(35_632, 205), 65_535)]].concat();
    let sets = [
        set(2, &template(256, &fields)),
        set(
            3,
            &[options(300, 1, &[(95, 4), (96, 8)]), options(301, 1, &[(10, 4), (34, 4), (82, 4)])].concat(),
        ),
        set(300, &[bytes![u32 9], b"ssh\0\0\0\0\0".to_vec()].concat()),
        set(301, &[bytes![u32 3, u32 64], b"eth0".to_vec()].concat()),
    ];
    collector.take(exporter(1), &ipfix(7, 0, &sets)).unwrap();
    let sets = [
        set(0, &template(256, FLOW)),
        set(1, &v9_options(300, &[(1, 4)], &[(34, 4)])),
        set(300, &bytes![u32 1, u32 10]),
    ];
    collector.take(exporter(2), &v9(1, 0, &sets)).unwrap();
    collector
}

#[test]
fn templates_and_options_are_known_at_once_after_a_restart() {
    let before = taught();
    let snapshot = before.decoder.snapshot();
    let mut after = Collector::new();
    assert_eq!(after.decoder.restore(&snapshot), Ok(5));
    assert_eq!(after.decoder.snapshot(), snapshot, "and nothing was changed");
    let mut record = [flow(7), bytes![u32 3, u32 9, u8 3]].concat();
    record.extend(b"a.b");
    after.take(exporter(1), &ipfix(7, 50, &[set(256, &record)])).unwrap();
    after.take(exporter(2), &v9(1, 50, &[set(256, &flow(8))])).unwrap();
    assert_eq!(after.destinations(), [7, 8]);
    let [first, second] = &after.sink.records[..] else { panic!("two records") };
    assert_eq!((first.application, first.dns_query), (Some(&b"ssh"[..]), Some(&b"a.b"[..])));
    assert_eq!(first.sampling, Sampling::new(1, 64, SamplingSource::Interface));
    assert_eq!(second.sampling, Sampling::new(1, 10, SamplingSource::Domain));
    assert_eq!(after.decoder.interface_name(exporter(1), 3), Some(&b"eth0"[..]));
}

#[test]
fn several_decoders_each_take_in_their_own_exporters() {
    let snapshot = taught().decoder.snapshot();
    let mut part = ExportDecoder::default();
    assert_eq!(part.restore_if(&snapshot, |address| address == exporter(2)), Ok(2));
    assert_eq!(part.exporters().iter().map(|known| known.address).collect::<Vec<_>>(), [exporter(2)]);
}

#[test]
fn templates_that_were_never_announced_are_named() {
    let mut collector = Collector::new();
    collector.take(exporter(1), &ipfix(7, 0, &[set(257, &flow(1)), set(256, &flow(1))])).unwrap();
    let since = collector.now;
    collector.pass(Duration::from_mins(5));
    collector.take(exporter(1), &ipfix(7, 0, &[set(256, &flow(2)), set(258, &flow(2))])).unwrap();
    assert_eq!(collector.decoder.missing_templates(exporter(1), since), [256, 257]);
    assert_eq!(collector.decoder.missing_templates(exporter(1), collector.now), [256, 257, 258]);
    assert!(collector.decoder.missing_templates(exporter(2), collector.now).is_empty());
    collector.take(exporter(1), &ipfix(7, 0, &[set(2, &template(256, FLOW))])).unwrap();
    assert_eq!(collector.decoder.missing_templates(exporter(1), since), [257]);
}

#[test]
fn a_snapshot_that_was_changed_is_refused() {
    let snapshot = taught().decoder.snapshot();
    let refused = |bytes: &[u8]| ExportDecoder::default().restore(bytes).unwrap_err();
    assert_eq!(refused(&[]), RestoreError::Truncated);
    assert_eq!(refused(&[0; 40]), RestoreError::NotASnapshot);
    for at in 8..snapshot.len() {
        let mut changed = snapshot.clone();
        changed[at] ^= 0x10;
        assert_eq!(refused(&changed), RestoreError::Checksum, "byte {at}");
        if at >= 16 {
            assert_eq!(refused(&snapshot[..at]), RestoreError::Checksum, "cut at {at}");
        }
    }
}

#[test]
fn limits_hold_for_snapshots_too() {
    let snapshot = taught().decoder.snapshot();
    let limits = ExportLimits { exporters: 1, fields: 9, options: 0, ..ExportLimits::default() };
    let mut decoder = ExportDecoder::new(limits);
    assert_eq!(decoder.restore(&snapshot), Ok(2), "one exporter, without its template of ten fields");
    assert_eq!(decoder.exporters().len(), 1);
    assert_eq!(decoder.interface_name(exporter(1), 3), None);
    let nothing = ExportLimits { state_bytes: 0, ..ExportLimits::default() };
    assert_eq!(ExportDecoder::new(nothing).restore(&snapshot), Ok(0));
}

#[test]
fn nobody_was_seen_last_before_being_seen_first() {
    let mut snapshot = taught().decoder.snapshot();
    let end = snapshot.len() - 8;
    // The first exporter's first datagram: behind the mark, the number of exporters, its state, and an address of IPv4.
    snapshot[18..26].copy_from_slice(&u64::MAX.to_be_bytes());
    let sum = snapshot[..end]
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    snapshot[end..].copy_from_slice(&sum.to_be_bytes());
    let mut decoder = ExportDecoder::default();
    assert_eq!(decoder.restore(&snapshot), Ok(5));
    let status = decoder.exporter(exporter(1)).unwrap();
    assert_eq!((status.first_seen.as_nanos(), status.last_seen.as_nanos()), (u64::MAX, u64::MAX));
}

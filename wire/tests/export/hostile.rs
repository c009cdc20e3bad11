//! Any bytes, and good datagrams with some bytes changed: no panic, bounded memory, books that balance.

use crate::build::{FLOW, exporter, flow, ipfix, options, set, template, v9, v9_options};
use crate::sink::Kept;
use proptest::prelude::*;
use weir_model::Timestamp;
use weir_wire::export::{ExportDecoder, ExportLimits};

fn limits() -> ExportLimits {
    ExportLimits {
        exporters: 8,
        domains: 3,
        templates: 4,
        waiting_bytes: 4_000,
        state_bytes: 20_000,
        ..ExportLimits::default()
    }
}

fn good() -> Vec<Vec<u8>> {
    let variable = [(12, 4), (460, 65_535), (313, 65_535)];
    let mut data = vec![192, 0, 2, 1, 3, b'a', b'b', b'c', 4, 0x45, 0, 0, 4];
    data.extend(data.clone());
    let sflow =
        [
            &[
                0, 0, 0, 5, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
                1,
            ][..],
            &[
                0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
                2,
            ],
            &[0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 32],
            &[7; 32],
        ]
        .concat();
    vec![
        v9(1, 0, &[set(0, &template(256, FLOW)), set(256, &flow(1).repeat(2)), set(257, &flow(1))]),
        v9(1, 1, &[set(1, &v9_options(258, &[(2, 4)], &[(34, 4), (82, 8)])), set(258, &[9; 16])]),
        ipfix(
            1,
            0,
            &[
                set(2, &template(256, &variable)),
                set(256, &data),
                set(3, &options(257, 1, &[(95, 4), (96, 65_535)])),
            ],
        ),
        [vec![0, 5, 0, 2], vec![1; 20], vec![3; 96]].concat(),
        [vec![0, 7, 0, 1], vec![1; 20], vec![3; 52]].concat(),
        [vec![0, 1, 0, 1], vec![1; 12], vec![3; 52]].concat(),
        sflow,
    ]
}

fn decode(datagrams: &[(u32, Vec<u8>)]) {
    let mut decoder = ExportDecoder::new(limits());
    let mut now = Timestamp::new(1_700_000_000, 0);
    let mut sink = Kept::default();
    for (number, bytes) in datagrams {
        now = now + std::time::Duration::from_secs(u64::from(*number) * 60);
        let _ = decoder.datagram(exporter(number % 12), now, bytes, &mut sink);
        let _ = decoder.message(exporter(number % 5), u64::from(number % 2), now, bytes, &mut sink);
        let stats = decoder.stats();
        assert!(stats.balances(), "{stats:?}");
    }
    decoder.expire(now + std::time::Duration::from_hours(1));
    decoder.session_ended(exporter(0), 0);
    assert!(decoder.stats().balances());
    assert!(decoder.memory_bytes() < 8 * 24_000);
    let snapshot = decoder.snapshot();
    ExportDecoder::new(limits()).restore(&snapshot).expect("its own snapshot");
    let statistics = decoder.stats();
    assert_eq!(statistics.records, sink.records.len() as u64);
    assert_eq!(statistics.frames, sink.frames.len() as u64);
}

proptest! {
    #[test]
    fn any_bytes(datagrams in prop::collection::vec((0..20_u32, prop::collection::vec(any::<u8>(), 0..200)), 1..20)) {
        decode(&datagrams);
    }

    #[test]
    fn good_datagrams_with_bytes_changed_and_cut(
        changes in prop::collection::vec((0..20_u32, 0..7_usize, prop::collection::vec((any::<u16>(), any::<u8>()), 0..6), any::<u16>()), 1..40),
    ) {
        let good = good();
        let datagrams: Vec<(u32, Vec<u8>)> = changes.into_iter().map(|(number, which, changes, cut)| {
            let mut bytes = good[which].clone();
            for (at, value) in changes {
                let at = usize::from(at) % bytes.len();
                bytes[at] = value;
            }
            if cut % 4 == 0 {
                bytes.truncate(usize::from(cut) % (bytes.len() + 1));
            }
            (number, bytes)
        }).collect();
        decode(&datagrams);
    }

    #[test]
    fn any_snapshot(mut bytes in prop::collection::vec(any::<u8>(), 0..300), wire in any::<bool>()) {
        if wire {
            // With a checksum that is right, so that what is behind it is read.
            let mut whole = b"weirexp1".to_vec();
            whole.append(&mut bytes);
            let sum = whole.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
                (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
            whole.extend(sum.to_be_bytes());
            bytes = whole;
        }
        let mut decoder = ExportDecoder::new(limits());
        let _ = decoder.restore(&bytes);
        prop_assert!(decoder.memory_bytes() < 8 * 24_000);
    }
}

#[test]
fn what_the_changed_datagrams_begin_with_is_good() {
    for (datagram, number) in good().iter().zip(0..) {
        let mut decoder = ExportDecoder::default();
        assert_eq!(
            decoder.datagram(exporter(number), Timestamp::EPOCH, datagram, &mut Kept::default()),
            Ok(())
        );
        assert_eq!(decoder.stats().faults.total(), 0, "datagram {number}");
    }
}

//! Files made to hurt: cut and corrupted anywhere. Reading ends, does not panic, and makes no more of a file than
//! its bytes can hold.

use proptest::prelude::*;

use crate::build::*;

/// One of each format, with enough records that a change inside has consequences.
fn samples() -> Vec<Vec<u8>> {
    let order = Order::Big;
    let mut modified = pcap_header(order, 0xa1b2_cd34, (2, 3), 1);
    for time in 0..20 {
        modified.extend(pcap_record(order, [time, 0, 3, 9], &[0; 8]));
        modified.extend(b"abc");
    }
    let pcap = pcap_at(&(0..40).collect::<Vec<_>>(), 0);
    let pcapng = [mixed_pcapng(), mixed_pcapng()].concat();
    let packed = [gzip(&pcap), zstd(&pcap), gzip(&pcapng), zstd(&pcapng), [gzip(&pcap), gzip(b"x")].concat()];
    [pcap, modified, pcapng].into_iter().chain(packed).collect()
}

/// What must hold of any input. No record is smaller than 16 bytes, and these samples unpack to less than 2 KiB.
fn survives(bytes: Vec<u8>) -> Outcome {
    let outcome = read(vec![stream(bytes)]);
    assert!(outcome.frames.len() <= 2048 / 16 || outcome.stats.bytes_read == 0);
    assert!(outcome.problems.len() <= 2);
    outcome
}

#[test]
fn every_truncation_is_survived_and_adds_no_frame() {
    for sample in samples() {
        let whole = survives(sample.clone());
        assert!(whole.frames.len() >= 10);
        for length in 0..sample.len() {
            let cut = survives(sample[..length].to_vec());
            assert!(cut.frames.len() <= whole.frames.len());
            assert_eq!(cut.frames, whole.frames[..cut.frames.len()], "what is whole is delivered unchanged");
        }
    }
}

#[test]
fn every_single_changed_byte_is_survived() {
    for sample in samples() {
        for place in 0..sample.len() {
            for change in [0xff, 1 << (place % 8)] {
                let mut changed = sample.clone();
                changed[place] ^= change;
                survives(changed);
            }
        }
    }
}

proptest! {
    #[test]
    fn many_random_changes_are_survived(
        which in 0_usize..8,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let mut bytes = samples().swap_remove(which);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        survives(bytes);
    }

    #[test]
    fn arbitrary_bytes_after_a_magic_are_survived(which in 0_usize..7, tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes: Vec<u8> = match which {
            0 => pcap_header(Order::Big, 0xa1b2_c3d4, (2, 4), 1),
            1 => pcap_header(Order::Little, 0xa1b2_cd34, (2, 3), 1),
            2 => section(Order::Big),
            3 => [section(Order::Little), interface(Order::Little, 1, 0, &[])].concat(),
            4 => vec![0x1f, 0x8b, 8],
            5 => vec![0x28, 0xb5, 0x2f, 0xfd],
            _ => Vec::new(),
        };
        bytes.extend(tail);
        survives(bytes);
    }
}

#[test]
fn a_bomb_is_read_through_a_small_window() {
    // 8 MiB of zeros after a header: half a million empty records in a few hundred bytes.
    let mut plain = pcap_at(&[], 0);
    plain.resize(plain.len() + (8 << 20), 0);
    let packed = zstd(&plain);
    assert!(packed.len() < 2_000);
    let options = weir_capture::ReadOptions::default();
    let mut reader = weir_capture::Reader::open(vec![stream(packed)], &options).unwrap();
    let mut batch = weir_capture::FrameBatch::new();
    while reader.next_batch(&mut batch) {}
    assert_eq!((reader.stats().frames_read, reader.problems().len()), (1 << 19, 0));
}

//! Every format and variant, one by one.

use weir_capture::{MAX_BATCH_FRAMES, ProblemKind};

use crate::build::*;

fn frame(number: u64, nanos: u64, link: u16, original_len: u32, data: &[u8]) -> Read {
    Read { number, nanos, link, original_len, data: data.to_vec() }
}

#[test]
fn pcap_in_both_orders_and_both_resolutions() {
    for (magic, fraction) in [(0xa1b2_c3d4, 500), (0xa1b2_3c4d, 500_000)] {
        for order in [Order::Big, Order::Little] {
            let mut bytes = pcap_header(order, magic, (2, 4), 0xf400_0071);
            bytes.extend(pcap_record(order, [7000, fraction, 3, 1500], b"abc"));
            bytes.extend(pcap_record(order, [7000, fraction, 0, 0], b""));
            let read = read(vec![stream(bytes)]);
            assert_eq!(read.frames[0], frame(1, 7_000_000_500_000, 113, 1500, b"abc"));
            assert_eq!(read.frames[1], frame(2, 7_000_000_500_000, 113, 0, b""));
            assert_eq!((read.problems.len(), read.stats.frames_snapped), (0, 1));
        }
    }
}

#[test]
fn pcap_with_kuznetzov_record_headers() {
    for order in [Order::Big, Order::Little] {
        let mut bytes = pcap_header(order, 0xa1b2_cd34, (2, 4), 1);
        for data in [b"one", b"two"] {
            bytes.extend(pcap_record(order, [1, 2, 3, 3], &[0, 0, 0, 3, 8, 0, 4, 0]));
            bytes.extend(data);
        }
        let read = read(vec![stream(bytes)]);
        assert_eq!(read.data(), [b"one", b"two"]);
        assert_eq!((read.frames[1].nanos, read.problems.len()), (1_000_002_000, 0));
    }
}

#[test]
fn pcap_before_2_4_with_its_lengths_swapped() {
    for (version, lengths) in [((2, 2), [9, 3]), ((2, 3), [9, 3]), ((2, 3), [3, 9]), ((543, 0), [9, 3])] {
        let mut bytes = pcap_header(Order::Big, 0xa1b2_c3d4, version, 1);
        bytes.extend(pcap_record(Order::Big, [1, 2, lengths[0], lengths[1]], b"abc"));
        let read = read(vec![stream(bytes)]);
        assert_eq!(read.frames, [frame(1, 1_000_002_000, 1, 9, b"abc")], "{version:?}");
    }
    let read = read(vec![stream(pcap_header(Order::Big, 0xa1b2_c3d4, (3, 0), 1))]);
    assert_eq!(read.problems[0].kind, ProblemKind::Malformed);
    assert_eq!(read.problems[0].message, "pcap version 3.0 is not known");
}

#[test]
fn pcapng_with_sections_interfaces_and_all_packet_blocks() {
    let read = read(vec![stream(mixed_pcapng())]);
    assert_eq!(read.problems, []);
    assert_eq!(
        read.frames,
        [
            frame(1, 5_000_000_001, 1, 60, b"ether"),
            frame(2, 16_000_000_000, 101, 3, b"raw"),
            frame(3, 16_000_000_000, 1, 4, b"none"),
            frame(4, 20_500_000_000, 113, 6, b"cooked"),
            frame(5, 20_500_000_000, 113, 60, b"cut"),
        ]
    );
}

#[test]
fn lengths_that_contradict_each_other_do_not_reach_the_frame() {
    let order = Order::Little;
    let mut pcap = pcap_header(order, 0xa1b2_c3d4, (2, 4), 1);
    pcap.extend(pcap_record(order, [1, 0, 3, 2], b"abc"));
    let mut pcapng = section_of_version(order, 2);
    pcapng.extend(interface(order, 1, 0, &[]));
    pcapng.extend(enhanced(order, 0, 1_000_000, 2, b"abc"));
    pcapng.extend(simple(order, 60, b"abcd"));
    assert_eq!(read(vec![stream(pcap)]).frames, [frame(1, 1_000_000_000, 1, 3, b"abc")]);
    let read = read(vec![stream(pcapng)]);
    assert_eq!(read.frames, [frame(1, 1_000_000_000, 1, 3, b"abc"), frame(2, 1_000_000_000, 1, 60, b"abcd")]);
    assert_eq!(read.problems, []);
}

#[test]
fn pcapng_passes_over_blocks_whose_content_is_unusable() {
    let order = Order::Little;
    let mut bytes = section(order);
    bytes.extend(simple(order, 4, b"lost"));
    bytes.extend(block(order, 1, b"shrt"));
    bytes.extend(interface(order, 1, 0, &[(9, &[3])]));
    bytes.extend(enhanced(order, 0, 1, 1, b"a"));
    bytes.extend(enhanced(order, 1, 1, 1, b"b"));
    bytes.extend(enhanced(order, 2, 1, 1, b"c"));
    let mut lying = enhanced(order, 1, 1, 1, b"d");
    lying[20..24].copy_from_slice(&order.u32(5));
    bytes.extend(lying);
    bytes.extend(enhanced(order, 1, 2, 1, &vec![b'e'; 600_000]));
    bytes.extend(block(order, 6, b"short"));
    bytes.extend(block(order, 10, &vec![b'k'; 700_000]));
    bytes.extend(enhanced(order, 1, 3, 1, b"f"));
    let read = read(vec![stream(bytes)]);
    assert_eq!(read.data(), [b"b", b"f"]);
    assert_eq!(read.frames[1].nanos, 3_000_000);
    assert_eq!(read.stats.records_unusable, 7);
    assert_eq!((read.problems.len(), read.problems[0].more), (1, 6));
    assert_eq!(read.problems[0].message, "a packet of interface 0, which is not described");
    assert_eq!(read.problems[0].offset, Some(28));
}

#[test]
fn pcapng_stops_where_its_framing_breaks() {
    let order = Order::Big;
    let mut start = section(order);
    start.extend(interface(order, 1, 0, &[]));
    start.extend(enhanced(order, 0, 1, 1, b"a"));
    let good = enhanced(order, 0, 2, 1, b"b");
    let mut other_trailer = good.clone();
    *other_trailer.last_mut().unwrap() ^= 4;
    let mut odd = good.clone();
    odd[7] += 1;
    let mut huge = good.clone();
    huge[4] = 1;
    let mut tiny = good.clone();
    tiny[4..8].copy_from_slice(&order.u32(8));
    let mut no_order = section(order);
    no_order[8] = 0;
    let mut version_2 = section(order);
    version_2[13] = 2;
    for (broken, message) in [
        (other_trailer, "a block's lengths differ: 36 and 32"),
        (odd, "a block of type 0x6 claims a length of 37"),
        (huge, "a block of type 0x6 claims a length of 16777252"),
        (tiny, "a block of type 0x6 claims a length of 8"),
        (no_order, "a section header without byte order magic"),
        (version_2, "pcapng version 2.0 is not known"),
    ] {
        let read = read(vec![stream([start.as_slice(), &broken, &good].concat())]);
        assert_eq!(read.data(), [b"a"], "{message}");
        assert_eq!((read.problems.len(), read.problems[0].kind), (1, ProblemKind::Malformed));
        assert_eq!(read.problems[0].message, message);
        assert_eq!((read.problems[0].frames_before, read.problems[0].offset), (1, Some(start.len() as u64)));
    }
}

#[test]
fn pcapng_interfaces_are_capped() {
    let order = Order::Little;
    let mut bytes = section(order);
    for _ in 0..weir_capture::MAX_INTERFACES + 2 {
        bytes.extend(interface(order, 1, 0, &[]));
    }
    bytes.extend(enhanced(order, 65_535, 0, 1, b"a"));
    bytes.extend(enhanced(order, 65_536, 0, 1, b"b"));
    let read = read(vec![stream(bytes)]);
    assert_eq!(read.data(), [b"a"]);
    assert_eq!(read.problems[0].message, "more than 65536 interfaces in a section");
    assert_eq!(read.problems[0].more, 2);
}

#[test]
fn compressed_in_one_or_several_pieces() {
    for plain in [pcap_at(&[1, 2, 3], b'a'), mixed_pcapng()] {
        let expected = read(vec![stream(plain.clone())]).frames;
        assert!(!expected.is_empty());
        let (head, tail) = plain.split_at(plain.len() / 2);
        let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc", &zstd(&plain)].concat();
        for bytes in [
            gzip(&plain),
            [gzip(head), gzip(b""), gzip(tail)].concat(),
            zstd(&plain),
            [zstd(head), zstd(b""), zstd(tail)].concat(),
            skippable,
        ] {
            let read = read(vec![stream(bytes)]);
            assert_eq!((read.frames, read.problems), (expected.clone(), vec![]));
        }
    }
}

#[test]
fn compressed_twice_is_refused() {
    let read = read(vec![stream(gzip(&zstd(&pcap_at(&[1], b'a'))))]);
    assert_eq!(read.problems[0].kind, ProblemKind::NotACapture);
    assert_eq!(read.problems[0].message, "compressed twice");
}

#[test]
fn a_zstd_window_that_is_too_large_is_refused() {
    let plain = pcap_at(&[1], b'a');
    // Magic, a frame header with nothing but a window of 2^(10+21) bytes, and one raw last block.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    bytes.extend(&((plain.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    bytes.extend(&plain);
    let refused = read(vec![stream(bytes.clone())]);
    assert_eq!((refused.frames.len(), refused.problems[0].kind), (0, ProblemKind::Malformed));
    bytes[5] = 17 << 3;
    assert_eq!(read(vec![stream(bytes)]).data(), [b"a"]);
}

#[test]
fn a_truncated_file_gives_what_is_whole_and_says_where_it_ends() {
    let plain = pcap_at(&[1, 2, 3], b'a');
    for (cut, frames, message) in [
        (1, 2, "the input ends inside a record"),
        (10, 2, "the input ends inside a record header"),
        (plain.len() - 12, 0, "the input ends inside the pcap header"),
    ] {
        let read = read(vec![stream(&plain[..plain.len() - cut])]);
        assert_eq!(read.frames.len(), frames);
        assert_eq!(
            (read.problems[0].kind, read.problems[0].message.as_str()),
            (ProblemKind::Truncated, message)
        );
        assert_eq!(read.problems[0].frames_before, frames as u64);
    }
    for packed in [gzip(&plain), zstd(&plain)] {
        let read = read(vec![stream(&packed[..packed.len() - 2])]);
        assert_eq!(read.problems[0].kind, ProblemKind::Truncated);
        assert_eq!(read.problems[0].message, "the compressed stream ends too early");
    }
    let pcapng = mixed_pcapng();
    let read = read(vec![stream(&pcapng[..pcapng.len() - 5])]);
    assert_eq!((read.frames.len(), read.problems[0].kind), (4, ProblemKind::Truncated));
}

#[test]
fn corrupt_compression_is_malformed_and_keeps_what_came_before() {
    let times: Vec<u32> = (0..200).collect();
    let plain = pcap_at(&times, 0);
    let mut packed = [gzip(&plain), gzip(b"more")].concat();
    let first_member = gzip(&plain).len();
    packed[first_member - 6] ^= 0xff;
    let read = read(vec![stream(packed)]);
    assert_eq!(read.frames.len(), 200);
    assert_eq!(read.problems[0].kind, ProblemKind::Malformed);
}

#[test]
fn a_record_that_claims_too_much_ends_a_pcap_file() {
    let mut bytes = pcap_at(&[1], b'a');
    bytes.extend(pcap_record(Order::Little, [0, 2, 262_145, 262_145], &vec![0; 300_000]));
    let too_large = read(vec![stream(bytes)]);
    assert_eq!(too_large.data(), [b"a"]);
    assert_eq!(too_large.problems[0].message, "a record claims 262145 captured bytes");
    assert_eq!(too_large.problems[0].offset, Some(24 + 17));

    let mut bytes = pcap_at(&[1], b'a');
    bytes.extend(pcap_record(Order::Little, [0, 2, 262_144, 262_144], &vec![7; 262_144]));
    let largest = read(vec![stream(bytes)]);
    assert_eq!((largest.frames[1].data.len(), largest.problems.len()), (262_144, 0));
}

#[test]
fn many_frames_come_in_bounded_batches() {
    let times: Vec<u32> = (0..3 * MAX_BATCH_FRAMES as u32 + 5).collect();
    let bytes = {
        let mut bytes = pcap_header(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
        for time in &times {
            bytes.extend(pcap_record(Order::Little, [0, *time, 4, 4], &time.to_le_bytes()));
        }
        bytes
    };
    let read = read(vec![stream(bytes)]);
    for (index, frame) in read.frames.iter().enumerate() {
        assert_eq!(
            (frame.number, frame.data.as_slice()),
            (index as u64 + 1, &(index as u32).to_le_bytes()[..])
        );
    }
    assert_eq!(read.frames.len(), times.len());
}

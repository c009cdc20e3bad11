//! The filter at work.

use weir_capture::{FrameBatch, MAX_FRAMES_PER_CALL, OpenError, ProblemKind, ReadOptions, Reader};

use crate::build::*;

/// IPv4 with this protocol, nothing in it.
fn ipv4(protocol: u8) -> Vec<u8> {
    vec![0x45, 0, 0, 20, 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]
}

#[test]
fn frames_left_out_keep_their_number_and_are_counted() {
    let order = Order::Little;
    let mut bytes = section(order);
    bytes.extend(interface(order, 101, 0, &[]));
    bytes.extend(interface(order, 1, 0, &[]));
    bytes.extend(enhanced(order, 0, 1, 20, &ipv4(17)));
    bytes.extend(enhanced(order, 0, 2, 20, &ipv4(6)));
    let ethernet = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], ipv4(17).as_slice()].concat();
    bytes.extend(enhanced(order, 1, 3, 34, &ethernet));
    let outcome = read_with(vec![stream(bytes)], Some("udp"));
    assert_eq!(outcome.frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 3]);
    let stats = outcome.stats;
    assert_eq!((stats.frames_read, stats.frames_filtered, stats.frames_delivered), (3, 1, 2));
    assert_eq!((stats.bytes_read, stats.bytes_delivered), (74, 54));
    assert_eq!((stats.frames_unfilterable, outcome.problems.len()), (0, 0));
}

#[test]
fn link_types_that_the_filter_cannot_be_used_for_are_left_out_and_named_once() {
    let order = Order::Little;
    let mut bytes = section(order);
    bytes.extend(interface(order, 1, 0, &[]));
    bytes.extend(interface(order, 105, 0, &[]));
    for ticks in 0..3 {
        bytes.extend(enhanced(order, 0, ticks, 20, &ipv4(17)));
    }
    bytes.extend(enhanced(order, 1, 4, 24, &[[0x80].as_slice(), &[0; 23]].concat()));
    let outcome = read_with(vec![stream(bytes)], Some("type mgt subtype beacon"));
    assert_eq!(outcome.frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [4]);
    assert_eq!((outcome.stats.frames_filtered, outcome.stats.frames_unfilterable), (3, 3));
    assert_eq!((outcome.problems.len(), outcome.problems[0].kind), (1, ProblemKind::Unfilterable));
    assert!(outcome.problems[0].message.starts_with("the filter cannot be used for link type 1: 802.11"));
}

#[test]
fn a_filter_that_libpcap_does_not_understand_is_an_error() {
    let options = ReadOptions { filter: Some("tcp porrt 80".to_owned()) };
    let Err(OpenError::Filter { message, .. }) = Reader::open(Vec::new(), &options) else { panic!() };
    assert!(message.contains("syntax error"), "{message}");
}

#[test]
fn a_filter_that_wants_nothing_lets_the_caller_breathe() {
    let times = vec![1; 200];
    let one = pcap_at(&times, 0);
    let mut bytes = one.clone();
    while bytes.len() < 17 * (MAX_FRAMES_PER_CALL + 10) {
        bytes.extend(&one[24..]);
    }
    let options = ReadOptions { filter: Some("tcp".to_owned()) };
    let mut reader = Reader::open(vec![stream(bytes)], &options).unwrap();
    let mut batch = FrameBatch::new();
    assert!(reader.next_batch(&mut batch));
    assert_eq!((batch.len(), reader.stats().frames_read), (0, MAX_FRAMES_PER_CALL as u64));
    assert!(!reader.next_batch(&mut batch));
}

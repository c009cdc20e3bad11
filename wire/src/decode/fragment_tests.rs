//! Fragments: in any order, overlapping, missing, hostile, in tunnels.

use super::tests::{Seen, decode_all, frame};
use super::*;
use proptest::prelude::*;
use weir_model::Protocol;
use weir_model::flow::TunnelKind;
use weir_model::frame::LinkType;

/// A UDP datagram's IP payload: ports 1000 and 2000, `len` bytes that count up.
fn datagram(len: usize) -> Vec<u8> {
    let mut bytes = vec![3, 232, 7, 208, 0, 0, 0, 0];
    bytes[4..6].copy_from_slice(&((len + 8) as u16).to_be_bytes());
    bytes.extend(content(len));
    bytes
}

fn content(len: usize) -> impl Iterator<Item = u8> {
    (0..len).map(|at| (at % 251) as u8)
}

fn fragment4(protocol: u8, id: u16, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet[2..4].copy_from_slice(&((part.len() + 20) as u16).to_be_bytes());
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet[6..8].copy_from_slice(&((offset / 8) as u16 | if more { 0x2000 } else { 0 }).to_be_bytes());
    packet.extend_from_slice(part);
    packet
}

fn fragment6(id: u32, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, 44, 64];
    packet[4..6].copy_from_slice(&((part.len() + 8) as u16).to_be_bytes());
    packet.extend([0xfd; 16]);
    packet.extend([0xfe; 16]);
    packet.extend([17, 0]);
    packet.extend((offset as u16 | u16::from(more)).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend_from_slice(part);
    packet
}

/// Cuts a payload into fragments of `size` bytes.
fn fragments4(id: u16, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let last = payload.len().div_ceil(size) - 1;
    let parts = payload.chunks(size).enumerate();
    parts.map(|(index, part)| fragment4(17, id, index * size, index < last, part)).collect()
}

fn decode_raw(frames: &[Vec<u8>]) -> (Vec<Seen>, DecodeStats) {
    decode_all(LinkType::RAW, frames.iter().map(Vec::as_slice))
}

#[test]
fn fragments_in_any_order_make_the_datagram() {
    let mut frames = fragments4(7, &datagram(3000), 1480);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let ordered: Vec<_> = order.iter().map(|index| frames[*index].clone()).collect();
        let (seen, stats) = decode_raw(&ordered);
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].frames, seen[0].number, seen[0].source.port), (3, 3, 1000));
        assert_eq!((seen[0].ip_bytes, seen[0].payload_len), (3 * 20 + 3008, 3000));
        assert!(seen[0].payload.iter().copied().eq(content(3000)));
        assert_eq!((stats.fragments.received, stats.fragments.reassembled), (3, 1));
    }
    frames.insert(1, frames[0].clone());
    let (seen, stats) = decode_raw(&frames);
    assert_eq!((seen.len(), seen[0].frames, stats.fragments.duplicates), (1, 4, 1));
}

#[test]
fn ipv6_fragments_make_the_datagram() {
    let payload = datagram(2000);
    let frames = [fragment6(9, 1440, false, &payload[1440..]), fragment6(9, 0, true, &payload[..1440])];
    let (seen, _) = decode_raw(&frames);
    assert_eq!((seen.len(), seen[0].protocol, seen[0].payload_len), (1, Protocol::UDP, 2000));
    assert_eq!(seen[0].ip_bytes, 2 * 48 + 2008);
    // A datagram of one fragment is whole.
    let (seen, stats) = decode_raw(&[fragment6(9, 0, false, &datagram(10))]);
    assert_eq!((seen[0].payload_len, stats.fragments.received), (10, 0));
}

#[test]
fn datagrams_of_other_identification_or_protocol_do_not_mix() {
    let payload = datagram(16);
    let frames = [
        fragment4(17, 1, 0, true, &payload[..16]),
        fragment4(17, 2, 16, false, &payload[16..]),
        fragment4(99, 1, 16, false, &payload[16..]),
    ];
    let (seen, stats) = decode_raw(&frames);
    assert_eq!((seen.len(), stats.fragments.reassembled), (3, 0));
    assert_eq!(stats.fragments.given_up[GivenUp::EndOfInput as usize], 3);
}

#[test]
fn what_came_first_counts_where_fragments_overlap() {
    let payload = datagram(40);
    let other = vec![0xff; 24];
    let frames = [
        fragment4(17, 1, 0, true, &payload[..16]),
        fragment4(17, 1, 32, false, &payload[32..]),
        fragment4(17, 1, 8, true, &other),
    ];
    let (seen, stats) = decode_raw(&frames);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].payload[..8], payload[8..16]);
    assert_eq!(seen[0].payload[8..24], other[..16]);
    assert_eq!(seen[0].payload[24..], payload[32..]);
    assert_eq!((stats.fragments.inconsistent, stats.fragments.overlapping), (1, 0));

    let frames = [fragment4(17, 1, 0, true, &payload[..32]), fragment4(17, 1, 24, false, &payload[24..])];
    let (seen, stats) = decode_raw(&frames);
    assert!(seen[0].payload.iter().copied().eq(content(40)));
    assert_eq!((stats.fragments.inconsistent, stats.fragments.overlapping), (0, 1));
}

#[test]
fn a_second_end_is_not_believed() {
    let payload = datagram(40);
    let frames = [
        fragment4(17, 1, 32, false, &payload[32..]),
        fragment4(17, 1, 16, false, &payload[16..24]),
        fragment4(17, 1, 48, true, &payload[..16]),
        fragment4(17, 1, 0, true, &payload[..32]),
    ];
    let (seen, stats) = decode_raw(&frames);
    assert_eq!((seen.len(), seen[0].frames, seen[0].payload_len), (1, 4, 40));
    assert_eq!(stats.fragments.inconsistent, 2);
}

#[test]
fn incomplete_datagrams_are_handed_on_once() {
    let frames = fragments4(7, &datagram(3000), 1480);
    let (seen, stats) = decode_raw(&[frames[0].clone(), frames[2].clone()]);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].frames, seen[0].number, seen[0].source.port), (2, 2, 1000));
    assert_eq!((seen[0].payload.len(), seen[0].payload_len), (1472, 1472 + 48));
    assert_eq!(stats.fragments.given_up[GivenUp::EndOfInput as usize], 1);

    let (seen, _) = decode_raw(&frames[1..]);
    assert_eq!((seen.len(), seen[0].frames, seen[0].source.port), (1, 2, 0));
    assert_eq!((seen[0].protocol, seen[0].transport), (Protocol::UDP, crate::Transport::Other));
    assert_eq!((seen[0].payload.len(), seen[0].payload_len), (0, 1528));
}

#[test]
fn datagrams_expire_by_packet_time() {
    let mut decoder = Decoder::default();
    let mut numbers = Vec::new();
    let frames = fragments4(7, &datagram(3000), 1480);
    for (number, seconds, data) in [(1, 100, &frames[0]), (2, 129, &frames[1]), (3, 130, &frames[2])] {
        let frame = Frame { time: Timestamp::new(seconds, 0), ..frame(number, LinkType::RAW, data) };
        decoder.decode(&frame, &mut |packet| numbers.push((packet.number, packet.frames)));
    }
    assert_eq!(numbers, [(2, 2)]);
    let stats = decoder.stats();
    assert_eq!((stats.fragments.held_frames, stats.balance()), (1, 0));
    assert_eq!(stats.fragments.given_up[GivenUp::Expired as usize], 1);
}

#[test]
fn caps_push_out_the_oldest() {
    let config = DecodeConfig { fragment_datagrams_max: 2, ..DecodeConfig::default() };
    assert_eq!(pushed_out(config, 2), [1, 2, 3]);
    let config = DecodeConfig { fragment_bytes_max: 3000, ..DecodeConfig::default() };
    assert_eq!(pushed_out(config, 2), [1, 2, 3]);
}

fn pushed_out(config: DecodeConfig, held: u64) -> Vec<u64> {
    let mut decoder = Decoder::new(config);
    let mut numbers = Vec::new();
    for number in 1..=5 {
        let data = fragment4(17, number as u16, 0, true, &datagram(600));
        decoder.decode(&frame(number, LinkType::RAW, &data), &mut |packet| {
            numbers.push(packet.number);
        });
        assert_eq!(decoder.stats().balance(), 0);
    }
    assert_eq!(decoder.stats().fragments.held_datagrams, held);
    assert_eq!(decoder.stats().fragments.given_up[GivenUp::Evicted as usize], 5 - held);
    numbers
}

#[test]
fn attacks_by_fragment_are_refused_and_still_counted() {
    let frames = [
        fragment4(17, 1, 65_528, false, &[0; 100]),
        fragment4(6, 2, 0, true, &[0; 8]),
        fragment4(6, 3, 8, false, &[0; 32]),
        fragment4(17, 4, 0, true, &[]),
    ];
    let (seen, stats) = decode_raw(&frames);
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|packet| packet.frames == 1 && packet.transport == crate::Transport::Other));
    assert_eq!(stats.fragments.given_up[GivenUp::TooLong as usize], 1);
    assert_eq!(stats.fragments.given_up[GivenUp::Tiny as usize], 3);
}

#[test]
fn a_datagram_in_too_many_pieces_is_given_up() {
    let frames: Vec<_> = (0..2200).map(|index| fragment4(17, 1, index * 16, true, &[0; 8])).collect();
    let (seen, stats) = decode_raw(&frames);
    assert_eq!(stats.fragments.given_up[GivenUp::TooMany as usize], 1);
    assert_eq!(seen.iter().map(|packet| packet.frames).sum::<u32>(), 2200);
}

#[test]
fn a_fragmented_tunnel_is_looked_through_and_a_tunnelled_fragment_is_put_together() {
    let inner = fragments4(5, &datagram(1000), 800);
    // Each inner fragment in VXLAN, whose outer datagram is fragmented again.
    let frames: Vec<_> = (1..)
        .zip(&inner)
        .flat_map(|(id, fragment)| {
            let ethernet = [&[0; 12][..], &[8, 0], fragment].concat();
            let vxlan = [&[8, 0, 0, 0, 0, 0, 9, 0][..], &ethernet].concat();
            let len = (vxlan.len() + 8) as u16;
            let udp = [&[1, 1, 0x12, 0xb5][..], &len.to_be_bytes(), &[0, 0], &vxlan].concat();
            fragments4(100 + id, &udp, 64)
        })
        .collect();
    let (seen, stats) = decode_raw(&frames);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].payload_len, seen[0].frames), (1000, frames.len() as u32));
    assert_eq!(seen[0].tunnels, [(TunnelKind::Vxlan, Some(9))]);
    assert_eq!(stats.fragments.reassembled, 3);
}

#[test]
fn the_snap_length_cuts_fragments_too() {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for (number, data) in (1..).zip(fragments4(7, &datagram(3000), 1480)) {
        let data = &data[..data.len().min(100)];
        let frame = Frame { original_len: 1514, ..frame(number, LinkType::RAW, data) };
        decoder.decode(&frame, &mut |packet| seen.push(Seen::from(packet)));
    }
    assert_eq!((seen.len(), seen[0].payload_len, seen[0].payload.len()), (1, 3000, 72));
}

proptest! {
    /// Any cutting in any order, with repetitions, gives the datagram back.
    #[test]
    fn reassembly_restores_the_payload(
        len in 50_usize..3000,
        units in 1_usize..40,
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let payload = datagram(len);
        let parts = fragments4(3, &payload, units * 8);
        prop_assume!(parts.len() > 1);
        let mut frames: Vec<_> = order.iter().map(|index| parts[index.index(parts.len() - 1)].clone()).collect();
        frames.extend(parts.iter().cloned());
        let (seen, stats) = decode_raw(&frames);
        prop_assert_eq!(seen.len(), 1);
        prop_assert!(seen[0].payload.iter().copied().eq(content(len)));
        prop_assert_eq!(seen[0].frames as usize, frames.len());
        prop_assert_eq!(stats.fragments.duplicates as usize, order.len());
    }

    /// Fragments of anything: nothing is lost, memory stays within its bound.
    #[test]
    fn arbitrary_fragments_balance(
        parts in proptest::collection::vec((0_u16..4, 0_usize..8192, any::<bool>(), 0_usize..200, any::<u8>()), 0..80),
    ) {
        let config = DecodeConfig { fragment_bytes_max: 4000, fragment_datagrams_max: 3, ..DecodeConfig::default() };
        let mut decoder = Decoder::new(config);
        let mut frames = 0;
        for (number, (id, unit, more, len, fill)) in (1..).zip(&parts) {
            let data = fragment4(17, *id, unit % 12 * 8, *more, &vec![*fill; *len]);
            decoder.decode(&frame(number, LinkType::RAW, &data), &mut |packet| frames += packet.frames as usize);
            prop_assert_eq!(decoder.stats().balance(), 0);
            prop_assert!(decoder.stats().fragments.held_bytes <= 4000);
        }
        decoder.finish(&mut |packet| frames += packet.frames as usize);
        prop_assert_eq!(frames, parts.len());
        prop_assert_eq!(decoder.stats().fragments.held_bytes, 0);
    }
}

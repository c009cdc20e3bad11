//! The program agrees with what the decoder finds.

#[path = "../../../tests/live_net/frames.rs"]
mod frames;

use super::machine::{Seen, arriving, is_accepted, leaving, run};
use super::*;
use frames::{Ends, carried, ethernet, plain, with};
use proptest::prelude::*;
use weir_model::{Endpoint, Frame, Timestamp, dealing};
use weir_wire::{Peeked, peek};

const SOME: Ends = Ends { number: 7, reply: false };

fn packet(name: &str) -> Vec<u8> {
    plain(SOME).into_iter().find(|(kind, _)| *kind == name).unwrap().1
}

/// What a dealer of our own gives for the frame.
fn expected(frame: &[u8]) -> u32 {
    let frame = Frame {
        number: 1,
        time: Timestamp::EPOCH,
        link: LinkType::ETHERNET,
        original_len: frame.len() as u32,
        data: frame,
    };
    match peek(&frame) {
        Peeked::Packet { protocol, source, destination, .. } => dealing::hash(protocol, source, destination),
        Peeked::Fragment { protocol, source, destination } => {
            dealing::hash(protocol, Endpoint::new(source, 0), Endpoint::new(destination, 0))
        }
        Peeked::Other => 0,
    }
}

fn assert_agrees(name: &str, frame: &[u8]) {
    let program = dealing(LinkType::ETHERNET);
    assert_ne!(expected(frame), 0, "{name}: the decoder finds a packet");
    assert_eq!(run(&program, &arriving(frame)).0, expected(frame), "{name}, arriving");
    assert_eq!(run(&program, &leaving(frame)).0, expected(frame), "{name}, leaving");
}

#[test]
fn fits_and_takes_few_steps() {
    let program = dealing(LinkType::ETHERNET);
    assert!(is_accepted(&program), "{} instructions", program.len());
    println!("{} instructions", program.len());
    let frame = ethernet(0x0800, &packet("TCP"));
    let (_, steps) = run(&program, &arriving(&frame));
    assert!(steps < 80, "{steps} steps for TCP over IPv4");
}

#[test]
fn agrees_with_the_decoder_on_every_packet_in_every_carrier() {
    for (name, packet) in plain(SOME) {
        for (carrier, frame) in carried(SOME, &packet) {
            assert_agrees(&format!("{name} in {carrier}"), &frame);
        }
    }
}

#[test]
fn agrees_on_tunnels_in_tunnels() {
    let packet = packet("IPv6 TCP");
    for (outer_name, outer) in carried(SOME, &packet).into_iter().filter(|(_, frame)| frame[12..14] == [8, 0])
    {
        for (name, frame) in carried(SOME, &outer[14..]) {
            assert_agrees(&format!("{outer_name} in {name}"), &frame);
        }
    }
}

#[test]
fn a_first_and_a_later_fragment_of_a_tunnel_meet() {
    let vxlan = carried(SOME, &packet("TCP")).into_iter().find(|(name, _)| *name == "VXLAN").unwrap().1;
    let part = |fragment: u16, from: usize, to: usize| {
        let mut packet = with(&vxlan[14..34], &vxlan[34 + from..34 + to]);
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet
    };
    let first = ethernet(0x0800, &part(0x2000, 0, 48));
    let later = ethernet(0x8100, &with(&[0, 5, 8, 0], &part(6, 48, 60)));
    let program = dealing(LinkType::ETHERNET);
    assert_eq!(run(&program, &arriving(&first)).0, run(&program, &arriving(&later)).0);
    assert_ne!(run(&program, &arriving(&first)).0, run(&program, &arriving(&vxlan)).0);
}

#[test]
fn what_is_not_ip_goes_to_the_first_worker() {
    let program = dealing(LinkType::ETHERNET);
    for frame in [ethernet(0x0806, &[0; 28]), ethernet(0x88cc, &[0; 60]), ethernet(0x8847, &[0, 0, 1, 64])] {
        assert_eq!(run(&program, &arriving(&frame)).0, 0);
        assert_eq!(run(&program, &leaving(&frame)).0, 0);
    }
}

#[test]
fn interfaces_without_ethernet_begin_with_ip() {
    let packet = packet("TCP");
    let seen = Seen { data: &packet, packet_type: OUTGOING, protocol: 0x0800 };
    assert_eq!(run(&dealing(LinkType::RAW), &seen).0, expected(&ethernet(0x0800, &packet)));
}

proptest! {
    /// Whatever arrives: the program ends, and an access that is not possible does not happen (it would give 0, the
    /// first worker).
    #[test]
    fn survives_frames_that_are_cut_or_damaged(
        which in 0..26_usize,
        carrier in 0..29_usize,
        cut in 0..200_usize,
        damage in proptest::collection::vec((14..120_usize, any::<u8>()), 0..4),
    ) {
        let packets = plain(SOME);
        let mut frame = carried(SOME, &packets[which].1).swap_remove(carrier).1;
        frame.truncate(frame.len().saturating_sub(cut).max(24));
        for (at, value) in damage {
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        let program = dealing(LinkType::ETHERNET);
        let arrived = run(&program, &arriving(&frame)).0;
        prop_assert_eq!(arrived, run(&program, &leaving(&frame)).0);
        // An outermost IPv4 packet that can be read is never dealt as nothing.
        if frame[12..14] == [8, 0] && frame.len() >= 34 && frame[14] >> 4 == 4 && frame[14] & 15 >= 5 {
            prop_assert_ne!(arrived, 0);
        }
    }
}

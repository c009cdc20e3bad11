//! Anything at all, and real frames with faults: no panic, and no frame lost.

use crate::captures;
use proptest::prelude::*;
use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};
use weir_wire::{DecodeConfig, Decoder};

pub(crate) const LINKS: &[LinkType] = &[
    LinkType::NULL,
    LinkType::ETHERNET,
    LinkType::PPP,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::ATM_RFC1483,
    LinkType::RAW,
    LinkType::CISCO_HDLC,
    LinkType::IEEE802_11,
    LinkType::FRAME_RELAY,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IEEE802_11_PRISM,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::PPI,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::LINUX_SLL2,
];

/// Bytes that lead a decoder on: lengths, EtherTypes, ports and protocols of tunnels.
pub(crate) fn leading_bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(vec![
        vec![0x08, 0x00],
        vec![0x86, 0xdd],
        vec![0x81, 0x00],
        vec![0x88, 0x47],
        vec![0x88, 0x64, 0x11, 0, 0, 1, 0, 90, 0, 0x21],
        vec![0x00, 0x01, 0x01, 0x40],
        vec![0x45, 0, 0, 0, 0, 0, 0x20, 0, 64, 17, 0, 0],
        vec![0x45, 0, 0, 90, 0, 0, 0, 0, 64, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
        vec![0x45, 0, 0, 90, 0, 0, 0, 0, 64, 47, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0x65, 0x58],
        vec![
            0x45, 0, 0, 90, 0, 0, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 9, 9, 0x12, 0xb5, 0, 0, 0, 0,
            8, 0,
        ],
        vec![0x45, 0, 0, 90, 0, 0, 0, 0, 64, 1, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 0, 0, 0, 0, 0, 0, 0],
        vec![0x60, 0, 0, 0, 0, 40, 44, 64],
        vec![0xaa, 0xaa, 0x03, 0, 0, 0, 8, 0],
        vec![0; 12],
    ]);
    let piece = prop_oneof![telling, prop::collection::vec(any::<u8>(), 0..24)];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn anything_balances(
        frames in prop::collection::vec((prop::sample::select(LINKS), leading_bytes(), 0_u32..200, 0_u64..90), 1..8),
    ) {
        let mut decoder = Decoder::new(DecodeConfig { fragment_bytes_max: 2000, ..DecodeConfig::default() });
        let mut handed_on = 0;
        for (number, (link, data, beyond, seconds)) in (1..).zip(&frames) {
            let frame = Frame {
                number,
                time: Timestamp::new(*seconds, 0),
                link: *link,
                original_len: data.len() as u32 + beyond,
                data,
            };
            decoder.decode(&frame, &mut |packet| {
                handed_on += u64::from(packet.frames);
                assert!(packet.payload.len() <= packet.payload_len as usize);
            });
            prop_assert_eq!(decoder.stats().balance(), 0);
        }
        decoder.finish(&mut |packet| handed_on += u64::from(packet.frames));
        let stats = decoder.stats();
        prop_assert_eq!(stats.frames, handed_on + stats.not_ip_frames() + stats.undecodable_frames());
    }
}

/// Every frame of every capture, cut at a random place and with three random bytes changed.
#[test]
fn real_frames_with_faults_balance() {
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let mut frames = 0;
    for path in captures::every_capture() {
        let mut decoder = Decoder::default();
        let mut handed_on = 0;
        for captured in captures::read(&path) {
            let mut data = captured.data.clone();
            for _ in 0..3 {
                let at = random.below(data.len().min(120));
                if let Some(byte) = data.get_mut(at) {
                    *byte = random.below(256) as u8;
                }
            }
            let cut = random.below(data.len() + 1);
            for data in [&data, &data[..cut]] {
                let frame = Frame { data, ..captured.frame() };
                decoder.decode(&frame, &mut |packet| handed_on += u64::from(packet.frames));
                frames += 1;
            }
        }
        assert_eq!(decoder.stats().balance(), 0, "{}", path.display());
        decoder.finish(&mut |packet| handed_on += u64::from(packet.frames));
        assert_eq!(decoder.stats().packet_frames, handed_on, "{}", path.display());
        assert_eq!(decoder.stats().balance(), 0, "{}", path.display());
    }
    assert!(frames > 1000);
}

/// Marsaglia's generator: the same faults in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

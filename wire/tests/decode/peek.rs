//! Peeking says of a frame what the decoder makes of it.

use crate::captures;
use crate::hostile::{LINKS, leading_bytes};
use proptest::prelude::*;
use weir_model::{Frame, Timestamp};
use weir_wire::{DecodeConfig, Decoder, Gather, Packet, Peeked, peek};

/// What a decoder that knows of no other frame makes of it.
fn decoded(frame: &Frame<'_>) -> Peeked {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut seen = Seen(Peeked::Other);
    decoder.gather(frame, &mut seen);
    decoder.finish(&mut |packet| seen.made(packet));
    seen.0
}

struct Seen(Peeked);

impl<'a> Gather<'a> for Seen {
    fn whole(&mut self, packet: Packet<'a>) {
        let Packet { protocol, source, destination, .. } = packet;
        self.0 = Peeked::Packet { protocol, source, destination, about: packet.about() };
    }

    fn made(&mut self, packet: &Packet<'_>) {
        let (source, destination) = (packet.source.ip, packet.destination.ip);
        self.0 = Peeked::Fragment { protocol: packet.protocol, source, destination };
    }
}

/// A first fragment may, on its own, already be read further than peeking does: behind authentication, or into a tunnel.
fn agree(peeked: Peeked, decoded: Peeked) -> bool {
    peeked == decoded || matches!((peeked, decoded), (Peeked::Fragment { .. }, Peeked::Fragment { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn of_anything(link in prop::sample::select(LINKS), data in leading_bytes(), beyond in 0_u32..200) {
        let original_len = data.len() as u32 + beyond;
        let frame = Frame { number: 1, time: Timestamp::EPOCH, link, original_len, data: &data };
        let (peeked, decoded) = (peek(&frame), decoded(&frame));
        prop_assert!(agree(peeked, decoded), "{peeked:?}, but {decoded:?}");
    }
}

#[test]
fn of_every_capture() {
    let (mut packets, mut fragments, mut others) = (0, 0, 0);
    for path in captures::every_capture() {
        for captured in captures::read(&path) {
            for cut in [captured.data.len(), captured.data.len().min(60), captured.data.len().min(38)] {
                let frame = Frame { data: &captured.data[..cut], ..captured.frame() };
                let (peeked, decoded) = (peek(&frame), decoded(&frame));
                assert!(agree(peeked, decoded), "{}:{} {peeked:?} {decoded:?}", path.display(), frame.number);
                match peeked {
                    Peeked::Packet { .. } => packets += 1,
                    Peeked::Fragment { .. } => fragments += 1,
                    Peeked::Other => others += 1,
                }
            }
        }
    }
    assert!(packets > 1000 && others > 0, "{packets} {fragments} {others}");
}

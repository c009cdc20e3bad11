//! Keys of Initial packets (RFC 9001 section 5, RFC 9369 section 3.3).

use super::{ConnectionId, MAX_INITIAL_LEN, Version};
use ring::aead::{self, AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use std::fmt;

const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const SALT_V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
const SALT_DRAFT29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
];

/// The sample for header protection begins here behind the start of the packet number (RFC 9001 section 5.4.2).
const SAMPLE_OFFSET: usize = 4;

/// The keys of both sides.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) version: Version,
    pub(super) client: PacketKeys,
    pub(super) server: PacketKeys,
}

impl Keys {
    /// From the destination connection identifier of the client's first packet.
    pub(super) fn derive(version: Version, destination: &ConnectionId) -> Option<Self> {
        let salt = match version {
            Version::V1 => SALT_V1,
            Version::V2 => SALT_V2,
            Version::Draft29(_) => SALT_DRAFT29,
        };
        let initial = Salt::new(HKDF_SHA256, &salt).extract(destination);
        let side = |label: &[u8]| {
            let secret: [u8; 32] = expand_label(&initial, label)?;
            PacketKeys::derive(version, &Prk::new_less_safe(HKDF_SHA256, &secret))
        };
        Some(Self { version, client: side(b"client in")?, server: side(b"server in")? })
    }
}

/// The keys of one side.
pub(super) struct PacketKeys {
    packet: LessSafeKey,
    header: quic::HeaderProtectionKey,
    iv: [u8; aead::NONCE_LEN],
}

impl fmt::Debug for PacketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKeys").finish_non_exhaustive()
    }
}

impl PacketKeys {
    fn derive(version: Version, secret: &Prk) -> Option<Self> {
        let [key_label, iv_label, hp_label]: [&[u8]; 3] = match version {
            Version::V2 => [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
            Version::V1 | Version::Draft29(_) => [b"quic key", b"quic iv", b"quic hp"],
        };
        let key: [u8; 16] = expand_label(secret, key_label)?;
        let hp: [u8; 16] = expand_label(secret, hp_label)?;
        Some(Self {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &hp).ok()?,
            iv: expand_label(secret, iv_label)?,
        })
    }

    /// Removes both protections of a long header packet whose packet number begins at `number_offset`.
    /// Gives the packet number and the frames.
    pub(super) fn open(&self, packet: &[u8], number_offset: usize, largest: u64) -> Option<(u64, Vec<u8>)> {
        if packet.len() > number_offset + MAX_INITIAL_LEN {
            return None;
        }
        let sample_start = number_offset.checked_add(SAMPLE_OFFSET)?;
        let sample = packet.get(sample_start..sample_start + self.header.algorithm().sample_len())?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let first_byte = packet.first()? ^ first_mask & 0x0f;
        let number_len = usize::from(first_byte & 3) + 1;

        // The header as it was before protection authenticates the payload (RFC 9001 section 5.3).
        let (header, payload) = packet.split_at_checked(number_offset + number_len)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first_byte;
        let mut truncated = 0_u64;
        for (byte, mask) in header.iter_mut().skip(number_offset).zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = full_number(largest, truncated, number_len);

        let mut frames = payload.to_vec();
        let frames_len =
            self.packet.open_in_place(self.nonce(number), Aad::from(&header), &mut frames).ok()?.len();
        frames.truncate(frames_len);
        Some((number, frames))
    }

    /// The reverse of [`Self::open`]; the packet number has 4 bytes.
    #[cfg(test)]
    pub(super) fn seal(&self, header: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
        let mut sealed = frames.to_vec();
        let nonce = self.nonce(u64::from(number));
        self.packet.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).unwrap();
        let mut packet = [header, &sealed].concat();
        let number_offset = header.len() - 4;
        let mask = self.header.new_mask(&packet[number_offset + SAMPLE_OFFSET..][..16]).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_offset..].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        packet
    }

    /// The packet number, XORed into the end of the IV.
    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, number_byte) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number_byte;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// A packet number from its low bytes: the one nearest to the next expected (RFC 9000 appendix A.3).
fn full_number(largest: u64, truncated: u64, number_len: usize) -> u64 {
    let window = 1_u64 << (8 * number_len);
    let expected = largest + 1;
    let candidate = expected & !(window - 1) | truncated;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand_label<const N: usize>(secret: &Prk, label: &[u8]) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let mut out = [0; N];
    secret.expand(&[&length, &label_len, PREFIX, label, &[0]], Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// A length in bytes of key material.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_numbers_of_the_rfc() {
        assert_eq!(full_number(0xa82f_30ea, 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(full_number(0, 0, 1), 0);
        assert_eq!(full_number(255, 3, 1), 259);
        assert_eq!(full_number(256, 0xff, 1), 255);
    }
}

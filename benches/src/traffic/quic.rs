//! Initial packets of QUIC v1 (RFC 9000, section 17.2.2; RFC 9001, section 5), protected as they are on the wire.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// RFC 9001, section 5.2.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const VERSION_1: [u8; 4] = [0, 0, 0, 1];
/// Bytes of a CRYPTO frame's data: what leaves a datagram of 1200 bytes with its headers and tag.
const CRYPTO_BYTES: usize = 1100;
/// A datagram with an Initial packet is at least this long (RFC 9000, section 14.1).
const SHORTEST_DATAGRAM: usize = 1200;
const TAG_BYTES: usize = 16;
const NUMBER_BYTES: usize = 4;
const SAMPLE_BYTES: usize = 16;

/// Who sends.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Client,
    Server,
}

/// The datagrams that carry a handshake message in Initial packets. `first_destination` is the connection identifier
/// that the client made up: the keys of both sides come from it.
pub(super) fn initials(from: From, first_destination: [u8; 8], handshake: &[u8]) -> Vec<Vec<u8>> {
    let destination: &[u8] = match from {
        From::Client => &first_destination,
        From::Server => &[],
    };
    let chunks = handshake.chunks(CRYPTO_BYTES).enumerate();
    let packets = chunks.map(|(number, chunk)| {
        let frames = crypto_frame((number * CRYPTO_BYTES) as u64, chunk);
        packet(from, &first_destination, destination, number as u32, frames)
    });
    packets.collect::<Option<_>>().unwrap_or_default()
}

fn packet(
    from: From,
    key_of: &[u8],
    destination: &[u8],
    number: u32,
    mut frames: Vec<u8>,
) -> Option<Vec<u8>> {
    let header_bytes = 1 + 4 + 1 + destination.len() + 1 + 1 + 2 + NUMBER_BYTES;
    // PADDING frames are zeros.
    frames.resize(frames.len().max(SHORTEST_DATAGRAM - header_bytes - TAG_BYTES), 0);

    let mut header = Vec::with_capacity(SHORTEST_DATAGRAM);
    header.push(0xc0 | (NUMBER_BYTES as u8 - 1));
    header.extend(VERSION_1);
    header.push(destination.len() as u8);
    header.extend(destination);
    // No source connection identifier, no token.
    header.extend([0, 0]);
    header.extend(varint((NUMBER_BYTES + frames.len() + TAG_BYTES) as u64));
    header.extend(number.to_be_bytes());
    protect(&keys(from, key_of)?, header, number, frames)
}

fn protect(keys: &Keys, header: Vec<u8>, number: u32, mut frames: Vec<u8>) -> Option<Vec<u8>> {
    let mut nonce = keys.iv;
    for (byte, number) in nonce.iter_mut().skip(8).zip(number.to_be_bytes()) {
        *byte ^= number;
    }
    let nonce = Nonce::assume_unique_for_key(nonce);
    keys.packet.seal_in_place_append_tag(nonce, Aad::from(&header), &mut frames).ok()?;
    let number_offset = header.len() - NUMBER_BYTES;
    let mut packet = header;
    packet.extend(frames);
    // The sample begins where a packet number of 4 bytes ends (RFC 9001, section 5.4.2).
    let sample = packet.get(number_offset + NUMBER_BYTES..)?.get(..SAMPLE_BYTES)?;
    let [first_mask, number_mask @ ..] = keys.header.new_mask(sample).ok()?;
    *packet.first_mut()? ^= first_mask & 0x0f;
    for (byte, mask) in packet.iter_mut().skip(number_offset).zip(number_mask) {
        *byte ^= mask;
    }
    Some(packet)
}

fn crypto_frame(offset: u64, data: &[u8]) -> Vec<u8> {
    [&[0x06][..], &varint(offset), &varint(data.len() as u64), data].concat()
}

/// A variable-length integer in two bytes (RFC 9000, section 16); what is written here is below 2^14.
fn varint(number: u64) -> [u8; 2] {
    (0x4000 | number as u16).to_be_bytes()
}

struct Keys {
    packet: LessSafeKey,
    header: quic::HeaderProtectionKey,
    iv: [u8; 12],
}

fn keys(from: From, first_destination: &[u8]) -> Option<Keys> {
    let initial = Salt::new(HKDF_SHA256, &SALT_V1).extract(first_destination);
    let label: &[u8] = match from {
        From::Client => b"client in",
        From::Server => b"server in",
    };
    let secret = Prk::new_less_safe(HKDF_SHA256, &expand::<32>(&initial, label)?);
    Some(Keys {
        packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &expand::<16>(&secret, b"quic key")?).ok()?),
        header: quic::HeaderProtectionKey::new(&quic::AES_128, &expand::<16>(&secret, b"quic hp")?).ok()?,
        iv: expand(&secret, b"quic iv")?,
    })
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label (RFC 8446, section 7.1) without context.
fn expand<const N: usize>(secret: &Prk, label: &[u8]) -> Option<[u8; N]> {
    let info: [&[u8]; 5] = [&(N as u16).to_be_bytes(), &[6 + label.len() as u8], b"tls13 ", label, &[0]];
    let mut bytes = [0; N];
    secret.expand(&info, Bytes(N)).ok()?.fill(&mut bytes).ok()?;
    Some(bytes)
}

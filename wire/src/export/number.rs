//! Values of elements: numbers of any length (RFC 7011 section 6.2, reduced-size encoding), addresses, text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A number in network order; of one longer than 8 bytes, the last 8.
#[inline]
pub(super) fn number(bytes: &[u8]) -> u64 {
    match bytes {
        [a] => u64::from(*a),
        [a, b] => u64::from(u16::from_be_bytes([*a, *b])),
        [a, b, c, d] => u64::from(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => bytes
            .first_chunk::<8>()
            .filter(|_| bytes.len() == 8)
            .map_or_else(|| any(bytes), |all| u64::from_be_bytes(*all)),
    }
}

fn any(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// An IPv4 address, unless another is known already or it is 0.0.0.0 beside one of IPv6.
#[inline]
pub(super) fn address_v4(slot: &mut Option<IpAddr>, bits: u32) {
    set_address(slot, IpAddr::V4(Ipv4Addr::from_bits(bits)));
}

/// The same of an IPv6 address.
#[inline]
pub(super) fn address_v6(slot: &mut Option<IpAddr>, bytes: &[u8]) {
    if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        set_address(slot, IpAddr::V6(Ipv6Addr::from(octets)));
    }
}

#[inline]
fn set_address(slot: &mut Option<IpAddr>, address: IpAddr) {
    if slot.is_none_or(|known| known.is_unspecified() && !address.is_unspecified()) {
        *slot = Some(address);
    }
}

/// Text up to the zero bytes that fill it up; `None` when there is none.
pub(super) fn text(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
    bytes.get(..end)
}

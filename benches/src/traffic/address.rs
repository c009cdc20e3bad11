//! Who talks: addresses made from numbers.

use super::chance::mix;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses in 198.18.0.0/15.
const OUTSIDE_V4_BITS: u32 = 17;

/// The inside host of a number; the lower 16 bits count, below those of [`server_inside`].
pub(super) fn inside(number: u64, is_v6: bool) -> IpAddr {
    let low = number as u16;
    if is_v6 {
        let bits = 0x2001_0db8_0020_0000_u128 << 64 | u128::from(low);
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a01_0000 | u32::from(low)))
    }
}

/// A server inside: 10.0.0.`last`, or the same in IPv6.
pub(super) fn server_inside(last: u8, is_v6: bool) -> IpAddr {
    if is_v6 {
        IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_0020_0001_u128 << 64 | u128::from(last)))
    } else {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }
}

/// The outside host of a number; the lower 17 bits count in IPv4.
pub(super) fn outside(number: u64, is_v6: bool) -> IpAddr {
    if is_v6 {
        let bits = 0x2001_0db8_8000_0000_u128 << 64 | u128::from(mix(number));
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    } else {
        let low = number as u32 & ((1 << OUTSIDE_V4_BITS) - 1);
        IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 | low))
    }
}

//! Addresses as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends an address as its `Display` gives it.
#[inline]
pub(super) fn write(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => v4(address, out),
        IpAddr::V6(address) => v6(address, out),
    }
}

#[inline]
fn v4(address: Ipv4Addr, out: &mut Vec<u8>) {
    let [first, rest @ ..] = address.octets();
    octet(first, out);
    for byte in rest {
        out.push(b'.');
        octet(byte, out);
    }
}

#[inline]
fn octet(byte: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(byte).as_bytes());
}

/// RFC 5952: hexadecimal groups without leading zeros, `::` for the first of the longest runs of at least two zero groups;
/// mapped IPv4 addresses end in dotted decimals.
fn v6(address: Ipv6Addr, out: &mut Vec<u8>) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return v4(mapped, out);
    }
    let groups = address.segments();
    let (start, length) = longest_zeros(&groups);
    let (before, after) = groups.split_at(start);
    joined(before, out);
    if let Some(after) = after.get(length..).filter(|_| length > 0) {
        out.extend_from_slice(b"::");
        joined(after, out);
    }
}

/// Where the first of the longest runs of zero groups begins, and its length; behind all groups where there is none of two.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let (mut start, mut length) = (groups.len(), 0);
    let mut run = 0;
    for (index, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > length.max(1) {
            (start, length) = (index + 1 - run, run);
        }
    }
    (start, length)
}

fn joined(groups: &[u16], out: &mut Vec<u8>) {
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        // As many digits as the group needs, at least one.
        let digits = (19 - (group | 1).leading_zeros()) / 4;
        for digit in (0..digits).rev() {
            let nibble = (group >> (4 * digit) & 0xf) as u8;
            out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        }
    }
}

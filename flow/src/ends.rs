//! Protocol and both ends of a packet, as compact as entries hold them.

use crate::side::Both;
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::community_id::is_one_way;
use weir_model::{Endpoint, Protocol};
use weir_wire::{Packet, Side};

/// Of a packet: A is its source. Of an entry: A is the source of its first packet.
///
/// Two of them belong together when protocol and [`ordered`](weir_model::community_id::ordered) ends are the same.
///
/// Addresses are numbers rather than bytes, because they are hashed and compared for every packet; packed, because the first two
/// lines of an entry have no room to spare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed(2))]
pub(crate) struct Ends {
    /// Little-endian: IPv4 in the lowest 32 bits.
    address_a: u128,
    address_b: u128,
    ports: Both<u16>,
    protocol: u8,
    /// One bit for each side whose address is IPv4.
    v4: u8,
}

const _: () = assert!(size_of::<Ends>() == 38, "nothing between the fields");

/// Secrets that tags are made with, so that nobody can choose ends whose tags are the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed([u64; 3]);

impl Seed {
    pub(crate) fn random() -> Self {
        let random = RandomState::default();
        Self([0_u64, 1, 2].map(|number| random.hash_one(number)))
    }
}

/// The bits of [`Ends::v4`].
const V4: Both<u8> = Both { a: 1, b: 2 };

impl Ends {
    /// Of a packet from `source` to `destination`.
    pub(crate) fn new(protocol: Protocol, source: Endpoint, destination: Endpoint) -> Self {
        let bit = |end: Endpoint, side| if end.ip.is_ipv4() { *V4.of(side) } else { 0 };
        Self {
            address_a: number(source.ip),
            address_b: number(destination.ip),
            ports: Both { a: source.port, b: destination.port },
            protocol: protocol.0,
            v4: bit(source, Side::A) | bit(destination, Side::B),
        }
    }

    /// Of a packet.
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        Self::new(packet.protocol, packet.source, packet.destination)
    }

    /// Which side of this conversation sent a packet with those ends; `None` when it is another conversation.
    pub(crate) fn sender_of(&self, packet: &Self) -> Option<Side> {
        if self == packet {
            Some(Side::A)
        } else if *self == packet.reversed() && !packet.is_one_way() {
            Some(Side::B)
        } else {
            None
        }
    }

    /// A hash that both directions share: each end is hashed by itself, and the sum of both again.
    pub(crate) const fn tag(&self, seed: &Seed) -> u32 {
        let Seed([low, high, last]) = *seed;
        let a = hash_end(self.address_a, self.ports.a, low, high);
        let b = hash_end(self.address_b, self.ports.b, low, high);
        let both = a.wrapping_add(b).wrapping_add(self.protocol as u64);
        (fold(both ^ low, last) >> 32) as u32
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        Protocol(self.protocol)
    }

    pub(crate) const fn port(&self, side: Side) -> u16 {
        *self.ports.of(side)
    }

    /// The endpoint of a side.
    pub(crate) fn end(&self, side: Side) -> Endpoint {
        let bytes = self.address(side).to_le_bytes();
        let [b0, b1, b2, b3, ..] = bytes;
        let ip = if self.v4 & V4.of(side) != 0 {
            IpAddr::V4(Ipv4Addr::new(b0, b1, b2, b3))
        } else {
            IpAddr::V6(Ipv6Addr::from(bytes))
        };
        Endpoint::new(ip, *self.ports.of(side))
    }

    const fn address(&self, side: Side) -> u128 {
        match side {
            Side::A => self.address_a,
            Side::B => self.address_b,
        }
    }

    const fn reversed(&self) -> Self {
        Self {
            address_a: self.address_b,
            address_b: self.address_a,
            ports: Both { a: self.ports.b, b: self.ports.a },
            protocol: self.protocol,
            v4: (self.v4 & V4.a) << 1 | (self.v4 & V4.b) >> 1,
        }
    }

    /// ICMP messages that nothing answers: their flows have one direction.
    fn is_one_way(&self) -> bool {
        is_one_way(self.protocol(), self.ports.a)
    }
}

const fn hash_end(address: u128, port: u16, low: u64, high: u64) -> u64 {
    let rest = (address >> 64) as u64 ^ (port as u64).rotate_right(16);
    fold(address as u64 ^ low, rest ^ high)
}

/// Both halves of the product, as `foldhash` and `wyhash` mix.
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from_le_bytes(ip.octets())),
        IpAddr::V6(ip) => u128::from_le_bytes(ip.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use weir_model::community_id::ordered;

    fn any_end() -> impl Strategy<Value = Endpoint> {
        let ip = prop_oneof![
            (0u8..3).prop_map(|last| IpAddr::from([192, 0, 2, last])),
            // The same bytes as some IPv4 address here.
            Just(IpAddr::from([192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            Just(IpAddr::from(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped())),
        ];
        (ip, prop_oneof![Just(0u16), Just(8), Just(3), Just(443)])
            .prop_map(|(ip, port)| Endpoint::new(ip, port))
    }

    proptest! {
        #[test]
        fn belong_together_as_their_keys_do(a in any_end(), b in any_end(), c in any_end(), d in any_end(), icmp in any::<bool>()) {
            let protocol = if icmp { Protocol::ICMP } else { Protocol::UDP };
            let seed = Seed::random();
            let (one, other) = (Ends::new(protocol, a, b), Ends::new(protocol, c, d));
            prop_assert_eq!((one.end(Side::A), one.end(Side::B), one.protocol()), (a, b, protocol));
            let same = ordered(protocol, a, b) == ordered(protocol, c, d);
            // An answer and an error never have the same key on a wire: errors have no type that is asked.
            prop_assume!(one.is_one_way() == other.is_one_way());
            prop_assert_eq!(one.sender_of(&other).is_some(), same);
            prop_assert_eq!(one.sender_of(&other) == Some(Side::A), (a, b) == (c, d));
            prop_assert!(!same || one.tag(&seed) == other.tag(&seed));
            let back = Ends::new(protocol, b, a);
            prop_assert!(one.is_one_way() || back.is_one_way() || one.tag(&seed) == back.tag(&seed));
        }
    }
}

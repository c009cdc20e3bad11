//! Which worker a packet belongs to: one hash, for files and for taps.
//!
//! Both directions of a flow must meet in the same worker, so the hash does not tell source from destination. On a
//! tap the kernel computes it, as a program of classic BPF: hence 32 bits, wrapping, and nothing but add, multiply,
//! exclusive or and shift. It is neither seeded nor secret, since files and taps must deal alike in every run: a
//! sender can choose ends that all go to one worker, as he could with a single flow.

use std::net::IpAddr;

use crate::{Endpoint, Protocol};

/// Multiplies what was folded of an address before its next 32 bits are added. This and the following are odd and
/// have their bits well spread: the golden ratio, and the constants of MurmurHash3's and of lowbias32's finalisers.
pub const FOLD: u32 = 0x9e37_79b1;
/// Multiplies a folded address before its port is added.
pub const ADDRESS: u32 = 0x7feb_352d;
/// Multiplies an end (address and port).
pub const END: u32 = 0x846c_a68b;
/// Multiplies the sum of everything, first.
pub const FINISH_1: u32 = 0x85eb_ca6b;
/// And then.
pub const FINISH_2: u32 = 0xc2b2_ae35;

/// The hash of a packet: of its innermost addresses and protocol, and of its ports if it is TCP, UDP or SCTP.
/// Fragments are hashed with ports of 0, because only the first has them.
///
/// ```
/// use weir_model::{Endpoint, Protocol, dealing};
/// let (a, b) = ("192.0.2.1:443".parse::<std::net::SocketAddr>().unwrap(), "198.51.100.7:50000".parse().unwrap());
/// let end = |at: std::net::SocketAddr| Endpoint::new(at.ip(), at.port());
/// assert_eq!(
///     dealing::hash(Protocol::TCP, end(a), end(b)),
///     dealing::hash(Protocol::TCP, end(b), end(a)),
/// );
/// ```
pub fn hash(protocol: Protocol, source: Endpoint, destination: Endpoint) -> u32 {
    let port = |end: Endpoint| if protocol.has_ports() { end.port } else { 0 };
    let source = hash_end(fold(source.ip), port(source));
    let destination = hash_end(fold(destination.ip), port(destination));
    finish(source.wrapping_add(destination).wrapping_add(u32::from(protocol.0)))
}

/// The hash of an exporter, which goes by its address alone: its ports change.
pub fn exporter(address: IpAddr) -> u32 {
    finish(fold(address))
}

/// The worker among `workers` that `hash` falls to, as the kernel chooses the member of a group (`packet(7)`,
/// PACKET_FANOUT_CBPF).
pub const fn worker(hash: u32, workers: usize) -> usize {
    match workers {
        0 => 0,
        workers => hash as usize % workers,
    }
}

/// An address in 32 bits: its 32-bit words in network byte order, each added to what the former gave.
pub fn fold(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [96, 64, 32, 0]
                .iter()
                .fold(0, |folded: u32, shift| folded.wrapping_mul(FOLD).wrapping_add((bits >> shift) as u32))
        }
    }
}

/// Mixed before both ends are added, so that a client one higher and a server one lower make a different sum.
const fn hash_end(folded: u32, port: u16) -> u32 {
    let end = folded.wrapping_mul(ADDRESS).wrapping_add(port as u32).wrapping_mul(END);
    (end ^ (end >> 15)).wrapping_mul(FINISH_2)
}

/// Every bit of the sum reaches the lowest ones, which the remainder by a few workers looks at.
const fn finish(sum: u32) -> u32 {
    let mut hash = (sum ^ (sum >> 16)).wrapping_mul(FINISH_1);
    hash = (hash ^ (hash >> 13)).wrapping_mul(FINISH_2);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn v4(bits: u32, port: u16) -> Endpoint {
        Endpoint::new(Ipv4Addr::from_bits(bits).into(), port)
    }

    fn v6(bits: u128, port: u16) -> Endpoint {
        Endpoint::new(Ipv6Addr::from_bits(bits).into(), port)
    }

    #[test]
    fn both_directions_meet() {
        for (protocol, a, b) in [
            (Protocol::TCP, v4(0x0a00_0001, 50_000), v4(0xc000_0201, 443)),
            (Protocol::UDP, v6(1 << 125 | 7, 53), v6(1 << 125 | 9, 4000)),
            (Protocol::ICMP, v4(1, 8), v4(2, 0)),
        ] {
            assert_eq!(hash(protocol, a, b), hash(protocol, b, a), "{protocol}");
        }
    }

    #[test]
    fn ports_count_only_where_there_are_any() {
        let (a, b) = (v4(0x0a00_0001, 8), v4(0x0a00_0002, 0));
        let without = |end: Endpoint| Endpoint::new(end.ip, 0);
        assert_eq!(hash(Protocol::ICMP, a, b), hash(Protocol::ICMP, without(a), without(b)));
        assert_ne!(hash(Protocol::UDP, a, b), hash(Protocol::UDP, without(a), without(b)));
        assert_ne!(hash(Protocol::UDP, a, b), hash(Protocol::TCP, a, b));
    }

    /// The kernel computes the same from a program: these values hold the definition in place.
    #[test]
    fn has_the_values_that_the_program_has() {
        assert_eq!(hash(Protocol::TCP, v4(0x0a00_0001, 50_000), v4(0xc000_0201, 443)), 605_078_514);
        assert_eq!(hash(Protocol::UDP, v6(1 << 125 | 7, 53), v6(1 << 125 | 9, 4000)), 609_920_330);
    }

    #[test]
    fn no_workers_is_one_worker() {
        assert_eq!(worker(7, 0), 0);
        assert_eq!(worker(7, 1), 0);
        assert_eq!(worker(7, 4), 3);
    }

    /// The fullest of `workers` gets at most this much more than its share.
    fn excess(hashes: impl Iterator<Item = u32>, workers: usize) -> f64 {
        let mut counts = vec![0_u32; workers];
        for hash in hashes {
            counts[worker(hash, workers)] += 1;
        }
        let (most, all) = (counts.iter().max().unwrap(), counts.iter().sum::<u32>());
        f64::from(*most) * workers as f64 / f64::from(all) - 1.0
    }

    #[test]
    fn is_balanced_for_what_networks_look_like() {
        type Ends = fn(u32) -> (Endpoint, Endpoint);
        let kinds: [(&str, Ends); 9] = [
            ("clients in a row to one server", |i| (v4(0x0a00_0000 + i, 50_000), v4(0xc000_0201, 443))),
            ("one client's ports", |i| (v4(0x0a00_0001, 1024 + i as u16), v4(0xc000_0201, 443))),
            ("one client, even ports", |i| (v4(0x0a00_0001, 2 * i as u16), v4(0xc000_0201, 443))),
            ("a scan of a network", |i| (v4(0x0a00_0001, 40_000), v4(0xc000_0000 + i, 445))),
            ("both in a row", |i| (v4(0x0a00_0000 + i, 5000), v4(0xc000_0000 + i, 443))),
            ("one up, one down", |i| (v4(0x0a00_0000 + i, 5000), v4(0xc0ff_ffff - i, 443))),
            ("address and port in a row", |i| (v4(0x0a00_0000 + i, i as u16), v4(0xc000_0201, 443))),
            ("every 256th address", |i| (v4(0x0a00_0000 + i * 256, 5000), v4(0xc000_0201, 443))),
            ("IPv6 interfaces in a row", |i| {
                (v6(0x2001_0db8 << 96 | u128::from(i), 5000), v6(0x2001_0db8 << 96 | 1 << 64, 443))
            }),
        ];
        for (name, ends) in kinds {
            for workers in [2, 3, 4, 8] {
                let hashes = (0..16_384).map(|i| {
                    let (a, b) = ends(i);
                    hash(Protocol::TCP, a, b)
                });
                let excess = excess(hashes, workers);
                // Nearly four standard deviations of an even draw among 8.
                assert!(excess < 0.08, "{name}, {workers} workers: {excess:.3} above the share");
            }
        }
    }

    #[test]
    fn addresses_alone_are_balanced_too() {
        for workers in [2, 3, 4, 8] {
            let hashes =
                (0..16_384).map(|i| hash(Protocol::ICMP, v4(0x0a00_0000 + i, 0), v4(0xc000_0201, 0)));
            assert!(excess(hashes, workers) < 0.08);
        }
    }
}

//! Who is heard.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;

use super::locked;

/// Addresses that were not heard and are told of by name; more are only counted, since whoever forges addresses has any
/// number of them.
pub const MAX_STRANGERS_TOLD: usize = 64;

/// The networks of the exporters that are heard, as ranges of addresses that do not touch; IPv4 in its place in IPv6
/// (RFC 4291 section 2.5.5.2).
#[derive(Debug)]
pub(super) struct Allowed(Option<Vec<(u128, u128)>>);

impl Allowed {
    /// Everyone, if no network is given.
    pub(super) fn new(networks: &[IpNet]) -> Self {
        if networks.is_empty() {
            return Self(None);
        }
        let range = |network: &IpNet| (number(network.network()), number(network.broadcast()));
        let mut ranges: Vec<_> = networks.iter().map(range).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|later, earlier| {
            let touches = later.0 <= earlier.1;
            if touches {
                earlier.1 = earlier.1.max(later.1);
            }
            touches
        });
        Self(Some(ranges))
    }

    /// Whether the address is heard.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let Some(ranges) = &self.0 else { return true };
        let address = number(address);
        let above = ranges.partition_point(|(first, _)| *first <= address);
        let range = above.checked_sub(1).and_then(|at| ranges.get(at));
        range.is_some_and(|(_, last)| address <= *last)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first few of whom something is told, each once.
#[derive(Debug)]
pub(super) struct Once<T> {
    known: Mutex<Vec<T>>,
    /// No further one is told of: nobody takes the lock.
    full: AtomicBool,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { known: Mutex::default(), full: AtomicBool::default() }
    }
}

impl<T: PartialEq> Once<T> {
    /// Whether this one is to be told of.
    pub(super) fn meet(&self, one: T) -> bool {
        if self.full.load(Ordering::Relaxed) {
            return false;
        }
        let mut known = locked(&self.known);
        let tell = known.len() < MAX_STRANGERS_TOLD && !known.contains(&one);
        if tell {
            known.push(one);
            self.full.store(known.len() >= MAX_STRANGERS_TOLD, Ordering::Relaxed);
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_overlap_become_one_range_and_both_versions_are_told_apart() {
        let networks = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32", "0.0.0.0/32"];
        let allowed = Allowed::new(&networks.map(|network| network.parse().unwrap()));
        assert_eq!(allowed.0.as_ref().map(Vec::len), Some(4));
        for (address, heard) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::", false),
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(allowed.has(address.parse().unwrap()), heard, "{address}");
        }
        assert!(Allowed::new(&[]).has("2001:db9::".parse().unwrap()));
        assert!(!Allowed::new(&["0.0.0.0/0".parse().unwrap()]).has("2001:db9::".parse().unwrap()));
    }

    #[test]
    fn strangers_are_told_once_and_not_without_end() {
        let strangers = Once::default();
        let address = |number: u32| IpAddr::V4(number.into());
        assert!(strangers.meet(address(1)));
        assert!(!strangers.meet(address(1)));
        let told = (0..1000).filter(|number| strangers.meet(address(*number))).count();
        assert_eq!(told, MAX_STRANGERS_TOLD - 1);
    }
}

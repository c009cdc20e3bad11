//! The networks of all lists, laid flat: at which address which lists begin and end, so that one search finds all.

use super::Lists;
use foldhash::fast::RandomState;
use ipnet::IpNet;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Which lists hold an address.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    v4: Stretches,
    v6: Stretches,
}

/// Stretches of one family, each up to where the next begins.
#[derive(Clone, Debug, Default)]
struct Stretches {
    begins: Vec<u128>,
    /// Of each the place of its lists in `sets`.
    held_by: Vec<u32>,
    sets: Vec<Lists>,
}

impl Addresses {
    /// Of networks, each with the list that it stands in.
    pub(super) fn new(networks: &[(IpNet, u16)]) -> Self {
        let of = |is_v4: bool| {
            Stretches::new(networks.iter().filter(|(net, _)| net.addr().is_ipv4() == is_v4).copied())
        };
        Self { v4: of(true), v6: of(false) }
    }

    /// The lists that hold the whole of a network.
    pub(super) fn holding(&self, network: IpNet) -> Lists {
        let stretches = if network.addr().is_ipv4() { &self.v4 } else { &self.v6 };
        stretches.holding(bits(network.network()), bits(network.broadcast()))
    }
}

impl Stretches {
    fn new(networks: impl Iterator<Item = (IpNet, u16)>) -> Self {
        let mut edges: Vec<(u128, bool, u16)> = Vec::new();
        for (network, list) in networks {
            edges.push((bits(network.network()), true, list));
            // What ends with the last address of IPv6 has no end.
            edges.extend(bits(network.broadcast()).checked_add(1).map(|behind| (behind, false, list)));
        }
        edges.sort_unstable();
        let mut known: HashMap<Lists, u32, RandomState> = HashMap::default();
        let mut open: BTreeMap<u16, u32> = BTreeMap::new();
        let mut stretches = Self::default();
        for at in edges.chunk_by(|one, other| one.0 == other.0) {
            for (_, begins, list) in at {
                let count = open.entry(*list).or_default();
                *count = if *begins { *count + 1 } else { count.saturating_sub(1) };
                if *count == 0 && !begins {
                    open.remove(list);
                }
            }
            open.retain(|_, count| *count > 0);
            let lists: Lists = open.keys().copied().collect();
            let place = *known.entry(lists).or_insert_with_key(|lists| {
                stretches.sets.push(lists.clone());
                stretches.sets.len() as u32 - 1
            });
            stretches.begins.extend(at.first().map(|edge| edge.0));
            stretches.held_by.push(place);
        }
        stretches
    }

    fn holding(&self, first: u128, last: u128) -> Lists {
        let behind = self.begins.partition_point(|begin| *begin <= first);
        let Some(at) = behind.checked_sub(1) else { return Lists::new() };
        let mut lists = self.lists_of(at).cloned().unwrap_or_default();
        for next in behind.. {
            if lists.is_empty() || self.begins.get(next).is_none_or(|begin| *begin > last) {
                break;
            }
            lists.retain(|list| self.lists_of(next).is_some_and(|others| others.contains(list)));
        }
        lists
    }

    fn lists_of(&self, stretch: usize) -> Option<&Lists> {
        self.sets.get(*self.held_by.get(stretch)? as usize)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_looking_at_each(
            listed in prop::collection::vec((0_u32..64, 26_u8..=32, 0_u16..4), 0..12),
            asked in (0_u32..64, 28_u8..=32),
        ) {
            let net = |(host, len): (u32, u8)| IpNet::new(std::net::Ipv4Addr::from(0xc000_0200 + host).into(), len).unwrap().trunc();
            let networks: Vec<(IpNet, u16)> =
                listed.iter().map(|(host, len, list)| (net((*host, *len)), *list)).collect();
            let asked = net(asked);
            // All addresses of what is asked for are in the list.
            let holds = |list: u16| asked_hosts(asked).all(|ip| {
                networks.iter().any(|(network, of)| *of == list && network.contains(&ip))
            });
            let expected: Vec<u16> = (0..4).filter(|list| holds(*list)).collect();
            let found = Addresses::new(&networks).holding(asked);
            prop_assert_eq!(found.to_vec(), expected);
        }
    }

    fn asked_hosts(net: IpNet) -> impl Iterator<Item = IpAddr> {
        let first = bits(net.network()) as u32;
        (first..=bits(net.broadcast()) as u32).map(|bits| IpAddr::V4(bits.into()))
    }

    #[test]
    fn the_last_address_is_held() {
        let all = Addresses::new(&[("::/0".parse().unwrap(), 3), ("255.255.255.255/32".parse().unwrap(), 1)]);
        assert_eq!(all.holding("ffff::ffff/128".parse().unwrap()).to_vec(), [3]);
        assert_eq!(all.holding("255.255.255.255/32".parse().unwrap()).to_vec(), [1]);
        assert!(all.holding("255.255.255.254/32".parse().unwrap()).is_empty());
    }
}

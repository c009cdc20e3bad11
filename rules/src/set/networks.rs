//! Prefixes: which of them contain an address.

use super::values::IndicatorId;
use ipnet::IpNet;
use std::net::IpAddr;

/// All prefixes of a set, flattened: for each family the sorted addresses at which the longest containing prefix changes,
/// and for each prefix the next shorter one around it. A look-up is one step through a table by the upper bits, a binary
/// search among the few addresses that share them, and a walk upwards.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Networks {
    /// From prefixes without host bits, each at most once.
    pub(super) fn new(prefixes: impl IntoIterator<Item = (IpNet, IndicatorId)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, id) in prefixes {
            match prefix {
                IpNet::V4(net) => v4.push(Span {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    after: net.broadcast().to_bits().checked_add(1),
                    id,
                }),
                IpNet::V6(net) => v6.push(Span {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    after: net.broadcast().to_bits().checked_add(1),
                    id,
                }),
            }
        }
        Self { v4: Ranges::new(v4), v6: Ranges::new(v6) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.prefixes.is_empty() && self.v6.prefixes.is_empty()
    }

    /// Every prefix that contains the address, longest first.
    pub(super) fn containing(&self, ip: IpAddr) -> impl Iterator<Item = IndicatorId> {
        let (v4, v6) = match ip {
            IpAddr::V4(ip) => (Some(self.v4.containing(ip.to_bits())), None),
            IpAddr::V6(ip) => (None, Some(self.v6.containing(ip.to_bits()))),
        };
        v4.into_iter().flatten().chain(v6.into_iter().flatten())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.v4.memory_bytes() + self.v6.memory_bytes()
    }
}

/// A prefix as the range of its addresses; `after` is the address after the last, if any.
struct Span<A> {
    first: A,
    last: A,
    after: Option<A>,
    id: IndicatorId,
}

/// No prefix; there are never so many.
const NONE: u32 = u32::MAX;

/// Most buckets of the table by upper bits: 256 KiB, which stay near the core.
const MAX_BUCKETS: usize = 1 << 16;

#[derive(Debug, Default)]
struct Ranges<A> {
    /// The addresses at which the longest containing prefix changes, in order.
    changes: Vec<A>,
    /// From that address on, up to the next, the position in `prefixes` of the longest, or [`NONE`].
    longest: Vec<u32>,
    /// Each prefix with the position of the one around it, or [`NONE`].
    prefixes: Vec<(IndicatorId, u32)>,
    /// How many changes come before those whose distance from the first, without its lower `shift` bits, is the position here.
    buckets: Vec<u32>,
    shift: u32,
}

impl<A: Copy + Ord + Into<u128>> Ranges<A> {
    /// Prefixes nest or are apart, so a stack of the open ones is enough to sweep over them in order.
    fn new(mut spans: Vec<Span<A>>) -> Self {
        spans.sort_unstable_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
        let mut ranges = Self {
            changes: Vec::with_capacity(spans.len() * 2),
            longest: Vec::with_capacity(spans.len() * 2),
            prefixes: Vec::with_capacity(spans.len()),
            buckets: Vec::new(),
            shift: 0,
        };
        let mut open: Vec<(u32, &Span<A>)> = Vec::new();
        for span in &spans {
            while let Some((_, ended)) = open.pop_if(|(_, outer)| outer.last < span.first) {
                ranges.change(ended.after, open.last().map(|(position, _)| *position));
            }
            let position = ranges.prefixes.len() as u32;
            ranges.prefixes.push((span.id, open.last().map_or(NONE, |(outer, _)| *outer)));
            ranges.change(Some(span.first), Some(position));
            open.push((position, span));
        }
        while let Some((_, ended)) = open.pop() {
            ranges.change(ended.after, open.last().map(|(position, _)| *position));
        }
        ranges.changes.shrink_to_fit();
        ranges.longest.shrink_to_fit();
        ranges.fill_buckets();
        ranges
    }

    /// Notes a change; of several at one address the last counts.
    fn change(&mut self, at: Option<A>, longest: Option<u32>) {
        let Some(at) = at else { return };
        if self.changes.pop_if(|last| *last == at).is_some() {
            self.longest.pop();
        }
        self.changes.push(at);
        self.longest.push(longest.unwrap_or(NONE));
    }

    fn fill_buckets(&mut self) {
        let Some((first, last)) = self.changes.first().zip(self.changes.last()) else { return };
        let (first, distance) = ((*first).into(), (*last).into() - (*first).into());
        let wanted = self.changes.len().next_power_of_two().min(MAX_BUCKETS);
        self.shift = (u128::BITS - distance.leading_zeros()).saturating_sub(wanted.trailing_zeros());
        for (at, passed) in self.changes.iter().zip(0..) {
            let bucket = (((*at).into() - first) >> self.shift) as usize;
            if self.buckets.len() <= bucket {
                self.buckets.resize(bucket + 1, passed);
            }
        }
        self.buckets.shrink_to_fit();
    }

    fn containing(&self, address: A) -> impl Iterator<Item = IndicatorId> {
        let mut next = self.longest_at(address).unwrap_or(NONE);
        std::iter::from_fn(move || {
            let (id, around) = self.prefixes.get(next as usize)?;
            next = *around;
            Some(*id)
        })
    }

    fn longest_at(&self, address: A) -> Option<u32> {
        let first = *self.changes.first()?;
        let distance = address.into().checked_sub(first.into())? >> self.shift;
        let bucket = usize::try_from(distance).unwrap_or(usize::MAX);
        let start_of =
            |bucket: usize| self.buckets.get(bucket).map_or(self.changes.len(), |from| *from as usize);
        let (from, to) = (start_of(bucket), start_of(bucket.saturating_add(1)));
        let after = from + self.changes.get(from..to)?.partition_point(|start| *start <= address);
        self.longest.get(after.checked_sub(1)?).copied()
    }

    fn memory_bytes(&self) -> usize {
        self.changes.capacity() * size_of::<A>()
            + (self.longest.capacity() + self.buckets.capacity()) * size_of::<u32>()
            + self.prefixes.capacity() * size_of::<(IndicatorId, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Addresses from a small corner and from both ends of the space, so that prefixes nest, touch and end at the edge.
    fn v4() -> impl Strategy<Value = Ipv4Addr> {
        prop_oneof![0u32..64, (u32::MAX - 63)..=u32::MAX, any::<u32>()].prop_map(Ipv4Addr::from)
    }

    fn v6() -> impl Strategy<Value = Ipv6Addr> {
        prop_oneof![0u128..64, (u128::MAX - 63)..=u128::MAX, any::<u128>()].prop_map(Ipv6Addr::from)
    }

    fn net() -> impl Strategy<Value = IpNet> {
        let short = prop_oneof![3 => 24u8..=32, 1 => 0u8..=32];
        let long = prop_oneof![3 => 120u8..=128, 1 => 0u8..=128];
        prop_oneof![
            (v4(), short).prop_map(|(ip, len)| IpNet::V4(Ipv4Net::new(ip, len).unwrap().trunc())),
            (v6(), long).prop_map(|(ip, len)| IpNet::V6(Ipv6Net::new(ip, len).unwrap().trunc())),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_asking_every_prefix(
            nets in proptest::collection::btree_set(net(), 0..60),
            more in proptest::collection::vec(prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)], 8),
        ) {
            let nets: Vec<IpNet> = BTreeSet::into_iter(nets).collect();
            let networks = Networks::new(nets.iter().zip(0..).map(|(net, id)| (*net, IndicatorId(id))));
            for ip in nets.iter().flat_map(|net| [net.network(), net.broadcast()]).chain(more) {
                let mut slow: Vec<&IpNet> = nets.iter().filter(|net| net.contains(&ip)).collect();
                slow.sort_by_key(|net| std::cmp::Reverse(net.prefix_len()));
                let fast: Vec<&IpNet> = networks.containing(ip).map(|id| &nets[id.0 as usize]).collect();
                prop_assert_eq!(fast, slow, "{}", ip);
            }
        }
    }
}

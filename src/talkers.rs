//! Who moved the most bytes.

use foldhash::fast::RandomState;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Hosts of a family counted at once. A scan of a large network would like to fill memory with one entry an address: past
/// this, looked at after every few flows, the lesser half is forgotten, so that what is shown of the top is exact or slightly
/// low, and a host that comes back later begins anew.
const MOST_HOSTS: usize = 65_536;

/// Flows that are counted together: their hosts are anywhere in megabytes, and one after the other each would be waited for.
const FLOWS_AT_ONCE: usize = 64;

/// Bytes by host, bounded; exact as long as the bound is not reached, so that the counts of several workers together are
/// those that one would have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talkers {
    // Apart, because most hosts have short addresses, and one of those takes a third of the memory of either.
    v4: Hosts<Ipv4Addr>,
    v6: Hosts<Ipv6Addr>,
    /// Not counted yet.
    pending: Vec<([IpAddr; 2], u64)>,
}

type Hosts<Address> = HashMap<Address, u64, RandomState>;

impl Talkers {
    /// Counts bytes that two hosts exchanged, for both.
    pub(crate) fn add(&mut self, ends: [IpAddr; 2], bytes: u64) {
        self.pending.push((ends, bytes));
        if self.pending.len() >= FLOWS_AT_ONCE {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (ends, bytes) in self.pending.drain(..) {
            for host in ends {
                match host {
                    IpAddr::V4(host) => add(&mut self.v4, host, bytes),
                    IpAddr::V6(host) => add(&mut self.v6, host, bytes),
                }
            }
        }
        forget_the_lesser(&mut self.v4);
        forget_the_lesser(&mut self.v6);
    }

    /// Adds what somebody else counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.v4.iter().for_each(|(host, bytes)| add(&mut self.v4, *host, *bytes));
        other.v6.iter().for_each(|(host, bytes)| add(&mut self.v6, *host, *bytes));
        self.pending.extend_from_slice(&other.pending);
        self.settle();
    }

    /// The hosts with the most bytes; ties by address.
    pub(crate) fn top(&self, count: usize) -> Vec<(IpAddr, u64)> {
        let mut settled = self.clone();
        settled.settle();
        let v4 = settled.v4.iter().map(|(host, bytes)| (IpAddr::V4(*host), *bytes));
        let v6 = settled.v6.iter().map(|(host, bytes)| (IpAddr::V6(*host), *bytes));
        let mut hosts: Vec<_> = v4.chain(v6).collect();
        hosts.sort_unstable_by_key(by_bytes);
        hosts.truncate(count);
        hosts
    }
}

/// Saturates: exporters can tell of any number of bytes.
fn add<Address: Eq + std::hash::Hash>(hosts: &mut Hosts<Address>, host: Address, bytes: u64) {
    let total = hosts.entry(host).or_default();
    *total = total.saturating_add(bytes);
}

fn forget_the_lesser<Address: Copy + Ord + std::hash::Hash>(hosts: &mut Hosts<Address>) {
    if hosts.len() > MOST_HOSTS {
        let mut all: Vec<_> = hosts.drain().collect();
        all.select_nth_unstable_by_key(MOST_HOSTS / 2, by_bytes);
        all.truncate(MOST_HOSTS / 2);
        hosts.extend(all);
    }
}

/// Most bytes first; the order is total, so that what is kept does not depend on that of the map.
fn by_bytes<Address: Copy>((host, bytes): &(Address, u64)) -> (Reverse<u64>, Address) {
    (Reverse(*bytes), *host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> IpAddr {
        let short = number.is_multiple_of(2);
        if short { Ipv4Addr::from(number).into() } else { Ipv6Addr::from(u128::from(number)).into() }
    }

    #[test]
    fn counts_of_several_are_those_of_one() {
        let mut one = Talkers::default();
        let mut several: [Talkers; 3] = Default::default();
        for (turn, worker) in (0..3000).zip([0, 1, 2].into_iter().cycle()) {
            let (ends, bytes) = ([host(turn % 71), host(turn % 13)], u64::from(turn % 100));
            one.add(ends, bytes);
            several[worker].add(ends, bytes);
        }
        let mut merged = Talkers::default();
        for talkers in &several {
            merged.merge(talkers);
        }
        assert_eq!(merged.top(100), one.top(100));
        assert_eq!(one.top(100).iter().map(|(_, bytes)| bytes).sum::<u64>(), 2 * 3000 / 100 * 4950);
        assert!(one.top(100).is_sorted_by_key(by_bytes));
    }

    #[test]
    fn a_scan_forgets_the_lesser_half_and_never_the_top() {
        let mut talkers = Talkers::default();
        let top = IpAddr::from([192, 0, 2, 1]);
        talkers.add([top, top], 500);
        for number in 0..3 * MOST_HOSTS as u32 {
            talkers.add([host(2 * number), host(2 * number + 1)], 1);
        }
        assert!(talkers.v4.len() <= MOST_HOSTS && talkers.v6.len() <= MOST_HOSTS);
        assert!(talkers.pending.len() < FLOWS_AT_ONCE);
        assert_eq!(talkers.top(2), [(top, 1000), (IpAddr::from([0, 0, 0, 0]), 1)]);
    }
}

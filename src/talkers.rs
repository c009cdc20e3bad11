//! Who moved the most bytes.

use std::collections::HashMap;
use std::net::IpAddr;

/// Hosts counted at once. A scan of a large network would like to fill memory with one entry an address: past this
/// the lesser half is forgotten, so that what is shown of the top is exact or slightly low, and a host that comes back
/// later begins anew.
const MOST_HOSTS: usize = 65_536;

/// Bytes by host, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talkers {
    by_host: HashMap<IpAddr, u64>,
}

impl Talkers {
    /// Counts a flow for both its ends.
    pub(crate) fn add(&mut self, ends: [IpAddr; 2], bytes: u64) {
        for host in ends {
            *self.by_host.entry(host).or_default() += bytes;
        }
        self.forget_the_lesser();
    }

    /// Counts what others counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (host, bytes) in &other.by_host {
            *self.by_host.entry(*host).or_default() += bytes;
        }
        self.forget_the_lesser();
    }

    fn forget_the_lesser(&mut self) {
        if self.by_host.len() > MOST_HOSTS {
            let kept = self.top(MOST_HOSTS / 2);
            self.by_host = kept.into_iter().collect();
        }
    }

    /// The hosts with the most bytes; ties by address.
    pub(crate) fn top(&self, count: usize) -> Vec<(IpAddr, u64)> {
        let mut hosts: Vec<_> = self.by_host.iter().map(|(host, bytes)| (*host, *bytes)).collect();
        hosts.sort_unstable_by_key(|(host, bytes)| (std::cmp::Reverse(*bytes), *host));
        hosts.truncate(count);
        hosts
    }
}

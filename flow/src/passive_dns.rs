//! Passive DNS: which name an address had, for whom and when.
//!
//! Shared by all workers. What it answers is decided by packet numbers and times, never by the order in which answers were
//! stored: of the answers before a packet, the latest few with different names are looked at, and of these those count that
//! hold at its time (from their own until their lifetime and a grace have passed: clients and browsers keep addresses
//! longer than the TTL says). What nobody will ask for any more is dropped: [`PassiveDns::settle`] says how far everybody
//! has asked already.
//!
//! An answer is a client's own when it was sent to that client. Who can forge packets towards a client can therefore put a
//! name on an address, but only where the question is out of view: the flow table refuses answers
//! that do not fit the questions that it saw.

mod heard_of;
mod store;
#[cfg(test)]
mod tests;

use crate::answers::{self, Received};
use heard_of::HeardOf;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Answer, Asked, Store};
use weir_model::Timestamp;
use weir_model::flow::{NameSource, PassiveName};

/// Packets of a round, counted from packet 1: who reads files settles round by round, see [`PassiveDns::settle`].
pub const ROUND_PACKETS: u64 = 4 * 1024;

/// Most names that one address gets from a client's own answers when a flow begins.
const MAX_OWN_NAMES: usize = 4;

/// Lifetimes and limits.
#[derive(Clone, Debug)]
pub struct PassiveDnsConfig {
    /// An answer is valid at least this long, whatever its TTL: clients do not ask again for each connection.
    pub min_lifetime: Duration,
    /// An answer is valid at most this long, whatever its TTL.
    pub max_lifetime: Duration,
    /// And for this long after: connections are opened late, and caches are generous.
    pub grace: Duration,
    /// Budget in bytes for clients' own answers, and again for anybody's. The adversary asks for names without end. When
    /// it is reached, keys that were not learnt again lately are dropped, oldest first. Counted.
    pub max_bytes: usize,
}

impl Default for PassiveDnsConfig {
    fn default() -> Self {
        Self {
            min_lifetime: Duration::from_mins(1),
            max_lifetime: Duration::from_hours(24),
            grace: Duration::from_mins(5),
            max_bytes: 128 << 20,
        }
    }
}

/// What was learnt and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassiveDnsStats {
    /// Addresses learnt as a client's own.
    pub own_learnt: u64,
    /// Addresses learnt as anybody's (each of a client's own, and hints and multicast answers).
    pub others_learnt: u64,
    /// Keys (client and address) held now.
    pub own_entries: u64,
    /// Keys (address) held now.
    pub others_entries: u64,
    /// Keys dropped at the budget.
    pub evicted: u64,
    /// Dated answers dropped because later ones had taken their place.
    pub answers_settled: u64,
    /// Dated answers dropped because their key had too many at a time.
    pub answers_dropped: u64,
}

/// The store.
#[derive(Debug)]
pub struct PassiveDns {
    config: PassiveDnsConfig,
    /// No packet up to this number will be asked for any more.
    settled: AtomicU64,
    /// Addresses that some answer named.
    heard_of: HeardOf,
    own: Store<(IpAddr, IpAddr)>,
    others: Store<IpAddr>,
}

impl PassiveDns {
    /// Nothing learnt.
    pub fn new(config: PassiveDnsConfig) -> Self {
        Self {
            config,
            settled: AtomicU64::new(0),
            heard_of: HeardOf::new(),
            own: Store::new(),
            others: Store::new(),
        }
    }

    /// Learns from an answer.
    pub fn learn(&self, received: Received<'_>) {
        for found in answers::addresses(received.message) {
            let ttl = Duration::from_secs(u64::from(found.ttl));
            let lifetime = ttl.clamp(self.config.min_lifetime, self.config.max_lifetime);
            let answer = Answer {
                packet: received.packet,
                from: received.time,
                until: received.time + lifetime + self.config.grace,
                name: found.name,
                aliases: found.aliases,
            };
            self.heard_of.add(found.address);
            let limits = (self.settled.load(Ordering::Relaxed), self.config.max_bytes);
            if !found.is_hint {
                self.own.insert((received.client, found.address), answer.clone(), limits);
            }
            self.others.insert(found.address, answer, limits);
        }
    }

    /// Says that everybody has learnt from all packets up to `packet`, and asked for all of them: nobody will for these again.
    pub fn settle(&self, packet: u64) {
        self.settled.fetch_max(packet, Ordering::Relaxed);
    }

    /// What the ends `a` and `b` of a flow that began with `packet` at `time` were called: names from the other end's own
    /// answers first, latest first; for an end without such, the latest from anybody's.
    pub fn names(&self, a: IpAddr, b: IpAddr, time: Timestamp, packet: u64) -> Vec<PassiveName> {
        self.names_known_by(a, b, (time, packet), packet)
    }

    /// As [`Self::names`], of what is known when all packets before number `known_by` have been learnt from: for packets handed on
    /// after their round, as what is left of a datagram whose other fragments never came. Of answers that everybody has
    /// asked for, only the latest are kept, so the others must not count whether or not they are still there.
    pub fn names_known_by(
        &self,
        a: IpAddr,
        b: IpAddr,
        (time, packet): (Timestamp, u64),
        known_by: u64,
    ) -> Vec<PassiveName> {
        let asked = Asked { time, packet, known_by: known_by.max(packet), grace: self.config.grace };
        let mut names = Vec::new();
        let mut unknown = SmallVec::<[IpAddr; 2]>::new();
        for (client, address) in [(a, b), (b, a)] {
            if !self.heard_of.has(address) {
                continue;
            }
            let own = self.own.valid(&(client, address), &asked, MAX_OWN_NAMES);
            if own.is_empty() {
                unknown.push(address);
            }
            names.extend(own.into_iter().map(|answer| answer.named(address, NameSource::PassiveDnsClient)));
        }
        for address in unknown {
            let others = self.others.valid(&address, &asked, 1);
            names.extend(others.into_iter().map(|answer| answer.named(address, NameSource::PassiveDnsOther)));
        }
        names
    }

    /// Counts so far.
    pub fn stats(&self) -> PassiveDnsStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PassiveDnsStats {
            own_learnt: count(&self.own.learnt),
            others_learnt: count(&self.others.learnt),
            own_entries: self.own.len(),
            others_entries: self.others.len(),
            evicted: count(&self.own.evicted) + count(&self.others.evicted),
            answers_settled: count(&self.own.settled) + count(&self.others.settled),
            answers_dropped: count(&self.own.dropped) + count(&self.others.dropped),
        }
    }
}

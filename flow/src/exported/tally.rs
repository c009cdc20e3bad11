//! Counting: raw, what raw counts stand for, and the payload that must have been in them.

use crate::side::Both;
use weir_model::record::{Counters, Sampling};
use weir_model::{Protocol, flow};
use weir_wire::Side;

/// What one direction of a record, or of all records of an observer, counts. All sums saturate: exporters may send any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Bytes behind the transport header, at least.
    pub(super) payload: u64,
}

impl Tally {
    /// Of a record: its bytes less its packets with the largest headers. Bytes without packets (NSEL) may all be headers.
    pub(super) fn of(counters: Counters, protocol: Protocol, is_v4: bool) -> Self {
        let Counters { packets, bytes } = counters;
        let headers = packets.saturating_mul(largest_headers(protocol, is_v4));
        let payload = if packets == 0 { 0 } else { bytes.saturating_sub(headers) };
        Self { packets, bytes, payload }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.payload = self.payload.saturating_add(other.payload);
    }

    pub(super) const fn counters(self) -> Counters {
        Counters { packets: self.packets, bytes: self.bytes }
    }

    pub(super) fn to_flow(self, tcp_flags: u8) -> flow::Counters {
        flow::Counters {
            packets: self.packets,
            ip_bytes: self.bytes,
            payload_bytes: self.payload,
            tcp_flags,
            ..flow::Counters::default()
        }
    }
}

/// Bytes of the largest headers of IP and transport: IPv4 with all options (IPv6 without extensions, which are payload to it),
/// TCP with all options. Protocols without a header of their own here count from the end of IP.
fn largest_headers(protocol: Protocol, is_v4: bool) -> u64 {
    let ip = if is_v4 { 60 } else { 40 };
    ip + match protocol {
        Protocol::TCP => 60,
        Protocol::UDP | Protocol::ICMP | Protocol::ICMPV6 => 8,
        Protocol::SCTP => 12,
        _ => 0,
    }
}

/// What was counted before the rate of sampling changed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rescaled {
    raw: Both<Counters>,
    stands_for: Both<Counters>,
    /// The coarsest of the rates so far, but for the last one.
    coarsest: Option<Sampling>,
}

/// Both directions as an observer counted them, and how it chose packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted<'a> {
    pub(super) tallies: Both<Tally>,
    pub(super) sampling: Option<Sampling>,
    pub(super) rescaled: Option<&'a Rescaled>,
}

impl Counted<'_> {
    /// What the raw counters of a side stand for.
    pub(super) fn stands_for(&self, side: Side) -> Counters {
        let raw = self.tallies.of(side).counters();
        let Some(before) = self.rescaled else {
            return raw.scaled(self.sampling);
        };
        let since = less(raw, *before.raw.of(side)).scaled(self.sampling);
        plus(*before.stands_for.of(side), since)
    }

    /// The coarsest rate by which packets were chosen.
    pub(super) fn coarsest(&self) -> Option<Sampling> {
        Sampling::coarser(self.rescaled.and_then(|before| before.coarsest), self.sampling)
    }

    /// What is to be kept when the rate changes.
    pub(super) fn rescale(&self) -> Rescaled {
        let both = |of: &dyn Fn(Side) -> Counters| Both { a: of(Side::A), b: of(Side::B) };
        Rescaled {
            raw: both(&|side| self.tallies.of(side).counters()),
            stands_for: both(&|side| self.stands_for(side)),
            coarsest: self.coarsest(),
        }
    }
}

fn less(one: Counters, other: Counters) -> Counters {
    Counters {
        packets: one.packets.saturating_sub(other.packets),
        bytes: one.bytes.saturating_sub(other.bytes),
    }
}

fn plus(one: Counters, other: Counters) -> Counters {
    Counters {
        packets: one.packets.saturating_add(other.packets),
        bytes: one.bytes.saturating_add(other.bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::record::SamplingSource;

    fn rate(of: u32) -> Option<Sampling> {
        Sampling::new(1, of, SamplingSource::Domain)
    }

    #[test]
    fn payload_is_the_least_that_it_can_be() {
        let payload =
            |packets, bytes, protocol, is_v4| Tally::of(Counters { packets, bytes }, protocol, is_v4).payload;
        assert_eq!(payload(2, 241, Protocol::TCP, true), 1);
        assert_eq!(payload(2, 240, Protocol::TCP, true), 0);
        assert_eq!(payload(1, 101, Protocol::TCP, false), 1);
        assert_eq!(payload(1, 69, Protocol::UDP, true), 1);
        assert_eq!(payload(0, 5_000, Protocol::TCP, true), 0);
        assert_eq!(payload(u64::MAX, u64::MAX, Protocol::TCP, true), 0);
    }

    #[test]
    fn each_part_is_scaled_by_its_own_rate() {
        let tally = |packets| Tally { packets, bytes: packets * 100, payload: 0 };
        let both = |a, b| Both { a: tally(a), b: tally(b) };
        let first = Counted { tallies: both(3, 1), sampling: rate(10), rescaled: None };
        assert_eq!(first.stands_for(Side::A), Counters { packets: 30, bytes: 3_000 });
        let before = first.rescale();
        let second = Counted { tallies: both(5, 1), sampling: rate(2), rescaled: Some(&before) };
        assert_eq!(second.stands_for(Side::A), Counters { packets: 34, bytes: 3_400 });
        assert_eq!(second.stands_for(Side::B), Counters { packets: 10, bytes: 1_000 });
        assert_eq!(second.coarsest(), rate(10));
    }
}

//! What is counted of streams.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of an address that streams come in at.
///
/// The books: `connections = strangers + refused + refused_of_exporter + open + ended`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStats {
    /// The place of the address in the options.
    pub listen: usize,
    /// The address, with the port that it got.
    pub address: SocketAddr,
    /// `tcp` or `tls`.
    pub transport: &'static str,
    /// Connections that came.
    pub connections: u64,
    /// Of these, from addresses that are not heard.
    pub strangers: u64,
    /// Of these, too many in all.
    pub refused: u64,
    /// Of these, too many of one exporter.
    pub refused_of_exporter: u64,
    /// Of these, sessions that are open, handshakes included.
    pub open: u64,
    /// Of these, sessions that ended: why.
    pub ended: [(Ending, u64); Ending::ALL.len()],
    /// Messages handed on.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The exporter closed it, after a message.
    Closed,
    /// The exporter closed it within a message.
    ClosedWithin,
    /// The connection broke.
    Broken,
    /// A message of a version other than 10.
    Version,
    /// A message that says to be shorter than its header.
    Length,
    /// A message was not whole in time.
    Slow,
    /// No message came for too long.
    Idle,
    /// The handshake of TLS was not over in time.
    SlowHandshake,
    /// TLS failed: no certificate, one of a wrong authority, not TLS at all.
    Tls,
    /// The collector was stopped.
    Stopped,
}

impl Ending {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Closed,
        Self::ClosedWithin,
        Self::Broken,
        Self::Version,
        Self::Length,
        Self::Slow,
        Self::Idle,
        Self::SlowHandshake,
        Self::Tls,
        Self::Stopped,
    ];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ClosedWithin => "closed_within_message",
            Self::Broken => "broken",
            Self::Version => "wrong_version",
            Self::Length => "wrong_length",
            Self::Slow => "slow_message",
            Self::Idle => "idle",
            Self::SlowHandshake => "slow_handshake",
            Self::Tls => "tls",
            Self::Stopped => "stopped",
        }
    }

    /// For people, behind "the session of ... ended: ".
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Closed => "the exporter closed it",
            Self::ClosedWithin => "the exporter closed it within a message",
            Self::Broken => "the connection broke",
            Self::Version => "it sent something else than IPFIX (version 10)",
            Self::Length => "it sent a message that says to be shorter than its header",
            Self::Slow => "a message was not whole in time",
            Self::Idle => "no message came for too long",
            Self::SlowHandshake => "the handshake of TLS was not over in time",
            Self::Tls => "TLS failed",
            Self::Stopped => "the collector was stopped",
        }
    }

    /// Whether the exporter, or the way to it, is to be looked at.
    pub const fn is_wrong(self) -> bool {
        !matches!(self, Self::Closed | Self::Stopped)
    }
}

/// The same as the statistics, while they are counted.
#[derive(Debug)]
pub(super) struct Counts {
    listen: usize,
    address: SocketAddr,
    transport: &'static str,
    pub(super) connections: AtomicU64,
    pub(super) strangers: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) refused_of_exporter: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) bytes: AtomicU64,
    ended: [AtomicU64; Ending::ALL.len()],
}

impl Counts {
    pub(super) fn new(listen: usize, address: SocketAddr, transport: &'static str) -> Self {
        Self {
            listen,
            address,
            transport,
            connections: AtomicU64::default(),
            strangers: AtomicU64::default(),
            refused: AtomicU64::default(),
            refused_of_exporter: AtomicU64::default(),
            messages: AtomicU64::default(),
            bytes: AtomicU64::default(),
            ended: Default::default(),
        }
    }

    pub(super) fn ended(&self, why: Ending) {
        if let Some(counter) = self.ended.get(why as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn stats(&self) -> StreamStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // What came out before what went in, so that nothing is open that was not there.
        let ended = Ending::ALL.map(|why| (why, self.ended.get(why as usize).map_or(0, count)));
        let (strangers, refused) = (count(&self.strangers), count(&self.refused));
        let refused_of_exporter = count(&self.refused_of_exporter);
        let connections = count(&self.connections);
        let gone =
            strangers + refused + refused_of_exporter + ended.iter().map(|(_, count)| count).sum::<u64>();
        StreamStats {
            listen: self.listen,
            address: self.address,
            transport: self.transport,
            connections,
            strangers,
            refused,
            refused_of_exporter,
            open: connections.saturating_sub(gone),
            ended,
            messages: count(&self.messages),
            bytes: count(&self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_is_counted_under_its_own_name() {
        let counts = Counts::new(0, "127.0.0.1:1".parse().unwrap(), "tcp");
        for (times, why) in Ending::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counts.ended(why));
        }
        let expected: Vec<_> = Ending::ALL.into_iter().zip(1..).collect();
        assert_eq!(counts.stats().ended.to_vec(), expected);
        let names: std::collections::BTreeSet<_> = Ending::ALL.map(Ending::name).into();
        assert_eq!(names.len(), Ending::ALL.len());
    }
}

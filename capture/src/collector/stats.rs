//! What a collector counts and reports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use weir_model::Timestamp;

use super::stream::{Ending, StreamStats};

/// Everything that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorStats {
    /// Of UDP: by address in the order of the options, then by thread.
    pub sockets: Vec<SocketStats>,
    /// Of TCP and TLS, in the order of the options.
    pub streams: Vec<StreamStats>,
}

/// Counters of a socket of UDP.
///
/// The books: what exporters sent to it and the network did not lose `= datagrams + refused + truncated + dropped`, as soon as the
/// socket is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketStats {
    /// The place of its address in the options.
    pub listen: usize,
    /// The address, with the port that it got.
    pub address: SocketAddr,
    /// The thread.
    pub worker: usize,
    /// Datagrams handed on.
    pub datagrams: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Datagrams from addresses that are not heard.
    pub refused: u64,
    /// Datagrams longer than allowed.
    pub truncated: u64,
    /// Datagrams that the kernel had no room for (or found broken): its counter of the socket, which is also the one that
    /// SO_RXQ_OVFL tells with datagrams, but told without waiting for the next one (SO_MEMINFO).
    pub dropped: u64,
    /// Bytes that were granted for datagrams that wait; the kernel counts each with what it needs around it, and grants twice
    /// this to make up for that.
    pub buffer: usize,
    /// Bytes of it that are full, by the same measure.
    pub waiting: usize,
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorEvent {
    /// What.
    pub what: Heard,
    /// When, by the system's clock.
    pub when: Timestamp,
}

/// What happens to a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody sends who is not heard; told once of each, and only of the first [`super::MAX_STRANGERS_TOLD`].
    Stranger(IpAddr),
    /// A session was cut off, or ended as it should not; told once for each exporter and reason, and only of the first
    /// [`super::MAX_STRANGERS_TOLD`].
    CutOff {
        /// Whose.
        exporter: IpAddr,
        /// The place of the address that it came in at, in the options.
        listen: usize,
        /// Why.
        why: Ending,
        /// More about it, where somebody says so.
        detail: Option<String>,
    },
}

/// A sentence for people.
impl fmt::Display for CollectorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, when } = self;
        match what {
            Heard::Stranger(address) => {
                write!(f, "{when}: {address} sends records, and is not in the list of exporters: not heard")
            }
            Heard::CutOff { exporter, why, detail, .. } => {
                write!(f, "{when}: the session of {exporter} ended: {}", why.sentence())?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
            }
        }
    }
}

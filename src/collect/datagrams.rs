//! Datagrams on their way from the packets in which they came to the collector.

use std::net::IpAddr;
use weir_model::Timestamp;

/// Datagrams, each with the packet in which it came.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    bytes: Vec<u8>,
    all: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    packet: u64,
    time: Timestamp,
    exporter: IpAddr,
    start: usize,
    len: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Datagram<'a> {
    /// Number of the packet.
    pub packet: u64,
    /// When it was received.
    pub time: Timestamp,
    /// Who sent it.
    pub exporter: IpAddr,
    pub bytes: &'a [u8],
}

impl Datagrams {
    /// Copies one.
    pub(crate) fn push(&mut self, datagram: Datagram<'_>) {
        let Datagram { packet, time, exporter, bytes } = datagram;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.all.push(Entry { packet, time, exporter, start, len: bytes.len() });
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Moves those of another behind these.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        }
        other.iter().for_each(|datagram| self.push(datagram));
        other.clear();
    }

    /// Forgets them, and keeps the memory for others.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.all.clear();
    }

    fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.all.iter().map(|entry| Datagram {
            packet: entry.packet,
            time: entry.time,
            exporter: entry.exporter,
            bytes: self.bytes.get(entry.start..entry.start + entry.len).unwrap_or_default(),
        })
    }
}

/// All of them by their packets. Where fragments are given up, several packets may have one number; then all else decides, so that
/// the order is that of the input, whoever found them.
pub(crate) fn in_order<'a>(parts: impl Iterator<Item = &'a Datagrams>) -> Vec<Datagram<'a>> {
    let mut all: Vec<_> = parts.flat_map(Datagrams::iter).collect();
    all.sort_unstable();
    all
}

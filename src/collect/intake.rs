//! Finds the datagrams of exporters among the packets of a capture.

use super::datagrams::{Datagram, Datagrams};
use std::collections::BTreeMap;
use std::sync::Arc;
use weir_model::Protocol;
use weir_wire::{Packet, Transport};

/// Copies what was sent to the ports that were named, and counts what looks as if it should have been named.
#[derive(Debug)]
pub(crate) struct Intake {
    ports: Arc<[u16]>,
    found: Datagrams,
    heard: Heard,
}

/// What came to which port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Datagrams to each of the ports that were named; what is absent got none.
    pub named: BTreeMap<u16, u64>,
    /// Datagrams to other ports that look like exports. There are no more than there are ports.
    pub others: BTreeMap<u16, u64>,
}

impl Heard {
    /// Counts what another worker heard.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, its) in [(&mut self.named, &other.named), (&mut self.others, &other.others)] {
            for (port, count) in its {
                *mine.entry(*port).or_default() += count;
            }
        }
    }

    /// Datagrams to the ports that were named.
    pub(crate) fn datagrams(&self) -> u64 {
        self.named.values().sum()
    }
}

impl Intake {
    /// Nothing found.
    pub(crate) fn new(ports: Arc<[u16]>) -> Self {
        Self { ports, found: Datagrams::default(), heard: Heard::default() }
    }

    /// Looks at a packet, put together where it came in fragments.
    #[inline]
    pub(crate) fn look(&mut self, packet: &Packet<'_>) {
        if packet.protocol == Protocol::UDP && matches!(packet.transport, Transport::Udp) {
            self.datagram(packet);
        }
    }

    fn datagram(&mut self, packet: &Packet<'_>) {
        let port = packet.destination.port;
        if self.ports.contains(&port) {
            *self.heard.named.entry(port).or_default() += 1;
            self.found.push(Datagram {
                packet: packet.number,
                time: packet.time,
                exporter: packet.source.ip,
                bytes: packet.payload,
            });
        } else if looks_exported(packet.payload) {
            *self.heard.others.entry(port).or_default() += 1;
        }
    }

    /// Moves what was found behind what is there.
    pub(crate) fn hand_over(&mut self, to: &mut Datagrams) {
        to.append(&mut self.found);
    }

    /// What came to which port so far.
    pub(crate) const fn heard(&self) -> &Heard {
        &self.heard
    }
}

/// Whether bytes look like a datagram of an exporter: the version and one more field must fit. Only for a hint.
fn looks_exported(bytes: &[u8]) -> bool {
    const V5_HEADER: usize = 24;
    const V5_RECORD: usize = 48;
    const V9_HEADER: usize = 20;
    let Some(&[version_high, version, high, low, ..]) = bytes.first_chunk::<8>() else { return false };
    let second = usize::from(u16::from_be_bytes([high, low]));
    match (version_high, version) {
        (0, 5) => second > 0 && bytes.len() == V5_HEADER + second * V5_RECORD,
        // The first set is of templates (0), of options templates (1), or data of a template (256 and above).
        (0, 9) => second > 0 && matches!(bytes.get(V9_HEADER..), Some([0, 0 | 1, ..] | [1..=255, _, ..])),
        (0, 10) => second == bytes.len(),
        // sFlow's version has four bytes; then comes the kind of the agent's address.
        (0, 0) => (high, low) == (0, 5) && matches!(bytes.get(4..8), Some([0, 0, 0, 1 | 2])),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_recognised_and_other_datagrams_are_not() {
        let mut v5 = vec![0; 24 + 2 * 48];
        v5[..4].copy_from_slice(&[0, 5, 0, 2]);
        assert!(looks_exported(&v5));
        assert!(!looks_exported(&v5[..100]), "the length does not fit");
        let mut v9 = vec![0; 40];
        v9[..4].copy_from_slice(&[0, 9, 0, 1]);
        assert!(looks_exported(&v9));
        v9[21] = 2;
        assert!(!looks_exported(&v9), "no set has the number 2");
        let mut ipfix = vec![0; 32];
        ipfix[..4].copy_from_slice(&[0, 10, 0, 32]);
        assert!(looks_exported(&ipfix));
        assert!(looks_exported(&[0, 0, 0, 5, 0, 0, 0, 1, 192, 0, 2, 1]));
        for other in [b"".as_slice(), b"GET / HTTP/1.1", &[0, 5], &[0, 10, 1, 0, 0, 1, 0, 0, 0, 0]] {
            assert!(!looks_exported(other), "{other:?}");
        }
    }
}

//! Where a record was made, as compact as entries hold it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::ExportVersion;
use weir_model::record::{ObservedAt, Origin};

/// Exporter, protocol, observation domain and side of the interface: who tells, and who can tell of the same packets twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// IPv4 in the first four bytes.
    exporter: [u8; 16],
    domain: [u8; 4],
    /// Version in the low bits, then [`Place::DIRECTIONS`], then [`Place::V4`].
    kind: u8,
}

impl Place {
    const VERSIONS: u8 = 0x07;
    const INGRESS: u8 = 0x08;
    const EGRESS: u8 = 0x10;
    const DIRECTIONS: u8 = Self::INGRESS | Self::EGRESS;
    const V4: u8 = 0x20;

    pub(super) fn new(origin: &Origin, observed_at: Option<ObservedAt>) -> Self {
        let direction = match observed_at {
            None => 0,
            Some(ObservedAt::Ingress) => Self::INGRESS,
            Some(ObservedAt::Egress) => Self::EGRESS,
        };
        let (exporter, is_v4) = bytes(origin.exporter);
        let kind = origin.version as u8 & Self::VERSIONS | direction | if is_v4 { Self::V4 } else { 0 };
        Self { exporter, domain: origin.domain.to_ne_bytes(), kind }
    }

    pub(super) fn exporter(&self) -> IpAddr {
        address(self.exporter, self.kind & Self::V4 != 0)
    }

    pub(super) const fn domain(&self) -> u32 {
        u32::from_ne_bytes(self.domain)
    }

    pub(super) fn version(&self) -> ExportVersion {
        let index = usize::from(self.kind & Self::VERSIONS);
        ExportVersion::ALL.get(index).copied().unwrap_or(ExportVersion::Ipfix)
    }

    pub(super) const fn observed_at(&self) -> Option<ObservedAt> {
        match self.kind & Self::DIRECTIONS {
            Self::INGRESS => Some(ObservedAt::Ingress),
            Self::EGRESS => Some(ObservedAt::Egress),
            _ => None,
        }
    }
}

/// An address in 16 bytes, and whether it is IPv4.
pub(super) fn bytes(address: IpAddr) -> ([u8; 16], bool) {
    match address {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            if let Some(place) = bytes.first_chunk_mut() {
                *place = ip.octets();
            }
            (bytes, true)
        }
        IpAddr::V6(ip) => (ip.octets(), false),
    }
}

/// The address in 16 bytes.
pub(super) fn address(bytes: [u8; 16], is_v4: bool) -> IpAddr {
    let [b0, b1, b2, b3, ..] = bytes;
    if is_v4 { Ipv4Addr::new(b0, b1, b2, b3).into() } else { Ipv6Addr::from(bytes).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::Timestamp;

    #[test]
    fn says_what_it_was_made_of() {
        for (number, version) in (0..).zip(ExportVersion::ALL) {
            for exporter in [IpAddr::from([192, 0, 2, 7]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])] {
                for observed_at in [None, Some(ObservedAt::Ingress), Some(ObservedAt::Egress)] {
                    let time = Timestamp::EPOCH;
                    let origin = Origin {
                        exporter,
                        version,
                        domain: u32::MAX - number,
                        exported: time,
                        received: time,
                    };
                    let place = Place::new(&origin, observed_at);
                    assert_eq!((place.exporter(), place.version()), (exporter, version));
                    assert_eq!((place.domain(), place.observed_at()), (u32::MAX - number, observed_at));
                }
            }
        }
        assert_eq!(size_of::<Place>(), 21);
    }
}

//! Values at rest: 8 bytes each, numbered in the order added; what has no room there lies beside.

use super::bytes::record;
use super::key::Key;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

/// The number of an indicator within its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndicatorId(pub(super) u32);

/// The values of a set.
///
/// ```text
///  0       1       2               4                               8
/// +-------+-------+---------------+-------------------------------+
/// | kind  |   0   |     small     |             place             |
/// +-------+-------+---------------+-------------------------------+
/// ```
///
/// `small` is a port, the length of a prefix, or the length of a text; `place` an IPv4 address, or where the rest begins in `wide`:
/// an IPv6 address, a text, a digest; for a URL the length of its path (4 bytes) and its port plus one (4 bytes, 0: none),
/// host (of `small` bytes) and path.
#[derive(Clone, Debug, Default)]
pub(super) struct Values<B> {
    pub(super) values: B,
    pub(super) wide: B,
}

/// Bytes of a value.
const VALUE_BYTES: usize = 8;

/// The first byte of a value. The numbers are part of the snapshot's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    V4,
    V4Port,
    V4Network,
    V6,
    V6Port,
    V6Network,
    Domain,
    Host,
    Url,
    Ja3,
    Ja4,
    Sha1,
    Sha256,
}

const FORMS: [Form; 13] = [
    Form::V4,
    Form::V4Port,
    Form::V4Network,
    Form::V6,
    Form::V6Port,
    Form::V6Network,
    Form::Domain,
    Form::Host,
    Form::Url,
    Form::Ja3,
    Form::Ja4,
    Form::Sha1,
    Form::Sha256,
];

impl<B: Deref<Target = [u8]>> Values<B> {
    pub(super) fn len(&self) -> usize {
        self.values.len() / VALUE_BYTES
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = IndicatorId> + Clone + use<B> {
        (0..self.len() as u32).map(IndicatorId)
    }

    /// The value of a number; `None` when there is none, or when what the bytes say is none.
    pub(super) fn key(&self, id: IndicatorId) -> Option<Key<'_>> {
        let [form, _, small_low, small_high, a, b, c, d] = record(&self.values, id.0 as usize)?;
        let small = u16::from_le_bytes([small_low, small_high]);
        let place = u32::from_le_bytes([a, b, c, d]);
        let wide = || self.wide.get(place as usize..);
        let text = || str::from_utf8(wide()?.get(..usize::from(small))?).ok();
        let v4 = Ipv4Addr::from_bits(place);
        let v6 = || Some(Ipv6Addr::from_bits(u128::from_le_bytes(*wide()?.first_chunk()?)));
        let network = |ip: IpAddr| IpNet::new(ip, u8::try_from(small).ok()?).ok();
        Some(match *FORMS.get(usize::from(form))? {
            Form::V4 => Key::Address(v4.into()),
            Form::V4Port => Key::AddressPort(v4.into(), small),
            Form::V4Network => Key::Network(network(v4.into())?),
            Form::V6 => Key::Address(v6()?.into()),
            Form::V6Port => Key::AddressPort(v6()?.into(), small),
            Form::V6Network => Key::Network(network(v6()?.into())?),
            Form::Domain => Key::Domain(text()?),
            Form::Host => Key::Host(text()?),
            Form::Url => url(wide()?, usize::from(small))?,
            Form::Ja3 => Key::Ja3(wide()?.first_chunk()?),
            Form::Ja4 => Key::Ja4(text()?),
            Form::Sha1 => Key::Sha1(wide()?.first_chunk()?),
            Form::Sha256 => Key::Sha256(wide()?.first_chunk()?),
        })
    }
}

fn url(wide: &[u8], host_len: usize) -> Option<Key<'_>> {
    let (path_len, rest) = wide.split_first_chunk()?;
    let (port_plus_one, rest) = rest.split_first_chunk()?;
    let (host, rest) = rest.split_at_checked(host_len)?;
    let path = rest.get(..u32::from_le_bytes(*path_len) as usize)?;
    let port = u32::from_le_bytes(*port_plus_one).checked_sub(1).and_then(|port| u16::try_from(port).ok());
    Some(Key::Url { host: str::from_utf8(host).ok()?, port, path: str::from_utf8(path).ok()? })
}

impl Values<Vec<u8>> {
    /// Adds a value that is not there yet. `None`: no more fit (what lies beside has 4 GiB, a text 64 KiB).
    pub(super) fn push(&mut self, key: &Key<'_>) -> Option<IndicatorId> {
        let id = IndicatorId(u32::try_from(self.len()).ok()?);
        let (form, small, place) = match *key {
            Key::Address(IpAddr::V4(ip)) => (Form::V4, 0, ip.to_bits()),
            Key::AddressPort(IpAddr::V4(ip), port) => (Form::V4Port, port, ip.to_bits()),
            Key::Network(IpNet::V4(net)) => {
                (Form::V4Network, u16::from(net.prefix_len()), net.addr().to_bits())
            }
            Key::Address(IpAddr::V6(ip)) => (Form::V6, 0, self.push_v6(ip)?),
            Key::AddressPort(IpAddr::V6(ip), port) => (Form::V6Port, port, self.push_v6(ip)?),
            Key::Network(IpNet::V6(net)) => {
                (Form::V6Network, u16::from(net.prefix_len()), self.push_v6(net.addr())?)
            }
            Key::Domain(name) => (Form::Domain, length(name)?, self.push_wide([name.as_bytes()])?),
            Key::Host(name) => (Form::Host, length(name)?, self.push_wide([name.as_bytes()])?),
            Key::Url { host, port, path } => {
                let path_len = u32::try_from(path.len()).ok()?.to_le_bytes();
                let port = port.map_or(0, |port| u32::from(port) + 1).to_le_bytes();
                let parts = [&path_len, &port, host.as_bytes(), path.as_bytes()];
                (Form::Url, length(host)?, self.push_wide(parts)?)
            }
            Key::Ja3(digest) => (Form::Ja3, 0, self.push_wide([digest.as_slice()])?),
            Key::Ja4(text) => (Form::Ja4, length(text)?, self.push_wide([text.as_bytes()])?),
            Key::Sha1(digest) => (Form::Sha1, 0, self.push_wide([digest.as_slice()])?),
            Key::Sha256(digest) => (Form::Sha256, 0, self.push_wide([digest.as_slice()])?),
        };
        self.values.extend([form as u8, 0]);
        self.values.extend(small.to_le_bytes());
        self.values.extend(place.to_le_bytes());
        Some(id)
    }

    fn push_v6(&mut self, ip: Ipv6Addr) -> Option<u32> {
        self.push_wide([ip.to_bits().to_le_bytes().as_slice()])
    }

    fn push_wide<const N: usize>(&mut self, parts: [&[u8]; N]) -> Option<u32> {
        let start = u32::try_from(self.wide.len()).ok()?;
        let len: usize = parts.iter().map(|part| part.len()).sum();
        u32::try_from(self.wide.len() + len).ok()?;
        for part in parts {
            self.wide.extend_from_slice(part);
        }
        Some(start)
    }
}

fn length(text: &str) -> Option<u16> {
    u16::try_from(text.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_stand_at_their_numbers() {
        assert!(FORMS.iter().zip(0..).all(|(form, number)| *form as u8 == number));
    }

    #[test]
    fn what_is_none_is_not_read() {
        let values = |value: [u8; 8], wide: &[u8]| Values { values: value.to_vec(), wide: wide.to_vec() };
        let key = |value, wide| values(value, wide).key(IndicatorId(0)).is_some();
        assert!(key([6, 0, 2, 0, 1, 0, 0, 0], b"xab"));
        assert!(!key([6, 0, 3, 0, 1, 0, 0, 0], b"xab"));
        assert!(!key([6, 0, 3, 0, 9, 0, 0, 0], b"xab"));
        assert!(!key([6, 0, 2, 0, 0, 0, 0, 0], b"\xff\xfe"));
        assert!(!key([13, 0, 0, 0, 0, 0, 0, 0], b""));
        assert!(key([2, 0, 32, 0, 1, 2, 3, 4], b""));
        assert!(!key([2, 0, 33, 0, 1, 2, 3, 4], b""));
        assert!(!key([8, 0, 1, 0, 0, 0, 0, 0], &[5, 0, 0, 0, 0, 0, 0, 0, b'h', b'/']));
        assert!(!key([3, 0, 0, 0, 0, 0, 0, 0], &[0; 15]));
    }
}

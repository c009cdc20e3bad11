//! Indicators at rest: values and contexts in a compact form, numbered in the order added.

use super::key::{KINDS, Key};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;
use weir_model::indicator::Warning;
use weir_model::{Context, Indicator};

/// The number of an indicator within its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndicatorId(pub(super) u32);

/// A [`Key`], owned: 8 bytes. What has no room there is in a table of its own, of which this is the position.
#[derive(Clone, Copy, Debug)]
enum Stored {
    V4(Ipv4Addr),
    V4Port(Ipv4Addr, u16),
    V4Network(Ipv4Addr, u8),
    V6(u32),
    V6Port(u32, u16),
    V6Network(u32, u8),
    Domain { start: u32, len: u16 },
    Host { start: u32, len: u16 },
    Url(u32),
    Ja3(u32),
    Ja4 { start: u32, len: u16 },
    Sha1(u32),
    Sha256(u32),
}

/// A range of the texts.
#[derive(Clone, Copy, Debug)]
struct Text {
    start: u32,
    len: u16,
}

impl Text {
    fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + usize::from(self.len)
    }
}

/// The path stands right behind the host.
#[derive(Debug)]
struct StoredUrl {
    host: Text,
    path_len: u32,
    port: Option<u16>,
}

#[derive(Debug)]
struct Entry {
    value: Stored,
    /// The first of its contexts, or [`END`].
    contexts: u32,
}

/// One source's word on one indicator: most say the same of many, only the line differs.
#[derive(Debug)]
struct ContextRef {
    shared: u32,
    /// 0: none.
    line: u32,
    /// The next context of the same indicator, or [`END`].
    next: u32,
}

const END: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Store {
    entries: Vec<Entry>,
    text: String,
    v6: Vec<Ipv6Addr>,
    urls: Vec<StoredUrl>,
    ja3: Vec<[u8; 16]>,
    sha1: Vec<[u8; 20]>,
    sha256: Vec<[u8; 32]>,
    contexts: Vec<ContextRef>,
    shared: Vec<Arc<Context>>,
    kinds: [u64; KINDS.len()],
    /// Few have any.
    warnings: BTreeMap<IndicatorId, Arc<[Warning]>>,
}

impl Store {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = IndicatorId> + Clone + use<> {
        (0..self.entries.len() as u32).map(IndicatorId)
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.kinds)
    }

    /// How many are addresses, with or without a port.
    pub(super) fn addresses(&self) -> usize {
        let [address, address_port, ..] = self.kinds;
        (address + address_port) as usize
    }

    pub(super) fn key(&self, id: IndicatorId) -> Option<Key<'_>> {
        let text = |start, len| self.text.get(Text { start, len }.range());
        let v6 = |position: u32| self.v6.get(position as usize).copied();
        Some(match self.entries.get(id.0 as usize)?.value {
            Stored::V4(ip) => Key::Address(ip.into()),
            Stored::V4Port(ip, port) => Key::AddressPort(ip.into(), port),
            Stored::V4Network(ip, len) => Key::Network(IpNet::new(ip.into(), len).ok()?),
            Stored::V6(position) => Key::Address(v6(position)?.into()),
            Stored::V6Port(position, port) => Key::AddressPort(v6(position)?.into(), port),
            Stored::V6Network(position, len) => Key::Network(IpNet::new(v6(position)?.into(), len).ok()?),
            Stored::Domain { start, len } => Key::Domain(text(start, len)?),
            Stored::Host { start, len } => Key::Host(text(start, len)?),
            Stored::Url(position) => {
                let StoredUrl { host, path_len, port } = self.urls.get(position as usize)?;
                let path_start = host.range().end;
                let path = self.text.get(path_start..path_start + *path_len as usize)?;
                Key::Url { host: self.text.get(host.range())?, port: *port, path }
            }
            Stored::Ja3(position) => Key::Ja3(self.ja3.get(position as usize)?),
            Stored::Ja4 { start, len } => Key::Ja4(text(start, len)?),
            Stored::Sha1(position) => Key::Sha1(self.sha1.get(position as usize)?),
            Stored::Sha256(position) => Key::Sha256(self.sha256.get(position as usize)?),
        })
    }

    pub(super) fn indicator(&self, id: IndicatorId) -> Option<Indicator> {
        let value = self.key(id)?.to_value();
        let contexts = self.contexts_of(id).filter_map(|(_, context)| {
            let shared = self.shared.get(context.shared as usize)?;
            Some(Context { line: Some(context.line).filter(|line| *line > 0), ..Context::clone(shared) })
        });
        let warnings = self.warnings.get(&id).cloned().unwrap_or_default();
        Some(Indicator { value, contexts: contexts.collect(), warnings })
    }

    /// Adds a value that is not there yet. `None`: the store is full (numbers and offsets have 32 bits, names 16).
    pub(super) fn push(&mut self, key: &Key<'_>) -> Option<IndicatorId> {
        let id = u32::try_from(self.entries.len()).ok().filter(|id| *id < END)?;
        let value = self.stored(key)?;
        if let Some(count) = self.kinds.get_mut(key.kind_position()) {
            *count += 1;
        }
        self.entries.push(Entry { value, contexts: END });
        Some(IndicatorId(id))
    }

    fn stored(&mut self, key: &Key<'_>) -> Option<Stored> {
        Some(match *key {
            Key::Address(IpAddr::V4(ip)) => Stored::V4(ip),
            Key::AddressPort(IpAddr::V4(ip), port) => Stored::V4Port(ip, port),
            Key::Network(IpNet::V4(net)) => Stored::V4Network(net.addr(), net.prefix_len()),
            Key::Address(IpAddr::V6(ip)) => Stored::V6(push(&mut self.v6, ip)?),
            Key::AddressPort(IpAddr::V6(ip), port) => Stored::V6Port(push(&mut self.v6, ip)?, port),
            Key::Network(IpNet::V6(net)) => {
                Stored::V6Network(push(&mut self.v6, net.addr())?, net.prefix_len())
            }
            Key::Domain(name) => {
                let Text { start, len } = self.push_text(name, "")?;
                Stored::Domain { start, len }
            }
            Key::Host(name) => {
                let Text { start, len } = self.push_text(name, "")?;
                Stored::Host { start, len }
            }
            Key::Url { host, port, path } => {
                let path_len = u32::try_from(path.len()).ok()?;
                let host = self.push_text(host, path)?;
                Stored::Url(push(&mut self.urls, StoredUrl { host, path_len, port })?)
            }
            Key::Ja3(hash) => Stored::Ja3(push(&mut self.ja3, *hash)?),
            Key::Ja4(fingerprint) => {
                let Text { start, len } = self.push_text(fingerprint, "")?;
                Stored::Ja4 { start, len }
            }
            Key::Sha1(hash) => Stored::Sha1(push(&mut self.sha1, *hash)?),
            Key::Sha256(hash) => Stored::Sha256(push(&mut self.sha256, *hash)?),
        })
    }

    /// The contexts of an indicator as (number of the shared part, reference), in the order added.
    fn contexts_of(&self, id: IndicatorId) -> impl Iterator<Item = (u32, &ContextRef)> {
        let mut next = self.entries.get(id.0 as usize).map_or(END, |entry| entry.contexts);
        std::iter::from_fn(move || {
            let current = next;
            let context = self.contexts.get(current as usize)?;
            next = context.next;
            Some((current, context))
        })
    }

    /// Notes a shared context, without its line, and gives its number.
    pub(super) fn push_shared(&mut self, context: Arc<Context>) -> Option<u32> {
        let number = u32::try_from(self.shared.len()).ok()?;
        self.shared.push(context);
        Some(number)
    }

    /// Adds a context to an indicator unless it has it already (then the first line stays) or has `limit` of them.
    /// Says whether the indicator now has it.
    pub(super) fn add_context(
        &mut self,
        id: IndicatorId,
        shared: u32,
        line: Option<u32>,
        limit: usize,
    ) -> bool {
        let (mut last, mut count) = (None, 0);
        for (number, context) in self.contexts_of(id) {
            if context.shared == shared {
                return true;
            }
            (last, count) = (Some(number), count + 1);
        }
        let Some(number) =
            u32::try_from(self.contexts.len()).ok().filter(|number| *number < END && count < limit)
        else {
            return false;
        };
        self.contexts.push(ContextRef { shared, line: line.unwrap_or(0), next: END });
        let link = match last {
            Some(last) => self.contexts.get_mut(last as usize).map(|context| &mut context.next),
            None => self.entries.get_mut(id.0 as usize).map(|entry| &mut entry.contexts),
        };
        if let Some(link) = link {
            *link = number;
        }
        true
    }

    pub(super) fn set_warnings(&mut self, id: IndicatorId, warnings: Arc<[Warning]>) {
        self.warnings.insert(id, warnings);
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
        self.v6.shrink_to_fit();
        self.urls.shrink_to_fit();
        self.ja3.shrink_to_fit();
        self.sha1.shrink_to_fit();
        self.sha256.shrink_to_fit();
        self.contexts.shrink_to_fit();
        self.shared.shrink_to_fit();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.text.capacity()
            + self.v6.capacity() * size_of::<Ipv6Addr>()
            + self.urls.capacity() * size_of::<StoredUrl>()
            + self.ja3.capacity() * 16
            + self.sha1.capacity() * 20
            + self.sha256.capacity() * 32
            + self.contexts.capacity() * size_of::<ContextRef>()
            + self.shared.capacity() * (size_of::<Arc<Context>>() + size_of::<Context>())
    }

    /// Appends two texts; the range is the first one's.
    fn push_text(&mut self, text: &str, behind: &str) -> Option<Text> {
        let start = u32::try_from(self.text.len()).ok()?;
        u32::try_from(self.text.len() + text.len() + behind.len()).ok()?;
        let len = u16::try_from(text.len()).ok()?;
        self.text.push_str(text);
        self.text.push_str(behind);
        Some(Text { start, len })
    }
}

/// Appends a value; the answer is its position.
fn push<T>(table: &mut Vec<T>, value: T) -> Option<u32> {
    let position = u32::try_from(table.len()).ok()?;
    table.push(value);
    Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 12, "{}", size_of::<Entry>());
        assert_eq!(size_of::<ContextRef>(), 12);
    }
}

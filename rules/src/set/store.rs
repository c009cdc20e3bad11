//! Indicators at rest: values and contexts in a compact form, numbered in the order added.

use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use weir_model::indicator::Url;
use weir_model::{Context, Indicator, IndicatorValue, Name};

/// The number of an indicator within its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndicatorId(pub(super) u32);

/// The value of an indicator, borrowed: what is hashed and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Address(IpAddr),
    AddressPort(IpAddr, u16),
    Network(IpNet),
    Domain(&'a str),
    Host(&'a str),
    Url { host: &'a str, port: Option<u16>, path: &'a str },
    Ja4(&'a str),
    Sha1(&'a [u8; 20]),
    Sha256(&'a [u8; 32]),
}

/// The same, owned: 24 bytes; texts are ranges of one buffer.
#[derive(Debug)]
enum Stored {
    Address(IpAddr),
    AddressPort(IpAddr, u16),
    Network(IpNet),
    Domain(Text),
    Host(Text),
    /// The host, and right behind it in the buffer the path.
    Url {
        host: Text,
        path_len: u32,
        port: Option<u16>,
    },
    Ja4(Text),
    Sha1([u8; 20]),
    /// Position among the longer hashes.
    Sha256(u32),
}

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
    sha256: Vec<[u8; 32]>,
    contexts: Vec<ContextRef>,
    shared: Vec<Arc<Context>>,
    kinds: [u64; KINDS.len()],
}

/// The kinds in the order in which they are listed.
const KINDS: [&str; 9] = [
    "address",
    "address_port",
    "network",
    "domain",
    "host",
    "url",
    "ja4",
    "certificate_sha1",
    "certificate_sha256",
];

impl Store {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = IndicatorId> {
        (0..self.entries.len() as u32).map(IndicatorId)
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.kinds)
    }

    pub(super) fn key(&self, id: IndicatorId) -> Option<Key<'_>> {
        let text = |text: Text| self.text.get(text.range());
        Some(match &self.entries.get(id.0 as usize)?.value {
            Stored::Address(ip) => Key::Address(*ip),
            Stored::AddressPort(ip, port) => Key::AddressPort(*ip, *port),
            Stored::Network(net) => Key::Network(*net),
            Stored::Domain(name) => Key::Domain(text(*name)?),
            Stored::Host(name) => Key::Host(text(*name)?),
            Stored::Url { host, path_len, port } => {
                let path_start = host.range().end;
                let path = self.text.get(path_start..path_start + *path_len as usize)?;
                Key::Url { host: text(*host)?, port: *port, path }
            }
            Stored::Ja4(fingerprint) => Key::Ja4(text(*fingerprint)?),
            Stored::Sha1(hash) => Key::Sha1(hash),
            Stored::Sha256(position) => Key::Sha256(self.sha256.get(*position as usize)?),
        })
    }

    pub(super) fn indicator(&self, id: IndicatorId) -> Option<Indicator> {
        let value = match self.key(id)? {
            Key::Address(ip) => IndicatorValue::Address(ip),
            Key::AddressPort(ip, port) => IndicatorValue::AddressPort(ip, port),
            Key::Network(net) => IndicatorValue::Network(net),
            Key::Domain(name) => IndicatorValue::Domain(Name::from_text_form(name)),
            Key::Host(name) => IndicatorValue::Host(Name::from_text_form(name)),
            Key::Url { host, port, path } => {
                IndicatorValue::Url(Url { host: Name::from_text_form(host), port, path: path.into() })
            }
            Key::Ja4(fingerprint) => IndicatorValue::Ja4(fingerprint.into()),
            Key::Sha1(hash) => IndicatorValue::CertificateSha1(*hash),
            Key::Sha256(hash) => IndicatorValue::CertificateSha256(*hash),
        };
        let contexts = self.contexts_of(id).filter_map(|(_, context)| {
            let shared = self.shared.get(context.shared as usize)?;
            Some(Context { line: Some(context.line).filter(|line| *line > 0), ..Context::clone(shared) })
        });
        Some(Indicator { value, contexts: contexts.collect() })
    }

    /// Adds a value that is not there yet. `None`: the store is full (numbers and offsets have 32 bits, names 16).
    pub(super) fn push(&mut self, key: &Key<'_>) -> Option<IndicatorId> {
        let id = u32::try_from(self.entries.len()).ok().filter(|id| *id < END)?;
        let value = match *key {
            Key::Address(ip) => Stored::Address(ip),
            Key::AddressPort(ip, port) => Stored::AddressPort(ip, port),
            Key::Network(net) => Stored::Network(net),
            Key::Domain(name) => Stored::Domain(self.push_text(name, "")?),
            Key::Host(name) => Stored::Host(self.push_text(name, "")?),
            Key::Url { host, port, path } => {
                let path_len = u32::try_from(path.len()).ok()?;
                Stored::Url { host: self.push_text(host, path)?, path_len, port }
            }
            Key::Ja4(fingerprint) => Stored::Ja4(self.push_text(fingerprint, "")?),
            Key::Sha1(hash) => Stored::Sha1(*hash),
            Key::Sha256(hash) => {
                self.sha256.push(*hash);
                Stored::Sha256(u32::try_from(self.sha256.len() - 1).ok()?)
            }
        };
        if let Some(count) = self.kinds.get_mut(kind_position(key)) {
            *count += 1;
        }
        self.entries.push(Entry { value, contexts: END });
        Some(IndicatorId(id))
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

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.text.shrink_to_fit();
        self.sha256.shrink_to_fit();
        self.contexts.shrink_to_fit();
        self.shared.shrink_to_fit();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.text.capacity()
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

/// Where a key's kind stands in [`KINDS`].
const fn kind_position(key: &Key<'_>) -> usize {
    match key {
        Key::Address(_) => 0,
        Key::AddressPort(..) => 1,
        Key::Network(_) => 2,
        Key::Domain(_) => 3,
        Key::Host(_) => 4,
        Key::Url { .. } => 5,
        Key::Ja4(_) => 6,
        Key::Sha1(_) => 7,
        Key::Sha256(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 28, "{}", size_of::<Entry>());
        assert_eq!(size_of::<ContextRef>(), 12);
    }
}

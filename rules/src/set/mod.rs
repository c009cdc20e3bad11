//! Indicator sets: what is known to be bad, compiled for look-up.

mod blobs;
mod builder;
mod bytes;
mod contexts;
mod filter;
mod hash;
mod index;
mod key;
mod members;
mod names;
mod networks;
mod said;
mod snapshot;
mod url;
mod values;

pub use builder::{Added, MAX_CONTEXTS_PER_INDICATOR, MAX_INDICATORS, SetBuilder, SetFull};
pub use snapshot::{MAX_LABEL_BYTES, Snapshot, SnapshotError};
pub use values::IndicatorId;

use bytes::Section;
use contexts::Contexts;
use filter::Filter;
use hash::Hashes;
use key::{Key, Kind, with_key};
use members::Members;
use names::Names;
use networks::Networks;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::net::IpAddr;
use std::sync::Arc;
use values::Values;
use weir_model::{Indicator, IndicatorValue, Name};

/// An immutable set of indicators, shared by `Arc` and swapped as a whole.
///
/// Two spellings of one thing are one indicator: an IPv4-mapped IPv6 address is the IPv4 address, a prefix of full
/// length is its address, ports 80 and 443 of a URL are no port, and what [`Self::url`] says of paths.
///
/// Most of what is asked for is not there, so a filter answers first (see `filter.rs`); what passes it is looked for in one hash table
/// of 4 bytes a slot and compared with the stored value, so that an answer is never a guess. What is stored is a few runs of
/// bytes, the same in memory and in a snapshot on disk; it becomes an [`Indicator`] when it is met. docs/ARCHITECTURE.md has
/// the figures.
///
/// Asking for many at once ([`Self::addresses`], [`Self::names`]) gives the same answers sooner: the accesses to memory of
/// different questions do not wait for one another.
#[derive(Debug)]
pub struct IndicatorSet {
    addresses: Filter,
    names: Names,
    networks: Networks,
    /// How many there are of each of [`IndicatorValue::KINDS`].
    kinds: [u64; IndicatorValue::KINDS.len()],
    stored: Stored,
    hashes: Hashes,
    /// Of what is stored, only these are in the set: it is a difference.
    only: Option<Members>,
}

/// What a set consists of, without what only makes look-ups quick. Clones share it.
#[derive(Clone, Debug)]
struct Stored {
    values: Values<Section>,
    /// See `index.rs`.
    index: Section,
    contexts: Contexts<Section>,
}

/// How many questions are put to the filter before the first answer is looked at: as many as there are bits to note them.
const BATCH: usize = 64;

impl IndicatorSet {
    /// Number of indicators.
    pub fn len(&self) -> usize {
        self.kinds.iter().sum::<u64>() as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An indicator with all its contexts, assembled from the compact form. `None` for an identifier of another set.
    pub fn get(&self, id: IndicatorId) -> Option<Arc<Indicator>> {
        self.is_meant(id).then(|| self.indicator(id)).flatten().map(Arc::new)
    }

    /// All identifiers, in the order in which their values were first added.
    pub fn ids(&self) -> impl Iterator<Item = IndicatorId> {
        self.stored.values.ids().filter(|id| self.is_meant(*id))
    }

    /// All indicators with their identifiers, in the order in which their values were first added.
    pub fn iter(&self) -> impl Iterator<Item = (IndicatorId, Indicator)> {
        self.ids().filter_map(|id| Some((id, self.indicator(id)?)))
    }

    /// The indicator of exactly this value. Unlike the questions that traffic asks, a name is not found for those below it, nor a
    /// prefix for its addresses.
    pub fn find_value(&self, value: &IndicatorValue) -> Option<IndicatorId> {
        with_key(value, |key| self.find(key))
    }

    /// The indicators whose values are not in an older set, under the same identifiers. One that only changed what is said of it is not
    /// among them. Nothing is copied: the difference shares what this set stores, and needs a bit for each of its indicators.
    #[must_use]
    pub fn without(&self, older: &Self) -> Self {
        let mut only = Members::none(self.stored.values.len());
        for id in self.ids() {
            if self.stored.values.key(id).is_some_and(|key| older.find(&key).is_none()) {
                only.insert(id);
            }
        }
        Self::assemble(self.stored.clone(), self.hashes.clone(), Some(only))
    }

    /// How many indicators of each kind there are, by [`IndicatorValue::kind`], in a fixed order.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        IndicatorValue::KINDS.into_iter().zip(self.kinds)
    }

    /// Bytes of memory, or of a snapshot that is mapped, that the set needs.
    pub fn memory_bytes(&self) -> usize {
        let Stored { values, index, contexts } = &self.stored;
        let Contexts { first, lines, links, blobs, warned } = contexts;
        let sections = [&values.values, &values.wide, index, first, lines, links, blobs, warned];
        sections.into_iter().map(|section| section.len()).sum::<usize>()
            + self.networks.memory_bytes()
            + self.addresses.memory_bytes()
            + self.names.memory_bytes()
            + self.only.as_ref().map_or(0, Members::memory_bytes)
    }

    /// The indicators for an address, whatever the port: the address itself, then every prefix that contains it, longest
    /// first.
    pub fn address(&self, ip: IpAddr) -> impl Iterator<Item = IndicatorId> {
        let ip = ip.to_canonical();
        let hash = self.hashes.address(ip);
        let exact = self.may_be_address(hash).then(|| self.find_hashed(hash, &Key::Address(ip))).flatten();
        exact.into_iter().chain(self.networks.containing(ip))
    }

    /// As [`Self::address`], for many at once: `found` gets the position of each address that is met and the indicator, in the
    /// order of the addresses.
    pub fn addresses(&self, ips: &[IpAddr], mut found: impl FnMut(usize, IndicatorId)) {
        for (ips, start) in ips.chunks(BATCH).zip((0..).step_by(BATCH)) {
            let mut passed = 0;
            for (ip, position) in ips.iter().zip(0..) {
                let hash = self.hashes.address(ip.to_canonical());
                passed |= u64::from(self.may_be_address(hash)) << position;
            }
            let asked = if self.networks.is_empty() { passed } else { u64::MAX };
            for (position, ip) in chosen(asked, ips) {
                let ip = ip.to_canonical();
                if passed >> position & 1 == 1
                    && let Some(id) = self.find(&Key::Address(ip))
                {
                    found(start + position, id);
                }
                self.networks.containing(ip).for_each(|id| found(start + position, id));
            }
        }
    }

    /// Whether any indicator is an address at a port.
    pub fn has_address_ports(&self) -> bool {
        self.has(Kind::AddressPort)
    }

    /// The indicator for an address at a port.
    pub fn address_port(&self, ip: IpAddr, port: u16) -> Option<IndicatorId> {
        if !self.has(Kind::AddressPort) {
            return None;
        }
        let ip = ip.to_canonical();
        let hash = self.hashes.address_port(ip, port);
        if self.may_be_address(hash) { self.find_hashed(hash, &Key::AddressPort(ip, port)) } else { None }
    }

    /// The indicators for a name: the host of exactly this name, then every domain that it is or is below, longest first.
    /// Labels are compared whole: `evil.example` is found for `a.evil.example`, never for `notevil.example`. The root is
    /// found for no name: as a domain it would be found for all.
    pub fn name(&self, name: &Name) -> impl Iterator<Item = IndicatorId> + use<> {
        let mut ids: SmallVec<[IndicatorId; 4]> = SmallVec::new();
        self.each_of_name(name.as_str(), |id| ids.push(id));
        ids.into_iter()
    }

    /// As [`Self::name`], for many at once: `found` gets the position of each name that is met and the indicator, in the order
    /// of the names.
    pub fn names<N: Borrow<Name>>(&self, names: &[N], mut found: impl FnMut(usize, IndicatorId)) {
        for (names, start) in names.chunks(BATCH).zip((0..).step_by(BATCH)) {
            let mut hashes = [0; BATCH];
            for (hash, name) in hashes.iter_mut().zip(names) {
                *hash = self.hashes.end(name.borrow().as_str());
            }
            // Only loads: the more of them that are under way at a time, the less each one costs.
            let words = hashes.map(|hash| self.names.word(hash));
            let mut passed = 0;
            for (word, position) in words.into_iter().take(names.len()).zip(0..) {
                passed |= u64::from(self.names.may_match(word)) << position;
            }
            for (position, name) in chosen(passed, names) {
                self.each_of_name(name.borrow().as_str(), |id| found(start + position, id));
            }
        }
    }

    fn each_of_name(&self, name: &str, mut found: impl FnMut(IndicatorId)) {
        for suffix in self.names.candidates(name, &self.hashes).iter().rev() {
            let Some(text) = name.get(suffix.start..) else { continue };
            if suffix.start == 0 {
                self.find_hashed(suffix.hash, &Key::Host(text)).into_iter().for_each(&mut found);
            }
            self.find_hashed(suffix.hash, &Key::Domain(text)).into_iter().for_each(&mut found);
        }
    }

    /// The indicator for a URL.
    ///
    /// Host, port and path with query must all be the same; the scheme does not count, and the default ports 80 and 443
    /// are the same as none. A missing path is `/`, a fragment is left out, the hexadecimal digits of
    /// percent-encoded bytes compare without case and bytes that may not stand in a URL are compared percent-encoded.
    /// Nothing else is normalised: `%41` is not `A`, `/a/../b` is not `/b`.
    pub fn url(&self, host: &str, port: Option<u16>, path: &str) -> Option<IndicatorId> {
        if !self.has(Kind::Url) {
            return None;
        }
        let path = url::normal_path(path);
        self.find(&Key::Url { host: url::normal_host(host), port: url::normal_port(port), path: &path })
    }

    /// The indicator for a JA3 fingerprint.
    pub fn ja3(&self, fingerprint: &[u8; 16]) -> Option<IndicatorId> {
        if self.has(Kind::Ja3) { self.find(&Key::Ja3(fingerprint)) } else { None }
    }

    /// The indicator for a JA4 fingerprint.
    pub fn ja4(&self, fingerprint: &str) -> Option<IndicatorId> {
        if self.has(Kind::Ja4) { self.find(&Key::Ja4(fingerprint)) } else { None }
    }

    /// The indicators for a certificate, by its SHA-256 and its SHA-1.
    pub fn certificate(&self, sha1: &[u8; 20], sha256: &[u8; 32]) -> impl Iterator<Item = IndicatorId> {
        let find = |key: &Key<'_>| {
            if self.has(Kind::Sha1) || self.has(Kind::Sha256) { self.find(key) } else { None }
        };
        find(&Key::Sha256(sha256)).into_iter().chain(find(&Key::Sha1(sha1)))
    }

    #[inline]
    fn may_be_address(&self, hash: u64) -> bool {
        self.addresses.word(hash).may_be(filter::Kind::Member)
    }

    fn find(&self, key: &Key<'_>) -> Option<IndicatorId> {
        self.find_hashed(self.hashes.key(key), key)
    }

    fn find_hashed(&self, hash: u64, key: &Key<'_>) -> Option<IndicatorId> {
        let Stored { values, index, .. } = &self.stored;
        let same = |number| values.key(IndicatorId(number)).is_some_and(|stored| stored == *key);
        index::find(index, hash, same).map(IndicatorId).filter(|id| self.is_meant(*id))
    }

    /// Whether there are any of this kind. Many sets have none of some: then nobody waits for memory to say so.
    fn has(&self, kind: Kind) -> bool {
        self.kinds.get(kind as usize).is_some_and(|count| *count > 0)
    }

    fn is_meant(&self, id: IndicatorId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }

    fn indicator(&self, id: IndicatorId) -> Option<Indicator> {
        let value = self.stored.values.key(id)?.to_value();
        let contexts = &self.stored.contexts;
        let warnings = contexts.warnings(id).unwrap_or_default();
        Some(Indicator { value, contexts: contexts.of(id).collect(), warnings })
    }
}

/// The items whose bits are set, with their positions.
fn chosen<T>(mut bits: u64, items: &[T]) -> impl Iterator<Item = (usize, &T)> {
    std::iter::from_fn(move || {
        let position = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        items.get(position).map(|item| (position, item))
    })
}

#[cfg(test)]
mod tests;

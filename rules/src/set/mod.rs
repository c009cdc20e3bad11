//! Indicator sets: what is known to be bad, compiled for look-up.

mod builder;
mod index;
mod networks;
mod store;
mod url;

pub use builder::{MAX_CONTEXTS_PER_INDICATOR, SetBuilder, SetFull};
pub use store::IndicatorId;

use foldhash::fast::RandomState;
use index::Index;
use networks::Networks;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use store::{Key, Store};
use weir_model::{Indicator, Name};

/// An immutable set of indicators, shared by `Arc` and swapped as a whole.
///
/// Two spellings of one thing are one indicator: an IPv4-mapped IPv6 address is the IPv4 address, a prefix of full
/// length is its address, ports 80 and 443 of a URL are no port, and what [`Self::url`] says of paths.
///
/// Everything but prefixes is found through one hash table of 8 bytes a slot; texts lie in one buffer and contexts are
/// stored once however many indicators share them, so that a million indicators need some tens of megabytes.
#[derive(Debug)]
pub struct IndicatorSet {
    store: Store,
    index: Index,
    networks: Networks,
    hasher: RandomState,
}

impl IndicatorSet {
    /// Number of indicators.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An indicator with all its contexts, assembled from the compact form. `None` for an identifier of another set.
    pub fn get(&self, id: IndicatorId) -> Option<Arc<Indicator>> {
        self.store.indicator(id).map(Arc::new)
    }

    /// All identifiers, in the order in which their values were first added.
    pub fn ids(&self) -> impl Iterator<Item = IndicatorId> {
        self.store.ids()
    }

    /// How many indicators of each kind there are, by [`weir_model::IndicatorValue::kind`], in a fixed order.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.store.kinds()
    }

    /// Bytes of memory that the set holds, without those behind shared contexts.
    pub fn memory_bytes(&self) -> usize {
        self.store.memory_bytes() + self.index.memory_bytes() + self.networks.memory_bytes()
    }

    /// The indicators for an address, whatever the port: the address itself, then every prefix that contains it, longest
    /// first.
    pub fn address(&self, ip: IpAddr) -> impl Iterator<Item = IndicatorId> {
        let ip = ip.to_canonical();
        self.find(&Key::Address(ip)).into_iter().chain(self.networks.containing(ip))
    }

    /// The indicator for an address at a port.
    pub fn address_port(&self, ip: IpAddr, port: u16) -> Option<IndicatorId> {
        self.find(&Key::AddressPort(ip.to_canonical(), port))
    }

    /// The indicators for a name: the host of exactly this name, then every domain that it is or is below, longest first.
    /// Labels are compared whole: `evil.example` is found for `a.evil.example`, never for `notevil.example`. The root as a
    /// domain is found for no name: it would be found for all.
    pub fn name<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = IndicatorId> + 'a {
        let domains = name.suffixes().filter_map(|suffix| self.find(&Key::Domain(suffix)));
        self.find(&Key::Host(name.as_str())).into_iter().chain(domains)
    }

    /// The indicator for a URL.
    ///
    /// Host, port and path with query must all be the same; the scheme does not count, and the default ports 80 and 443
    /// are the same as none. A missing path is `/`, a fragment is left out, the hexadecimal digits of
    /// percent-encoded bytes compare without case and bytes that may not stand in a URL are compared percent-encoded.
    /// Nothing else is normalised: `%41` is not `A`, `/a/../b` is not `/b`.
    pub fn url(&self, host: &str, port: Option<u16>, path: &str) -> Option<IndicatorId> {
        let path = url::normal_path(path);
        self.find(&Key::Url { host: url::normal_host(host), port: url::normal_port(port), path: &path })
    }

    /// The indicator for a JA4 fingerprint.
    pub fn ja4(&self, fingerprint: &str) -> Option<IndicatorId> {
        self.find(&Key::Ja4(fingerprint))
    }

    /// The indicators for a certificate, by its SHA-256 and its SHA-1.
    pub fn certificate(&self, sha1: &[u8; 20], sha256: &[u8; 32]) -> impl Iterator<Item = IndicatorId> {
        self.find(&Key::Sha256(sha256)).into_iter().chain(self.find(&Key::Sha1(sha1)))
    }

    fn find(&self, key: &Key<'_>) -> Option<IndicatorId> {
        find(&self.store, &self.index, &self.hasher, key)
    }
}

fn find(store: &Store, index: &Index, hasher: &RandomState, key: &Key<'_>) -> Option<IndicatorId> {
    let same = |id: u32| store.key(IndicatorId(id)).is_some_and(|stored| stored == *key);
    index.find(hasher.hash_one(key), same).map(IndicatorId)
}

#[cfg(test)]
mod tests;

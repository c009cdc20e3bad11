//! How a set is made.

use super::index::Index;
use super::networks::Networks;
use super::store::{IndicatorId, Key, Store};
use super::{IndicatorSet, find, url};
use foldhash::fast::RandomState;
use ipnet::{IpNet, Ipv4Net};
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use weir_model::{Context, Indicator, IndicatorValue};

/// Contexts kept of one indicator. A list that repeats one value with ever new comments would otherwise make its alerts
/// unreadable and adding to it quadratic; further contexts are counted and left out.
pub const MAX_CONTEXTS_PER_INDICATOR: usize = 64;

/// Makes an [`IndicatorSet`].
#[derive(Debug, Default)]
pub struct SetBuilder {
    store: Store,
    index: Index,
    hasher: RandomState,
    shared: HashMap<Arc<Context>, u32, RandomState>,
    contexts_left_out: u64,
}

/// The set cannot hold the indicator: 2^32 - 1 indicators or 4 GiB of text are reached, or a name is longer than 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetFull;

impl fmt::Display for SetFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the indicator set is full")
    }
}

impl std::error::Error for SetFull {}

impl SetBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an indicator. One that is there already gets the contexts it does not have yet; contexts that differ only in their
    /// line are the same.
    pub fn add(&mut self, indicator: Indicator) -> Result<IndicatorId, SetFull> {
        let Indicator { value, contexts } = indicator;
        let id = match canonical(&value) {
            IndicatorValue::Address(ip) => self.id(&Key::Address(ip)),
            IndicatorValue::AddressPort(ip, port) => self.id(&Key::AddressPort(ip, port)),
            IndicatorValue::Network(net) => self.id(&Key::Network(net)),
            IndicatorValue::Domain(name) => self.id(&Key::Domain(name.as_str())),
            IndicatorValue::Host(name) => self.id(&Key::Host(name.as_str())),
            IndicatorValue::Url(url) => {
                let (host, path) = (url::normal_host(url.host.as_str()), url::normal_path(&url.path));
                self.id(&Key::Url { host, port: url::normal_port(url.port), path: &path })
            }
            IndicatorValue::Ja4(fingerprint) => self.id(&Key::Ja4(&fingerprint)),
            IndicatorValue::CertificateSha1(hash) => self.id(&Key::Sha1(&hash)),
            IndicatorValue::CertificateSha256(hash) => self.id(&Key::Sha256(&hash)),
        };
        let id = id.ok_or(SetFull)?;
        for context in contexts {
            self.add_context(id, context);
        }
        Ok(id)
    }

    /// Number of indicators so far.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Contexts left out because of [`MAX_CONTEXTS_PER_INDICATOR`].
    pub fn contexts_left_out(&self) -> u64 {
        self.contexts_left_out
    }

    /// The set.
    pub fn build(mut self) -> IndicatorSet {
        self.store.shrink();
        let networks = Networks::new(self.store.ids().filter_map(|id| match self.store.key(id) {
            Some(Key::Network(net)) => Some((net, id)),
            _ => None,
        }));
        IndicatorSet { store: self.store, index: self.index, networks, hasher: self.hasher }
    }

    fn id(&mut self, key: &Key<'_>) -> Option<IndicatorId> {
        if let Some(id) = find(&self.store, &self.index, &self.hasher, key) {
            return Some(id);
        }
        let id = self.store.push(key)?;
        self.index.insert(self.hasher.hash_one(key), id.0);
        Some(id)
    }

    fn add_context(&mut self, id: IndicatorId, mut context: Context) {
        let line = context.line.take();
        let known = self.shared.get(&context).copied();
        let shared = known.or_else(|| {
            let context = Arc::new(context);
            let number = self.store.push_shared(Arc::clone(&context))?;
            self.shared.insert(context, number);
            Some(number)
        });
        let kept =
            shared.is_some_and(|shared| self.store.add_context(id, shared, line, MAX_CONTEXTS_PER_INDICATOR));
        self.contexts_left_out += u64::from(!kept);
    }
}

/// One form for addresses and prefixes: see [`IndicatorSet`].
fn canonical(value: &IndicatorValue) -> IndicatorValue {
    match value {
        IndicatorValue::Address(ip) => IndicatorValue::Address(ip.to_canonical()),
        IndicatorValue::AddressPort(ip, port) => IndicatorValue::AddressPort(ip.to_canonical(), *port),
        IndicatorValue::Network(net) => match canonical_network(net.trunc()) {
            net if net.prefix_len() == net.max_prefix_len() => IndicatorValue::Address(net.addr()),
            net => IndicatorValue::Network(net),
        },
        other => other.clone(),
    }
}

/// A prefix inside `::ffff:0:0/96` (RFC 4291 section 2.5.5.2) is the IPv4 prefix.
fn canonical_network(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let inner = v6.prefix_len().checked_sub(96).zip(v6.network().to_ipv4_mapped());
    inner.and_then(|(len, ip)| Ipv4Net::new(ip, len).ok()).map_or(net, IpNet::V4)
}

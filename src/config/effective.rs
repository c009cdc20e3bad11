//! What a program uses, key by key: for people who want to see it, and for whoever compares two configurations.
//!
//! It is read from the settings that are used, not from the text, so that defaults are among it and a value is shown as it was understood.

mod collector;
mod files;
mod intel;
mod sinks;
#[cfg(test)]
mod tests;

use super::{HomeNet, RunSettings, Settings, TapSettings, Verbosity};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use weir_net::secret;
use weir_net::units::{show_duration, show_size};

/// Every key that is in use, as `sink.soc.url`, with its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Effective(BTreeMap<String, Shown>);

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    /// As it may be written.
    Plain(Value),
    /// What nobody may see, or what is only compared: two of these are the same if what they stand for is. In memory only.
    Fingerprint(String),
}

impl Effective {
    /// All keys and values, in order, without those that are only compared.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &Shown)> {
        let is_compared_only = |key: &str| key.ends_with(files::CONTENT);
        self.0.iter().map(|(key, shown)| (key.as_str(), shown)).filter(move |(key, _)| !is_compared_only(key))
    }

    /// The keys that are not the same in another configuration, in order; of a file that is named only its content may differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// The same, but with what another configuration says of these keys.
    pub(crate) fn with(&self, other: &Self, keys: &[String]) -> Self {
        let mut all = self.0.clone();
        for key in keys {
            match other.0.get(key) {
                Some(value) => all.insert(key.clone(), value.clone()),
                None => all.remove(key),
            };
        }
        Self(all)
    }

    fn put(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let key = key.into();
        match value.into() {
            Value::Null => {}
            Value::Object(members) => {
                for (name, value) in members {
                    self.put(format!("{key}.{name}"), value);
                }
            }
            value => drop(self.0.insert(key.clone(), Shown::of(&key, value))),
        }
    }

    fn put_path(&mut self, key: &str, path: Option<&Path>) {
        self.put(key, path.map(|path| path.display().to_string()));
    }

    fn put_texts<T: ToString>(&mut self, key: impl Into<String>, values: impl IntoIterator<Item = T>) {
        self.put(key, values.into_iter().map(|value| Value::from(value.to_string())).collect::<Vec<_>>());
    }

    /// What can be written as it is read.
    fn put_written(&mut self, key: &str, written: &impl Serialize) {
        self.put(key, serde_json::to_value(written).unwrap_or_default());
    }
}

impl Shown {
    fn of(key: &str, value: Value) -> Self {
        let Some(text) = value.as_str() else { return Self::Plain(value) };
        if text.starts_with(secret::SHOWN) {
            return Self::Fingerprint(text.to_owned());
        }
        let last = key.rsplit('.').next().unwrap_or_default();
        // Keys of services stand in queries, and librdkafka takes any property.
        let is_secret =
            (last == "url" && text.contains('?')) || key.contains(".librdkafka.") && is_telling(key);
        if is_secret { Self::Fingerprint(secret::fingerprint(text.as_bytes())) } else { Self::Plain(value) }
    }
}

/// Whether a property of librdkafka may hold a secret.
fn is_telling(key: &str) -> bool {
    ["password", "secret", "token", ".pem", "jaas", "credential"].iter().any(|word| key.contains(word))
}

/// As it may stand in a configuration; of a secret that there is one.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => value.fmt(f),
            Self::Fingerprint(_) => f.write_str(secret::SHOWN),
        }
    }
}

impl RunSettings {
    /// What `weir run` uses of everything that it knows. Files that it names are read for what is in them: a certificate or a secret that
    /// was renewed is a difference.
    pub(crate) fn effective(&self) -> Effective {
        let mut effective = Effective::default();
        self.common.put(&mut effective);
        self.tap.put(&mut effective);
        self.collector.put(&mut effective);
        effective.put("drain", show_duration(self.drain));
        effective.put("sandbox", self.sandbox.keyword());
        let base = self.common.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        effective.put_contents(base);
        effective
    }
}

impl Settings {
    fn put(&self, to: &mut Effective) {
        to.put_texts("indicators", self.indicators.iter().map(|path| path.display()));
        to.put("no_screening", self.screening.is_off);
        self.put_network(to);
        to.put_texts("leave_out", self.privacy.left_out.networks());
        to.put_texts("tell_also", self.privacy.told.keywords());
        to.put_path("alerts", Some(&self.alerts));
        to.put("alerts_tlp", self.alerts_tlp.keyword().to_ascii_lowercase());
        to.put_path("flows", self.flows.as_deref());
        to.put_path("names", self.names.as_deref());
        to.put("format", self.format.keyword());
        to.put("quiet", self.verbosity == Verbosity::Quiet);
        to.put("bpf", self.bpf.clone());
        to.put("workers", self.workers);
        to.put("tcp_idle_timeout", show_duration(self.tcp_idle_timeout));
        to.put("idle_timeout", show_duration(self.idle_timeout));
        to.put("active_timeout", show_duration(self.active_timeout));
        to.put("flow_memory", show_size(self.flow_memory_bytes));
        to.put_path("state", self.state.as_deref());
        to.put("storm.per_minute", self.storm.map_or(Value::from("off"), Value::from));
        to.put("spool.size", show_size(self.spool.max_bytes));
        to.put("spool.age", show_duration(self.spool.max_age));
        to.put("spool.flows_size", show_size(self.freight.max_bytes));
        to.put("spool.flows_age", show_duration(self.freight.max_age));
        to.put("keep.files", show_duration(self.keep.files));
        to.put("keep.audit", show_duration(self.keep.audit));
        to.put("keep.set_aside", show_duration(self.keep.set_aside));
        self.screening.put(to);
        for source in &self.sources {
            source.put(to);
        }
        for sink in &self.sinks {
            sink.put(to);
        }
    }

    fn put_network(&self, to: &mut Effective) {
        match &self.home {
            HomeNet::Configured(networks) => to.put_texts("home_net", networks),
            HomeNet::PrivateRanges => to.put("home_net", Vec::<Value>::new()),
        }
        let mut roles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (role, network) in &self.roles {
            roles.entry(role.keyword()).or_default().push(network.to_string());
        }
        for (role, networks) in roles {
            to.put_texts(format!("role.{role}"), networks);
        }
    }
}

impl TapSettings {
    fn put(&self, to: &mut Effective) {
        to.put("interface", self.interfaces.clone());
        to.put("snaplen", self.snaplen);
        to.put("ring_size", show_size(self.ring_bytes.into()));
        to.put("no_promiscuous", !self.is_promiscuous);
        to.put("pin", self.is_pinned);
        to.put("listen", self.listen.map_or("off".to_owned(), |address| address.to_string()));
        let files = self.guard.tls.as_ref();
        to.put_path("listen_tls_cert", files.map(|files| files.certificate.as_path()));
        to.put_path("listen_tls_key", files.map(|files| files.key.as_path()));
        to.put_path("listen_tls_client_ca", files.and_then(|files| files.client_authority.as_deref()));
        let token = self.guard.token.as_ref();
        to.put_path("listen_token_file", token.and_then(|token| token.file.as_deref()));
        to.put("listen_token_env", token.and_then(|token| token.env.clone()));
        to.put_path("control", self.control.as_deref());
        to.put("canary", self.canary.map_or("off".to_owned(), show_duration));
    }
}

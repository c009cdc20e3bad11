//! What the configuration says of sources of intelligence: a table `[source.NAME]` each.
//!
//! Some keys are for all sources (`type`, `interval`, `enabled`, `policy`); the rest are the provider's own, which says in its
//! settings what it knows.

use super::policy::WrittenPolicy;
use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::{DeserializeOwned, Error as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use toml::{Spanned, Table, Value};
use weir_intel::library::{Guard, Policy};
use weir_intel::misp::MispSettings;
use weir_intel::{FeedSettings, TaxiiSettings};

/// A source as it is used.
#[derive(Clone, Debug)]
pub(crate) struct SourceSettings {
    /// As the operator calls it: in tables, alerts and metrics.
    pub name: String,
    /// How often it is asked.
    pub interval: Duration,
    /// Not asked otherwise; what it said before stays until it is removed.
    pub is_enabled: bool,
    pub policy: Policy,
    /// It may bring networks of any width.
    pub is_wide_allowed: bool,
    pub provider: ProviderSettings,
}

/// Which provider, and what it is told.
#[derive(Clone, Debug)]
pub(crate) enum ProviderSettings {
    Feed(Box<FeedSettings>),
    Misp(Box<MispSettings>),
    Taxii(Box<TaxiiSettings>),
}

impl SourceSettings {
    /// The file or folder on this host that it is, if it is one.
    pub(crate) fn local_path(&self) -> Option<&Path> {
        match &self.provider {
            ProviderSettings::Feed(feed) => feed.path.as_deref(),
            ProviderSettings::Misp(_) | ProviderSettings::Taxii(_) => None,
        }
    }

    /// Files of the operator's own, named as `--indicators` names them: nothing guards them.
    pub(super) fn of_files(named: &Path) -> Self {
        let path =
            weir_intel::Source::parse(named).map_or(named.to_owned(), |source| source.path().to_owned());
        let head = named.to_str().filter(|_| path != named).and_then(|text| text.split_once(':'));
        let feed = FeedSettings {
            format: head.map(|(format, _)| format.to_owned()),
            path: Some(path),
            ..FeedSettings::default()
        };
        let guard = Guard { floor: 0, least_share: 0.0, most_times: 0.0 };
        Self {
            name: named.display().to_string(),
            interval: DEFAULT_INTERVAL,
            is_enabled: true,
            policy: Policy { guard, ..Policy::default() },
            is_wide_allowed: false,
            provider: ProviderSettings::Feed(Box::new(feed)),
        }
    }

    /// What in its settings somebody should think about.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match &self.provider {
            ProviderSettings::Feed(feed) => feed.warnings(),
            ProviderSettings::Misp(misp) => misp.http.warnings(&misp.url),
            ProviderSettings::Taxii(taxii) => taxii.warnings(),
        }
    }

    /// As it is called in tables.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.provider {
            ProviderSettings::Feed(_) => "feed",
            ProviderSettings::Misp(_) => "misp",
            ProviderSettings::Taxii(_) => "taxii",
        }
    }
}

/// `[source.NAME]` as it is written.
pub(super) type WrittenSources = BTreeMap<String, BTreeMap<Spanned<String>, Spanned<Value>>>;

/// Sources at most: each has series of metrics and a row in tables.
const MOST_SOURCES: usize = 256;
/// Longest name, which is a label of metrics.
const MOST_NAME_BYTES: usize = 64;
/// Feeds are made anew every few minutes at most; asking more often only costs both sides.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(15);
/// A file is looked at as often as this, whatever its interval.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// The keys that all sources have.
const TYPE: &str = "type";
const INTERVAL: &str = "interval";
const ENABLED: &str = "enabled";
const POLICY: &str = "policy";

/// Checks all sources; `text` is the file, in which lines are counted.
pub(super) fn sources(written: WrittenSources, text: &str) -> Result<Vec<SourceSettings>> {
    if written.len() > MOST_SOURCES {
        bail!("{} sources are too many; the most is {MOST_SOURCES}", written.len());
    }
    written.into_iter().map(|(name, keys)| source(name, keys, text)).collect()
}

fn source(
    name: String,
    keys: BTreeMap<Spanned<String>, Spanned<Value>>,
    text: &str,
) -> Result<SourceSettings> {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MOST_NAME_BYTES || !name.bytes().all(of_name) {
        bail!("[source.{name}]: a name has letters, digits, `-`, `_` and `.`, at most {MOST_NAME_BYTES}");
    }
    let lines = Lines::of(&name, &keys, text);
    let mut table: Table =
        keys.into_iter().map(|(key, value)| (key.into_inner(), value.into_inner())).collect();
    let kind: String = match table.remove(TYPE) {
        Some(kind) => lines.checked(TYPE, kind.try_into())?,
        None => bail!("[source.{name}] does not say what it is: type = \"feed\", \"misp\" or \"taxii\""),
    };
    let interval = match table.remove(INTERVAL) {
        Some(interval) => lines.checked(INTERVAL, time(interval))?,
        None => DEFAULT_INTERVAL,
    };
    let is_enabled = match table.remove(ENABLED) {
        Some(enabled) => lines.checked(ENABLED, enabled.try_into())?,
        None => true,
    };
    let (policy, is_wide_allowed) = match table.remove(POLICY) {
        Some(policy) => lines.policy(policy)?,
        None => (Policy::default(), false),
    };
    let provider = match kind.as_str() {
        "feed" => ProviderSettings::Feed(Box::new(lines.own(&table)?)),
        "misp" => ProviderSettings::Misp(Box::new(lines.own(&table)?)),
        "taxii" => ProviderSettings::Taxii(Box::new(lines.own(&table)?)),
        other => bail!(
            "{}there is no type `{other}`; there are feed (files, URLs), misp and taxii",
            lines.place(Some(TYPE))
        ),
    };
    Ok(SourceSettings { name, interval, is_enabled, policy, is_wide_allowed, provider })
}

fn time(written: Value) -> Result<Duration, toml::de::Error> {
    let text: String = written.try_into()?;
    let time = super::long_duration(&text);
    let wrong = || toml::de::Error::custom(format!("`{text}` is not a time such as 30s, 15m, 6h or 1d"));
    time.map(|time| time.max(LEAST_INTERVAL)).ok_or_else(wrong)
}

/// Where in the file the keys of a source stand.
struct Lines {
    source: String,
    keys: BTreeMap<String, usize>,
}

impl Lines {
    fn of(source: &str, keys: &BTreeMap<Spanned<String>, Spanned<Value>>, text: &str) -> Self {
        let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let keys = keys.keys().map(|key| (key.get_ref().clone(), line(key.span().start))).collect();
        Self { source: source.to_owned(), keys }
    }

    /// `line 12: [source.misp]: `, or without a line where the key is not known.
    fn place(&self, key: Option<&str>) -> String {
        match key.and_then(|key| self.keys.get(key)) {
            Some(line) => format!("line {line}: [source.{}]: ", self.source),
            None => format!("[source.{}]: ", self.source),
        }
    }

    fn checked<T>(&self, key: &str, read: Result<T, toml::de::Error>) -> Result<T> {
        read.map_err(|error| anyhow!("{}`{key}`: {}", self.place(Some(key)), plain(&error)))
    }

    fn policy(&self, written: Value) -> Result<(Policy, bool)> {
        let written: WrittenPolicy = self.checked(POLICY, written.try_into())?;
        let is_wide_allowed = written.allow_wide;
        let policy =
            written.policy().map_err(|error| anyhow!("{}`{POLICY}`: {error}", self.place(Some(POLICY))))?;
        Ok((policy, is_wide_allowed))
    }

    /// The settings of the provider. The message of a wrong one names its key, whose line is looked up.
    fn own<T: DeserializeOwned>(&self, table: &Table) -> Result<T> {
        if let Ok(settings) = table.clone().try_into() {
            return Ok(settings);
        }
        // Which key is wrong is found by leaving one out at a time: then that complaint is gone.
        let error = table.clone().try_into::<T>().err().context("it can be read after all")?;
        let said = plain(&error);
        let is_at_fault = |key: &&String| {
            let mut others = table.clone();
            others.remove(key.as_str());
            others.try_into::<T>().err().is_none_or(|error| plain(&error) != said)
        };
        let key = table.keys().find(is_at_fault).map(String::as_str);
        let of_key = key.map_or(String::new(), |key| format!("`{key}`: "));
        bail!("{}{of_key}{said}", self.place(key))
    }
}

/// The message without the parser's own places, which are of the table alone.
fn plain(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

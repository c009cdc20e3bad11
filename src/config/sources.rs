//! What the configuration says of sources of intelligence: a table `[source.NAME]` each.
//!
//! Some keys are for all sources (`type`, `interval`, `enabled`, `policy`); the rest are the provider's own, which says in its
//! settings what it knows.

use super::mistake::Mistake;
use super::named::{Family, NamedTable, WrittenTables};
use super::policy::WrittenPolicy;
use serde::de::Error as _;
use std::path::Path;
use std::time::Duration;
use toml::{Table, Value};
use weir_intel::library::{Guard, Policy};
use weir_intel::misp::{MispProvider, MispSettings};
use weir_intel::{FeedSettings, Provider, SyncError, TaxiiSettings};

/// A source as it is used.
#[derive(Clone, Debug)]
pub(crate) struct SourceSettings {
    /// As the operator calls it: in tables, alerts and metrics.
    pub name: String,
    /// How often it is asked.
    pub interval: Duration,
    /// Otherwise it is not asked, and nothing counts of what it said, which is kept until it is removed.
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

    /// What asks it. Reads the files that the settings name; relative paths begin at `base`.
    pub(crate) fn provider(&self, base: &Path) -> Result<Box<dyn Provider>, SyncError> {
        let name = self.name.as_str();
        Ok(match &self.provider {
            ProviderSettings::Feed(feed) => feed.provider(name, base)?,
            ProviderSettings::Taxii(taxii) => taxii.provider(name, base)?,
            ProviderSettings::Misp(misp) => Box::new(MispProvider::new(name, (**misp).clone(), base)?),
        })
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

/// Tables `[source.NAME]`.
const SOURCES: Family = Family { word: "source", most: 256 };
/// Feeds are made anew every few minutes at most; asking more often only costs both sides.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(15);
/// A file is looked at as often as this, whatever its interval.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// The keys that all sources have.
const TYPE: &str = "type";
const INTERVAL: &str = "interval";
const ENABLED: &str = "enabled";
const POLICY: &str = "policy";

/// All sources, and what is wrong with others; `text` is the file, in which lines are counted.
pub(super) fn sources(written: WrittenTables, text: &str) -> (Vec<SourceSettings>, Vec<Mistake>) {
    SOURCES.read(written, text, source)
}

fn source(mut table: NamedTable) -> Result<SourceSettings, Mistake> {
    let name = table.name().to_owned();
    let Some(kind) = table.take::<String>(TYPE)? else {
        return Err(table.wrong(
            None,
            "does not say what it is",
            "write type = \"feed\", \"misp\" or \"taxii\"",
        ));
    };
    let interval = table.take_with(INTERVAL, time)?.unwrap_or(DEFAULT_INTERVAL);
    let is_enabled = table.take(ENABLED)?.unwrap_or(true);
    let (policy, is_wide_allowed) = match table.take::<WrittenPolicy>(POLICY)? {
        Some(written) => {
            let is_wide_allowed = written.allow_wide;
            let wrong = |error: String| {
                let (what, remedy) = error
                    .split_once("; ")
                    .unwrap_or((&error, "see what it takes: weir config explain source.NAME.policy"));
                table.wrong(Some(POLICY), what, remedy)
            };
            (written.policy().map_err(wrong)?, is_wide_allowed)
        }
        None => (Policy::default(), false),
    };
    let provider = match kind.as_str() {
        "feed" => ProviderSettings::Feed(Box::new(table.own(Table::try_into)?)),
        "misp" => ProviderSettings::Misp(Box::new(table.own(Table::try_into)?)),
        "taxii" => ProviderSettings::Taxii(Box::new(table.own(Table::try_into)?)),
        other => {
            let what = format!("there is no type `{other}`");
            return Err(table.wrong(Some(TYPE), &what, "write feed (files, URLs), misp or taxii"));
        }
    };
    Ok(SourceSettings { name, interval, is_enabled, policy, is_wide_allowed, provider })
}

fn time(written: Value) -> Result<Duration, toml::de::Error> {
    let text: String = written.try_into()?;
    let time = super::long_duration(&text);
    let wrong = || toml::de::Error::custom(format!("`{text}` is not a time such as 30s, 15m, 6h or 1d"));
    time.map(|time| time.max(LEAST_INTERVAL)).ok_or_else(wrong)
}

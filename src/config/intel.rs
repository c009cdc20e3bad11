//! What the settings say of intelligence.

use super::{HomeNet, SourceSettings};
use anyhow::{Result, bail};
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the keeper, `weir intel` and `weir explain` use.
#[derive(Clone, Debug)]
pub(crate) struct IntelSettings {
    /// The file in which they stood.
    pub config: Option<PathBuf>,
    pub state: Option<PathBuf>,
    /// Files that are read as they are, beside the sources.
    pub indicators: Vec<PathBuf>,
    pub home: HomeNet,
    pub sources: Vec<SourceSettings>,
    pub screening: ScreeningSettings,
}

/// `[screening]`: what indicators are held against before they count.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScreeningSettings {
    /// Nothing is held against anything; `--no-screening`, not a key of this table.
    #[serde(skip)]
    pub is_off: bool,
    /// A folder with MISP's warninglists (its `lists/`), beside those that are shipped.
    pub warninglists: Option<PathBuf>,
    /// The public suffix list (publicsuffix.org), in place of the one that is shipped.
    pub public_suffixes: Option<PathBuf>,
    /// What a list does, by its name, where it is to be otherwise than shipped.
    pub actions: BTreeMap<String, String>,
}

impl IntelSettings {
    /// The sources of the settings, and the files beside them, each a source by its path.
    pub(crate) fn all_sources(&self) -> Vec<SourceSettings> {
        let files = self.indicators.iter().map(|named| SourceSettings::of_files(named));
        self.sources.iter().cloned().chain(files).collect()
    }

    /// The state directory, which sources need.
    pub(crate) fn state_for_sources(&self) -> Result<PathBuf> {
        match &self.state {
            _ if self.sources.is_empty() => bail!(
                "there are no sources{}; each has a table [source.NAME] there (docs/INTELLIGENCE.md)",
                self.config.as_deref().map_or(", because no --config FILE is given".to_owned(), |path| {
                    format!(" in {}", path.display())
                })
            ),
            Some(folder) => Ok(folder.clone()),
            None => bail!(
                "sources need a place where what they say is kept: state = \"/var/lib/weir\" in the configuration, or --state DIR"
            ),
        }
    }

    /// What is said to whoever names a source that there is not.
    pub(crate) fn no_such_source(&self, name: &str) -> String {
        let names: Vec<_> = self.sources.iter().map(|source| source.name.as_str()).collect();
        match names.as_slice() {
            [] => format!("there is no source `{name}`: there are none"),
            names => format!("there is no source `{name}`; there are {}", names.join(", ")),
        }
    }

    /// The folder in which relative paths of sources begin.
    pub(crate) fn base(&self) -> &Path {
        self.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }

    /// Our own networks, if somebody said which: the private ranges are no list of what is ours.
    pub(crate) fn own_networks(&self) -> Vec<IpNet> {
        match &self.home {
            HomeNet::Configured(networks) => networks.clone(),
            HomeNet::PrivateRanges => Vec::new(),
        }
    }
}

impl ScreeningSettings {
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.warninglists.iter_mut().chain(&mut self.public_suffixes)
    }
}

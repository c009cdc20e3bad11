//! What stands in a configuration file, key by key, and how the file is read.

use super::document::Document;
use super::keep::WrittenKeep;
use super::mistake::{Mistake, Mistakes};
use super::named::WrittenTables;
use super::sinks::WrittenSpool;
use super::storm::WrittenStorm;
use super::{ConfiguredSink, ScreeningSettings, SourceSettings, conflicts, examine, sinks, sources};
use crate::cli::{CommonArguments, RunArguments};
use anyhow::Result;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands in a configuration file: one key per flag of `weir read` and `weir run`, all optional; unknown keys are refused.
/// Paths are relative to the file's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    pub(super) indicators: Vec<PathBuf>,
    #[serde(default)]
    pub(super) home_net: Vec<String>,
    #[serde(default)]
    pub(super) role: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) leave_out: Vec<String>,
    #[serde(default)]
    pub(super) tell_also: Vec<String>,
    pub(super) alerts: Option<PathBuf>,
    pub(super) alerts_tlp: Option<String>,
    pub(super) flows: Option<PathBuf>,
    pub(super) names: Option<PathBuf>,
    pub(super) format: Option<String>,
    pub(super) metrics: Option<PathBuf>,
    pub(super) quiet: Option<bool>,
    pub(super) bpf: Option<String>,
    pub(super) tcp_idle_timeout: Option<String>,
    pub(super) idle_timeout: Option<String>,
    pub(super) active_timeout: Option<String>,
    pub(super) flow_memory: Option<String>,
    pub(super) state: Option<PathBuf>,
    pub(super) workers: Option<usize>,
    #[serde(default)]
    pub(super) netflow_port: Vec<u16>,
    #[serde(default)]
    pub(super) ipfix_port: Vec<u16>,
    #[serde(default)]
    pub(super) sflow_port: Vec<u16>,
    #[serde(default)]
    pub(super) datagrams: Vec<PathBuf>,
    #[serde(default)]
    pub(super) interface: Vec<String>,
    pub(super) snaplen: Option<u32>,
    pub(super) ring_size: Option<String>,
    pub(super) no_promiscuous: Option<bool>,
    pub(super) pin: Option<bool>,
    pub(super) listen: Option<String>,
    pub(super) listen_tls_cert: Option<PathBuf>,
    pub(super) listen_tls_key: Option<PathBuf>,
    pub(super) listen_tls_client_ca: Option<PathBuf>,
    pub(super) listen_token_file: Option<PathBuf>,
    pub(super) listen_token_env: Option<String>,
    pub(super) control: Option<PathBuf>,
    pub(super) canary: Option<String>,
    pub(super) sandbox: Option<String>,
    #[serde(default)]
    pub(super) netflow: Vec<String>,
    #[serde(default)]
    pub(super) ipfix: Vec<String>,
    #[serde(default)]
    pub(super) sflow: Vec<String>,
    #[serde(default)]
    pub(super) ipfix_tcp: Vec<String>,
    #[serde(default)]
    pub(super) ipfix_tls: Vec<String>,
    pub(super) ipfix_tls_cert: Option<PathBuf>,
    pub(super) ipfix_tls_key: Option<PathBuf>,
    pub(super) ipfix_tls_client_ca: Option<PathBuf>,
    #[serde(default)]
    pub(super) exporter: Vec<String>,
    #[serde(default)]
    pub(super) exporter_sampling: Vec<String>,
    pub(super) collectors: Option<usize>,
    pub(super) receive_buffer: Option<String>,
    #[serde(default)]
    pub(super) spool: WrittenSpool,
    #[serde(default)]
    pub(super) keep: WrittenKeep,
    pub(super) drain: Option<String>,
    #[serde(default)]
    pub(super) storm: WrittenStorm,
    pub(super) no_screening: Option<bool>,
    #[serde(default)]
    pub(super) screening: ScreeningSettings,
    #[serde(default, rename = "source", deserialize_with = "read_elsewhere")]
    pub(super) sources: Vec<SourceSettings>,
    #[serde(default, rename = "sink", deserialize_with = "read_elsewhere")]
    pub(super) sinks: Vec<ConfiguredSink>,
    /// The file itself.
    #[serde(skip)]
    pub(super) path: Option<PathBuf>,
}

/// The tables that the operator names, which are read one by one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    source: WrittenTables,
    sink: WrittenTables,
}

fn read_elsewhere<'de, T, D: Deserializer<'de>>(written: D) -> Result<Vec<T>, D::Error> {
    IgnoredAny::deserialize(written).map(|_| Vec::new())
}

impl Written {
    /// The file that the flags name; nothing where they name none.
    pub(super) fn named_by(flags: &CommonArguments) -> Result<Self> {
        Ok(flags.config.as_deref().map(Self::load).transpose()?.unwrap_or_default())
    }

    /// The same; where nobody says what to watch, the file of the service, if it is there.
    pub(super) fn for_run(flags: &RunArguments, usual: &Path) -> Result<Self> {
        let said =
            flags.common.config.is_some() || !flags.interface.is_empty() || flags.collector.is_listening();
        if said || !usual.exists() { Self::named_by(&flags.common) } else { Ok(Self::load(usual)?) }
    }

    /// Reads a file. What is wrong with it is said all at once.
    pub(super) fn load(path: &Path) -> Result<Self, Mistakes> {
        let document = Document::read(path)?;
        let all = |mistakes| Mistakes::new(path, mistakes);
        let tree = document.tree().map_err(all)?;
        let mut mistakes = examine::examine(&document, &tree);
        let (sources, sinks) = named_tables(&document.text, &mut mistakes);
        mistakes.extend(conflicts::conflicts(&document, &tree, &sinks));
        if !mistakes.is_empty() {
            return Err(all(mistakes));
        }
        let written: Self = toml::from_str(&document.text).map_err(|error| {
            let line = error.span().map(|span| document.line(&span));
            all(vec![Mistake::at(line, error.message(), "see how it is written: weir config example")])
        })?;
        let mut written = Self { sources, sinks, path: Some(path.to_owned()), ..written };
        let folder = document.folder();
        for named in &mut written.indicators {
            *named = weir_intel::Source::rebase(named, folder);
        }
        for path in written.paths_mut().filter(|path| path.as_os_str() != "-") {
            *path = folder.join(&path);
        }
        Ok(written)
    }

    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.alerts
            .as_mut()
            .into_iter()
            .chain(self.flows.as_mut())
            .chain(self.names.as_mut())
            .chain(self.metrics.as_mut())
            .chain(self.state.as_mut())
            .chain(self.control.as_mut())
            .chain(self.listen_tls_cert.as_mut())
            .chain(self.listen_tls_key.as_mut())
            .chain(self.listen_tls_client_ca.as_mut())
            .chain(self.listen_token_file.as_mut())
            .chain(&mut self.datagrams)
            .chain(self.ipfix_tls_cert.as_mut())
            .chain(self.ipfix_tls_key.as_mut())
            .chain(self.ipfix_tls_client_ca.as_mut())
            .chain(self.screening.paths_mut())
    }
}

/// Sources and sinks. Of tables in which a mistake was found no other is looked for: it may follow from the first.
fn named_tables(text: &str, mistakes: &mut Vec<Mistake>) -> (Vec<SourceSettings>, Vec<ConfiguredSink>) {
    let mut named: Named = toml::from_str(text).unwrap_or_default();
    let is_well = |family: &str, name: &str| {
        let header = format!("[{family}.{name}]");
        mistakes.iter().all(|mistake| mistake.place != header)
    };
    named.source.retain(|name, _| is_well("source", name.get_ref()));
    named.sink.retain(|name, _| is_well("sink", name.get_ref()));
    let (sources, of_sources) = sources::sources(named.source, text);
    let (sinks, of_sinks) = sinks::sinks(named.sink, text);
    mistakes.extend(of_sources.into_iter().chain(of_sinks));
    (sources, sinks)
}

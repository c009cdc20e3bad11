//! Where flows, names and ledgers wait for sinks that have them spooled: a file for each in the folder `freight` of the state directory.

use crate::config::ConfiguredSink;
use crate::output::complain;
use crate::state::{DEPOTS, State, make_folder_once, prepare_spool};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use weir_alert::spool::{Depot, DepotCounts, Limits};

/// Of the files in it; before it stands the name of the sink.
const SUFFIX: &str = "sqlite";
/// What stands between where a sink has pseudonyms. What waits is written already: a sink that shall have them gets nothing that was
/// written without. No name has a tilde.
const WITH_PSEUDONYMS: &str = "~pseudonyms";

/// All that are open.
pub(super) struct Depots {
    /// Without a state directory nothing is spooled but messages.
    folder: Option<PathBuf>,
    limits: Limits,
    open: BTreeMap<String, Depot>,
}

impl Depots {
    /// None is open.
    pub(super) fn new(state: Option<&State>, limits: Limits) -> Self {
        Self { folder: state.map(|state| state.path(DEPOTS)), limits, open: BTreeMap::new() }
    }

    /// Other limits count from here on.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.open.values().for_each(|depot| depot.set_limits(limits));
    }

    /// That of a sink, the same for all who serve it. One that does not want it any more still gets what is there.
    pub(super) fn open(&mut self, sink: &ConfiguredSink) -> Result<Option<Depot>> {
        let (is_wanted, stem, sink) = (!sink.spool.is_empty(), stem(sink), &sink.name);
        let Some(folder) = &self.folder else {
            if is_wanted {
                complain(&format!(
                    "`spool` of sink `{sink}` has no effect without a state directory (--state DIR)"
                ));
            }
            return Ok(None);
        };
        if let Some(open) = self.open.get(&stem) {
            return Ok(Some(open.clone()));
        }
        let path = folder.join(format!("{stem}.{SUFFIX}"));
        if !is_wanted && !path.exists() {
            return Ok(None);
        }
        make(folder)?;
        let cannot = || format!("cannot use {}", path.display());
        prepare_spool(folder, &path).with_context(cannot)?;
        let (depot, aside) = Depot::open_or_set_aside(&path, self.limits).with_context(cannot)?;
        // Another was begun where this was set aside.
        prepare_spool(folder, &path).with_context(cannot)?;
        if let Some(aside) = aside {
            complain(&format!(
                "what was spooled for sink `{sink}` cannot be read, and lies in {}: {}; it is begun anew",
                aside.path.display(),
                aside.error
            ));
        }
        self.open.insert(stem, depot.clone());
        Ok(Some(depot))
    }

    /// All that are open, by the names of their files.
    pub(super) fn all(&self) -> Vec<(String, Depot)> {
        self.open.iter().map(|(sink, depot)| (sink.clone(), depot.clone())).collect()
    }

    /// Nothing is kept for this sink any more. Nobody may serve it.
    pub(super) fn forget_one(&mut self, sink: &str) -> Result<()> {
        for stem in [sink.to_owned(), format!("{sink}{WITH_PSEUDONYMS}")] {
            self.open.remove(&stem);
            let path = self.folder.as_ref().map(|folder| folder.join(format!("{stem}.{SUFFIX}")));
            path.filter(|path| path.exists()).map_or(Ok(()), |path| self.forget(&path, sink))?;
        }
        Ok(())
    }

    /// Nothing is kept for sinks that nobody configures any more; for those that are disabled it is.
    pub(super) fn forget_others(&self, sinks: &[ConfiguredSink]) -> Result<()> {
        let Some(folder) = self.folder.as_deref().filter(|folder| folder.exists()) else { return Ok(()) };
        let cannot = || format!("cannot look into {}", folder.display());
        for found in std::fs::read_dir(folder).with_context(cannot)? {
            let path = found.with_context(cannot)?.path();
            let is_depot = path.extension().is_some_and(|extension| extension == SUFFIX);
            let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_depot) else {
                continue;
            };
            if !sinks.iter().any(|sink| stem(sink) == name) {
                self.forget(&path, name.trim_end_matches(WITH_PSEUDONYMS))?;
            }
        }
        Ok(())
    }

    fn forget(&self, path: &Path, sink: &str) -> Result<()> {
        let waited = Depot::open(path, self.limits).map(|depot| depot.counts()).unwrap_or_default();
        let waited: u64 = waited.values().map(DepotCounts::waiting).sum();
        if waited > 0 {
            complain(&format!(
                "{waited} flows, names or ledgers waited for sink `{sink}`, which is not configured so any more: they are dropped"
            ));
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The name of its file, without suffix.
fn stem(sink: &ConfiguredSink) -> String {
    let with = if sink.has_pseudonyms { WITH_PSEUDONYMS } else { "" };
    format!("{}{with}", sink.name)
}

fn make(folder: &Path) -> Result<()> {
    make_folder_once(folder.parent().unwrap_or(folder), folder)
        .with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{CommonArguments, RunArguments};
    use crate::config::Settings;
    use std::time::Duration;

    /// A sink that has flows spooled, as it is configured.
    fn sink(folder: &Path, more: &str) -> ConfiguredSink {
        let text = "[sink.partner]\ntype = \"stdout\"\nsend = [\"flows\"]\nspool = [\"flows\"]\n";
        let path = folder.join("weir.toml");
        std::fs::write(&path, format!("interface = [\"lo\"]\n{text}{more}")).unwrap();
        let common = CommonArguments { config: Some(path), ..CommonArguments::default() };
        let settings = Settings::for_run(&RunArguments { common, ..RunArguments::default() }).unwrap();
        settings.common.sinks.first().unwrap().clone()
    }

    #[test]
    fn what_waits_without_pseudonyms_is_nothing_for_a_sink_that_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        let limits = Limits { max_bytes: 1 << 20, max_age: Duration::from_hours(1) };
        let (plain, veiled) = (sink(folder.path(), ""), sink(folder.path(), "pseudonyms = true\n"));
        let mut depots = Depots::new(Some(&state), limits);
        for sink in [&plain, &veiled] {
            assert!(depots.open(sink).unwrap().is_some());
        }
        let path = |name: &str| state.path(DEPOTS).join(name);
        let (without, with) = (path("partner.sqlite"), path("partner~pseudonyms.sqlite"));
        assert!(without.exists() && with.exists());
        Depots::new(Some(&state), limits).forget_others(&[veiled]).unwrap();
        assert!(!without.exists() && with.exists());
        depots.forget_one("partner").unwrap();
        assert!(!with.exists());
    }
}

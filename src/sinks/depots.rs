//! Where flows, names and ledgers wait for sinks that have them spooled: a file for each in the folder `freight` of the state directory.

use crate::config::ConfiguredSink;
use crate::output::complain;
use crate::state::{DEPOTS, State};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use weir_alert::spool::{Depot, DepotCounts, Limits};

/// Of the files in it; before it stands the name of the sink.
const SUFFIX: &str = "sqlite";

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
    pub(super) fn open(&mut self, sink: &str, is_wanted: bool) -> Result<Option<Depot>> {
        let Some(folder) = &self.folder else {
            if is_wanted {
                complain(&format!(
                    "`spool` of sink `{sink}` has no effect without a state directory (--state DIR)"
                ));
            }
            return Ok(None);
        };
        if let Some(open) = self.open.get(sink) {
            return Ok(Some(open.clone()));
        }
        let path = folder.join(format!("{sink}.{SUFFIX}"));
        if !is_wanted && !path.exists() {
            return Ok(None);
        }
        make(folder)?;
        let (depot, aside) = Depot::open_or_set_aside(&path, self.limits)
            .with_context(|| format!("cannot use {}", path.display()))?;
        if let Some(aside) = aside {
            complain(&format!(
                "what was spooled for sink `{sink}` cannot be read, and lies in {}: {}; it is begun anew",
                aside.path.display(),
                aside.error
            ));
        }
        self.open.insert(sink.to_owned(), depot.clone());
        Ok(Some(depot))
    }

    /// All that are open, by sink.
    pub(super) fn all(&self) -> Vec<(String, Depot)> {
        self.open.iter().map(|(sink, depot)| (sink.clone(), depot.clone())).collect()
    }

    /// Nothing is kept for this sink any more. Nobody may serve it.
    pub(super) fn forget_one(&mut self, sink: &str) -> Result<()> {
        self.open.remove(sink);
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{sink}.{SUFFIX}")));
        path.filter(|path| path.exists()).map_or(Ok(()), |path| self.forget(&path, sink))
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
            if !sinks.iter().any(|sink| sink.name == name) {
                self.forget(&path, name)?;
            }
        }
        Ok(())
    }

    fn forget(&self, path: &Path, sink: &str) -> Result<()> {
        let waited = Depot::open(path, self.limits).map(|depot| depot.counts()).unwrap_or_default();
        let waited: u64 = waited.values().map(DepotCounts::waiting).sum();
        if waited > 0 {
            complain(&format!(
                "{waited} flows, names or ledgers waited for sink `{sink}`, which is not configured any more: they are dropped"
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

fn make(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot create {}", folder.display()))
}

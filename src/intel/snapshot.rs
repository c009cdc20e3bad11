//! The compiled set on disk: a run that begins maps it, and is armed before any source was asked.

use crate::state::{self, State};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::Path;
use std::time::SystemTime;
use weir_mem::Mapped;
use weir_rules::IndicatorSet;

/// In the state directory.
const FILE: &str = "indicators.set";

/// The set of the last run; `None` where there was none.
pub(super) fn load(state: &State) -> Result<Option<IndicatorSet>> {
    let path = state.path(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    let image = Mapped::new(&file).with_context(|| format!("cannot map {}", path.display()))?;
    let snapshot = IndicatorSet::from_snapshot(image);
    Ok(Some(snapshot.with_context(|| format!("cannot use {}", path.display()))?.set))
}

/// Writes a set: whole or not at all, also when the machine stops meanwhile. One that is mapped keeps the file that it is from.
pub(super) fn save(state: &State, set: &IndicatorSet) -> Result<()> {
    let (path, fresh) = (state.path(FILE), state.path("indicators.set.new"));
    let write = || {
        // Its secrets let whoever reads them prepare names that make look-ups slow.
        let file = state::begin(state.folder(), &fresh)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        set.write_snapshot(&[], &mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        std::fs::rename(&fresh, &path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// When the one in a state directory was written.
pub(super) fn written(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder.join(FILE)).ok()?.modified().ok()
}
